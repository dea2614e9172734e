using System.Globalization;
using System.Runtime.InteropServices;

namespace NoslateFleet.Emulator.PlatformBox;

/// <summary>
/// All processes of an instance: its first one leads a process group of its own, and everything it starts, workers of functions included,
/// is in it. One kill(2) reaches the whole group under one lock of the kernel, a process that is being forked too, so that an
/// instance freezes as one, as in a container's freezer: no part of it ever runs beside a frozen other one and takes it for dead.
/// </summary>
internal sealed class ProcessGroup(int id)
{
    public const int SigTerm = 15;

    private const int SigKill = 9;
    private const int SigContinue = 18;
    private const int SigStop = 19;

    /// <summary>How often to look at what no event tells.</summary>
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(2);

    public int Id => id;

    /// <summary>Stops every process; ends when each of them stands.</summary>
    /// <exception cref="TimeoutException">One goes on.</exception>
    public async Task FreezeAsync(TimeProvider clock)
    {
        Send(-id, SigStop);
        await AwaitAsync(() => States().All(state => state is 'T' or 't' or 'Z' or 'X'), "a process can't be frozen", clock);
    }

    public void Thaw() => Send(-id, SigContinue);

    public void Kill() => Send(-id, SigKill);

    /// <summary>Waits until no process is left; a dead one that nobody has reaped is none.</summary>
    /// <returns>How many are left when the limit is over.</returns>
    public async Task<int> GoneAsync(TimeProvider clock)
    {
        try
        {
            await AwaitAsync(() => Living() == 0, "", clock);
            return 0;
        }
        catch (TimeoutException)
        {
            return Living();
        }
    }

    public static void Send(int target, int signal) => _ = SendSignal(target, signal);

    private int Living() => States().Count(state => state is not ('Z' or 'X'));

    /// <summary>The states of the group's processes, as in /proc/PID/stat.</summary>
    private IEnumerable<char> States()
    {
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!char.IsAsciiDigit(directory["/proc/".Length]))
                continue;
            string stat;
            try
            {
                stat = File.ReadAllText(Path.Combine(directory, "stat"));
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // It has just ended.
                continue;
            }

            // pid (name) state parent group ...; a name may hold anything, a bracket too.
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ', 4);
            if (fields.Length > 2 && int.Parse(fields[2], CultureInfo.InvariantCulture) == id)
                yield return fields[0][0];
        }
    }

    private static async Task AwaitAsync(Func<bool> condition, string otherwise, TimeProvider clock)
    {
        long begun = clock.GetTimestamp();
        while (!condition())
        {
            if (clock.GetElapsedTime(begun) > TimeSpan.FromSeconds(5))
                throw new TimeoutException(otherwise);
            await Task.Delay(Glance, clock);
        }
    }

    // SYSLIB1054: the generated marshalling would need unsafe code for two integers.
#pragma warning disable SYSLIB1054
    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SendSignal(int pid, int signal);
#pragma warning restore SYSLIB1054
}
