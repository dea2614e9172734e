namespace NoslateFleet.Tests.Common;

/// <summary>A directory of a test's own, with a path short enough for unix sockets; removed at the end.</summary>
public sealed class TempDirectory : IDisposable
{
    public TempDirectory() => Directory.CreateDirectory(Path);

    public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), "nf-" + Guid.NewGuid().ToString("N")[..8]);

    public string Combine(params string[] parts) => System.IO.Path.Combine([Path, .. parts]);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
