using System.Security.Cryptography;

namespace NoslateFleet.Emulator.PlatformBox;

/// <summary>The run's own directory and what it writes there: each step and when it began.</summary>
internal sealed class Journal : IDisposable
{
    private readonly TimeProvider clock;
    private readonly long begun;
    private readonly StreamWriter file;
    private readonly Lock gate = new();

    /// <summary>
    /// Makes the directory: in /tmp and nowhere else, because the path of a unix socket may not be longer than 107 bytes.
    /// </summary>
    public Journal(TimeProvider clock)
    {
        this.clock = clock;
        Root = $"/tmp/nf-box-{Environment.ProcessId}-{RandomNumberGenerator.GetHexString(4, lowercase: true)}";
        Directory.CreateDirectory(Root);
        file = new StreamWriter(Path.Combine(Root, "run.log")) { AutoFlush = true };
        begun = clock.GetTimestamp();
    }

    public string Root { get; }

    public TimeSpan Elapsed => clock.GetElapsedTime(begun);

    public void Write(string line)
    {
        lock (gate)
            file.WriteLine($"{Elapsed.TotalSeconds,8:F3} s  {line}");
    }

    public void Dispose() => file.Dispose();
}
