using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace NoslateFleet.Gateway.Supervision;

/// <summary>
/// Starts every child from one thread that lives as long as this object: the kernel sends the parent-death signal when the thread that started a
/// child ends, not when its process does. Where <c>setpriv</c> is there, a child is killed with us, however we end.
/// </summary>
internal sealed class StartThread : IDisposable
{
    // Parent gone between the fork and the signal's being set: nobody would ever tell. So the shell looks once more before it becomes the program.
    private const string Guard = "[ \"$PPID\" = \"$0\" ] || exit 125; exec \"$@\"";

    private readonly BlockingCollection<Action> _work = [];
    private readonly Lock _lock = new();
    private readonly HashSet<int> _started = [];
    private readonly Thread _thread;
    private string[] _wrapper = [];

    public StartThread()
    {
        _thread = new Thread(Run) { IsBackground = true, Name = "node-start" };
        _thread.Start();
    }

    /// <summary>Whether children die with us.</summary>
    public bool BindsChildren => _wrapper.Length > 0;

    /// <summary>Looks for the programs that bind a child's life to ours, and whether they do what is asked.</summary>
    public async Task PrepareAsync(IReadOnlyDictionary<string, string> environment, CancellationToken cancellationToken)
    {
        string[] wrapper = ["setpriv", "--pdeathsig", "KILL", "--", "sh", "-c", Guard, Environment.ProcessId.ToString(CultureInfo.InvariantCulture)];
        try
        {
            using var probe = await StartAsync([.. wrapper, "true"], environment, cancellationToken);
            probe.StandardInput.Close();
            await probe.WaitForExitAsync(cancellationToken);
            if (probe.ExitCode == 0)
            {
                _wrapper = wrapper;
            }
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // Not installed.
        }
    }

    /// <summary>Starts a process with its output and its errors redirected.</summary>
    /// <param name="command">Program and arguments.</param>
    /// <param name="environment">All of its environment.</param>
    /// <param name="cancellationToken">Given up before it was started.</param>
    /// <exception cref="System.ComponentModel.Win32Exception">It can't be started.</exception>
    public Task<Process> StartAsync(IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment, CancellationToken cancellationToken)
    {
        string[] words = [.. _wrapper, .. command];
        var start = new ProcessStartInfo(words[0], words[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Clear();
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Add(
            () =>
            {
                if (cancellationToken.IsCancellationRequested)
                {
                    started.SetCanceled(cancellationToken);
                    return;
                }

                try
                {
                    started.SetResult(Start(start));
                }
                catch (Exception error)
                {
                    started.SetException(error);
                }
            },
            CancellationToken.None);
        return started.Task;
    }

    /// <summary>Reaps a dead child if it is none that was started here: of those the runtime takes care, and their exit codes would be lost to it.</summary>
    public bool ReapStranger(int id)
    {
        lock (_lock)
        {
            return !_started.Contains(id) && ProcessTable.Reap(id);
        }
    }

    /// <summary>Ends the thread; a child that still lives is killed by that where children are bound.</summary>
    public void Dispose()
    {
        _work.CompleteAdding();
        _thread.Join();
        _work.Dispose();
    }

    private Process Start(ProcessStartInfo start)
    {
        var process = new Process { StartInfo = start, EnableRaisingEvents = true };
        int id;
        lock (_lock)
        {
            process.Start();
            id = process.Id;
            _started.Add(id);
        }

        // Whoever disposes of it has seen its end.
        process.Disposed += (_, _) => Forget(id);
        return process;
    }

    private void Forget(int id)
    {
        lock (_lock)
        {
            _started.Remove(id);
        }
    }

    private void Run()
    {
        foreach (var work in _work.GetConsumingEnumerable())
        {
            work();
        }
    }
}
