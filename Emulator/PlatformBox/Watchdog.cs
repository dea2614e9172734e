using System.Diagnostics;

namespace NoslateFleet.Emulator.PlatformBox;

/// <summary>
/// Ends what is left if the box itself is killed: a frozen instance could never notice that. A shell of its own session that knows
/// the groups and reads a pipe, which closes with the box.
/// </summary>
internal sealed class Watchdog : IAsyncDisposable
{
    private const string Script = """
        trap '' INT TERM HUP
        groups=' '
        while read -r what group; do
          case $what in
            add) groups="$groups$group " ;;
            remove) groups=${groups/ $group / } ;;
            done) exit 0 ;;
          esac
        done
        for group in $groups; do kill -KILL -- "-$group" 2>/dev/null; done
        rm -rf -- "$1"
        """;

    private readonly Process shell;
    private readonly Lock gate = new();

    public Watchdog(string directory)
    {
        var start = new ProcessStartInfo("setsid", ["bash", "-c", Script, "watchdog", directory])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        shell = Process.Start(start) ?? throw new InvalidOperationException("no process was started");
    }

    public void Add(ProcessGroup group) => Tell($"add {group.Id}");

    public void Remove(ProcessGroup group) => Tell($"remove {group.Id}");

    public async ValueTask DisposeAsync()
    {
        Tell("done");
        await shell.WaitForExitAsync();
        shell.Dispose();
    }

    private void Tell(string line)
    {
        lock (gate)
        {
            shell.StandardInput.Write(line + "\n");
            shell.StandardInput.Flush();
        }
    }
}
