using System.Globalization;
using System.Runtime.InteropServices;

namespace NoslateFleet.Gateway.Supervision;

/// <summary>Processes and signals, as Linux shows and takes them.</summary>
internal static class ProcessTable
{
    public const int SigKill = 9;
    public const int SigTerm = 15;

    private const int NoHang = 1;
    private const int SetDumpable = 4;
    private const int SetChildSubreaper = 36;

    /// <summary>The living and the dead children of this process that nobody has reaped: id, and whether it is dead.</summary>
    public static IReadOnlyList<(int Id, bool Dead)> Children()
    {
        var children = new List<(int, bool)>();
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(directory.AsSpan("/proc/".Length), NumberStyles.None, CultureInfo.InvariantCulture, out var id))
            {
                continue;
            }

            string stat;
            try
            {
                stat = File.ReadAllText(directory + "/stat");
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // It has just ended.
                continue;
            }

            // pid (name) state parent ...; a name may hold anything, a bracket too.
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ', 3);
            if (fields.Length == 3 && int.Parse(fields[1], CultureInfo.InvariantCulture) == Environment.ProcessId)
            {
                children.Add((id, fields[0] is "Z" or "X"));
            }
        }

        return children;
    }

    /// <summary>Sends a signal; one to a process that has gone is lost.</summary>
    public static void Signal(int id, int signal) => _ = Kill(id, signal);

    /// <summary>Takes one dead child off the table.</summary>
    /// <returns>Whether it was there and dead.</returns>
    public static bool Reap(int id) => WaitPid(id, out _, NoHang) == id;

    /// <summary>What our children leave behind when they die comes to us instead of to the first process, also where we are not the first ourselves.</summary>
    public static bool BecomeSubreaper() => Prctl(SetChildSubreaper, 1, 0, 0, 0) == 0;

    /// <summary>
    /// Nobody but whoever may look into every process can read our environment and our memory any more, nor attach to us: functions run as the same user,
    /// and what is ours has tokens and the platform's credentials in it. No core is dumped either. It does not go over to what we start.
    /// </summary>
    /// <returns>Whether it was done; elsewhere than on Linux it is not.</returns>
    public static bool HideOwnMemory() => OperatingSystem.IsLinux() && Prctl(SetDumpable, 0, 0, 0, 0) == 0;

    // SYSLIB1054: the generated marshalling would need unsafe code for a few integers.
#pragma warning disable SYSLIB1054
    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int pid, int signal);

    [DllImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int WaitPid(int pid, out int status, int options);

    [DllImport("libc", EntryPoint = "prctl", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Prctl(int option, nint second, nint third, nint fourth, nint fifth);
#pragma warning restore SYSLIB1054
}
