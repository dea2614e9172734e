namespace NoslateFleet.Bench.Hosts;

/// <summary>The node behind everything that is compared: the emulator with its built-in echo, in a directory of its own.</summary>
internal sealed class Upstream : IAsyncDisposable
{
    /// <summary>The function that echoes.</summary>
    public const string Function = "echo";

    private readonly DirectoryInfo _directory;
    private readonly Child _emulator;

    private Upstream(DirectoryInfo directory, Child emulator)
    {
        _directory = directory;
        _emulator = emulator;
    }

    public string Workdir => _directory.FullName;

    public static async Task<Upstream> StartAsync()
    {
        var directory = Directory.CreateTempSubdirectory("nf-bench-");
        try
        {
            var emulator = Path.Combine(AppContext.BaseDirectory, "NoslateFleet.Emulator.dll");
            return new Upstream(
                directory,
                await Child.StartAsync("emulator", "dotnet", [emulator, "--workdir", directory.FullName, "--echo"], ready: "ready"));
        }
        catch
        {
            directory.Delete(recursive: true);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _emulator.DisposeAsync();
        _directory.Delete(recursive: true);
    }
}
