using System.Diagnostics;
using System.Globalization;

namespace NoslateFleet.Gateway.Supervision;

/// <summary>One life of a child.</summary>
internal sealed class ChildProcess : IDisposable
{
    // A grandchild may hold the pipes open for as long as it likes.
    private static readonly TimeSpan _lastWords = TimeSpan.FromMilliseconds(500);

    private readonly Process _process;
    private readonly TimeProvider _time;
    private readonly Task _read;

    public ChildProcess(Process process, ChildOutput output, TimeProvider time)
    {
        _process = process;
        _time = time;
        Id = process.Id;
        process.StandardInput.Close();
        _read = Task.WhenAll(output.ReadAsync(process.StandardOutput.BaseStream), output.ReadAsync(process.StandardError.BaseStream));
        Exited = ExitAsync();
    }

    public int Id { get; }

    /// <summary>Ends when the process has, and what it wrote last was read; tells how it ended.</summary>
    public Task<string> Exited { get; }

    /// <summary>Asks it to end, and kills it when it does not within its time.</summary>
    /// <returns>How it ended.</returns>
    public async Task<string> EndAsync(TimeSpan grace)
    {
        ProcessTable.Signal(Id, ProcessTable.SigTerm);
        try
        {
            return await Exited.WaitAsync(grace > TimeSpan.Zero ? grace : TimeSpan.Zero, _time);
        }
        catch (TimeoutException)
        {
            Kill();
            return await Exited;
        }
    }

    public void Kill()
    {
        if (!Exited.IsCompleted)
        {
            ProcessTable.Signal(Id, ProcessTable.SigKill);
        }
    }

    public void Dispose() => _process.Dispose();

    private async Task<string> ExitAsync()
    {
        await _process.WaitForExitAsync(CancellationToken.None);
        try
        {
            await _read.WaitAsync(_lastWords, _time);
        }
        catch (TimeoutException)
        {
            // What comes later is forwarded all the same.
        }

        // As a shell does, the runtime shows a signal as 128 and its number.
        var code = _process.ExitCode;
        return string.Create(CultureInfo.InvariantCulture, $"{(code > 128 ? "signal" : "exit code")} {(code > 128 ? code - 128 : code)}");
    }
}
