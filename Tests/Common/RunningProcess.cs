using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace NoslateFleet.Tests.Common;

/// <summary>Signals, by their numbers on Linux.</summary>
public enum ProcessSignal
{
    Interrupt = 2,
    Term = 15,
    Continue = 18,
    Stop = 19,
}

/// <summary>One of the product's executables as a process of its own. It does not outlive this object.</summary>
public sealed class RunningProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _error = new();

    public RunningProcess(string program, string directory, IEnumerable<string> arguments, params string[] before)
        : this(Start([.. before, "dotnet", Path.Combine(AppContext.BaseDirectory, program), .. arguments], directory))
    {
    }

    /// <summary>Any program; its streams are taken.</summary>
    public RunningProcess(ProcessStartInfo start)
    {
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Add(_output, line.Data);
        _process.ErrorDataReceived += (_, line) => Add(_error, line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public string Output => Text(_output);

    public string Error => Text(_error);

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Resident memory in bytes: what it is now, and what it was at most.</summary>
    public (long Now, long Most) Memory()
    {
        var lines = File.ReadAllLines($"/proc/{_process.Id}/status");
        return (Bytes("VmRSS:"), Bytes("VmHWM:"));

        long Bytes(string name) =>
            long.Parse(lines.Single(l => l.StartsWith(name, StringComparison.Ordinal))[name.Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture) * 1024;
    }

    /// <summary>Waits until it has printed this.</summary>
    public Task SaysAsync(string text) => Until.TrueAsync(
        () => Output.Contains(text, StringComparison.Ordinal) || (HasExited ? throw new InvalidOperationException("it ended: " + Output + Error) : false),
        $"it does not say '{text}' but: {Output} {Error}");

    public void Terminate() => Send(ProcessSignal.Term);

    /// <summary>Sends it a signal.</summary>
    public void Send(ProcessSignal signal) => Send(_process.Id, signal);

    /// <summary>Sends a process a signal.</summary>
    internal static void Send(int process, ProcessSignal signal) => Assert.Equal(0, Kill(process, (int)signal));

    /// <summary>Whether the process ignores a signal, as it does if whoever started it did.</summary>
    public bool Ignores(ProcessSignal signal)
    {
        const string Name = "SigIgn:";
        var mask = File.ReadLines($"/proc/{_process.Id}/status").Single(line => line.StartsWith(Name, StringComparison.Ordinal))[Name.Length..];
        return (ulong.Parse(mask.Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) & (1UL << ((int)signal - 1))) != 0;
    }

    /// <summary>Processor time used so far, of all its threads, in the kernel's ticks of 10 ms.</summary>
    public TimeSpan ProcessorTime()
    {
        // The name in parentheses may itself have blanks.
        var fields = File.ReadAllText($"/proc/{_process.Id}/stat").Split(')')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var ticks = long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
        return TimeSpan.FromMilliseconds(ticks * 10);
    }

    public void KillHard() => _process.Kill();

    /// <summary>Kills it and all that it has started.</summary>
    public void KillTree() => _process.Kill(entireProcessTree: true);

    public async Task<int> ExitAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(45));
        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            // Its workers notice that it is gone and end by themselves.
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private static void Add(StringBuilder text, string? line)
    {
        if (line is not null)
        {
            lock (text)
            {
                text.Append(line).Append('\n');
            }
        }
    }

    private static string Text(StringBuilder text)
    {
        lock (text)
        {
            return text.ToString();
        }
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int pid, int signal);

    private static ProcessStartInfo Start(string[] words, string directory) => new(words[0], words[1..]) { WorkingDirectory = directory };
}
