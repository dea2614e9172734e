using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace NoslateFleet.Bench.Hosts;

/// <summary>A process that the comparison started, and what it uses.</summary>
internal sealed class Child : IAsyncDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

    private static readonly ConcurrentDictionary<Child, byte> _running = new();

    private readonly string _name;
    private readonly Process _process;
    private readonly List<string> _lastWords = [];

    private Child(string name, Process process)
    {
        _name = name;
        _process = process;
        process.ErrorDataReceived += (_, line) =>
        {
            lock (_lastWords)
            {
                _lastWords.Add(line.Data ?? "");
            }
        };
        process.BeginErrorReadLine();
        _running.TryAdd(this, 0);
    }

    public int Id => _process.Id;

    /// <summary>What the process said behind the word ready.</summary>
    public string ReadyText { get; private set; } = "";

    /// <summary>Processor time so far, user and system, from /proc; hundredths of a second.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            var stat = File.ReadAllText($"/proc/{Id}/stat");

            // The second field is the program's name in parentheses and may hold blanks; utime and stime are fields 14 and 15 (proc_pid_stat(5)).
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            var hundredths = long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
            return TimeSpan.FromMilliseconds(hundredths * 10);
        }
    }

    /// <summary>Resident memory, in MiB.</summary>
    public double ResidentMebibytes
    {
        get
        {
            var line = File.ReadLines($"/proc/{Id}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
            return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
        }
    }

    /// <summary>Starts this program again in another role.</summary>
    public static Task<Child> StartSelfAsync(string name, string[] args, IReadOnlyDictionary<string, string>? environment = null)
    {
        var self = Environment.ProcessPath!;
        return Path.GetFileNameWithoutExtension(self) == "dotnet"
            ? StartAsync(name, self, [typeof(Child).Assembly.Location, .. args], environment)
            : StartAsync(name, self, args, environment);
    }

    /// <summary>Starts a program and waits until it says that it is ready.</summary>
    public static async Task<Child> StartAsync(
        string name, string program, string[] args, IReadOnlyDictionary<string, string>? environment = null, string ready = Commands.Ready)
    {
        var child = Start(name, program, args, environment);
        try
        {
            while (true)
            {
                var line = await child.ReadLineAsync();
                if (line.Contains(ready, StringComparison.Ordinal))
                {
                    child.ReadyText = line[(line.IndexOf(ready, StringComparison.Ordinal) + ready.Length)..].Trim();
                    return child;
                }
            }
        }
        catch
        {
            await child.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts a program without waiting for a word from it.</summary>
    public static Child Start(string name, string program, string[] args, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, args)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (key, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[key] = value;
        }

        return new Child(name, Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start"));
    }

    /// <summary>Ends every process that is still there; whoever waits for one of them is told so by an exception.</summary>
    public static void KillAll()
    {
        foreach (var child in _running.Keys)
        {
            child.Kill();
        }
    }

    /// <summary>Reads and forgets what the process says from now on.</summary>
    public void IgnoreOutput() => _process.StandardOutput.ReadToEndAsync();

    /// <summary>Gives the process a command and returns its answer.</summary>
    public async Task<string> AskAsync(string command)
    {
        await _process.StandardInput.WriteLineAsync(command);
        await _process.StandardInput.FlushAsync();
        string line;
        do
        {
            line = await ReadLineAsync();
        }
        while (!line.StartsWith(Commands.Mark, StringComparison.Ordinal));
        return line[Commands.Mark.Length..];
    }

    /// <summary>Bytes that the process has allocated so far.</summary>
    public async Task<long> AllocatedAsync() => long.Parse(await AskAsync(Commands.Allocated), CultureInfo.InvariantCulture);

    public async ValueTask DisposeAsync()
    {
        if (_running.TryRemove(this, out _))
        {
            Kill();
            await _process.WaitForExitAsync();
            _process.Dispose();
        }
    }

    private void Kill()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
        }
    }

    private async Task<string> ReadLineAsync()
    {
        using var limit = new CancellationTokenSource(_patience);
        string? line;
        try
        {
            line = await _process.StandardOutput.ReadLineAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            throw new InvalidOperationException($"{_name} had not answered after {_patience.TotalSeconds} s");
        }

        if (line is not null)
        {
            return line;
        }

        await _process.WaitForExitAsync();
        lock (_lastWords)
        {
            throw new InvalidOperationException($"{_name} ended with exit code {_process.ExitCode}: {string.Join('\n', _lastWords)}");
        }
    }
}
