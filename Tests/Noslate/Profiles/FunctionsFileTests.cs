using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using NoslateFleet.Noslate.Profiles;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Noslate.Profiles;

/// <summary>Real files, real change notifications; only the delay after them is on a controlled clock.</summary>
#pragma warning disable CA1001 // xunit calls IAsyncLifetime.DisposeAsync.
public sealed class FunctionsFileTests : IAsyncLifetime
#pragma warning restore CA1001
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly string directory = Directory.CreateTempSubdirectory("ff-").FullName;
    private readonly ManualTimeProvider time = new();
    private readonly WarningCounter log = new();
    private readonly Channel<bool> changed = Channel.CreateUnbounded<bool>();
    private readonly List<string> versions = [];
    private FunctionsFile? file;

    private string FilePath => Path.Combine(directory, "functions.json");

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (file is not null)
            await file.DisposeAsync();
        Directory.Delete(directory, recursive: true);
    }

    private static string Content(string name) =>
        $$"""[{ "name": "{{name}}", "runtime": "nodejs", "url": "file:./code", "signature": "1", "handler": "index.handler" }]""";

    private async Task<FunctionsFile> StartAsync(string? path = null)
    {
        file = new FunctionsFile(path ?? FilePath, time, log);
        file.Changed += profiles =>
        {
            lock (versions)
                versions.Add(profiles.Functions.Count == 0 ? "" : profiles.Functions[0].Name);
            changed.Writer.TryWrite(true);
        };
        await file.StartAsync(CancellationToken.None);
        while (changed.Reader.TryRead(out _))
        {
            // What start itself raised.
        }

        return file;
    }

    /// <summary>In one step, so that a reading which is still under way never sees an empty file.</summary>
    private void Replace(string content)
    {
        var other = Path.Combine(directory, "replacement");
        File.WriteAllText(other, content);
        File.Move(other, FilePath, overwrite: true);
    }

    /// <summary>Waits for the kernel's word, which arms the delay, and lets the delay pass.</summary>
    private async Task PassDelayAsync()
    {
        await time.WhenArmedAsync();
        time.Advance(FunctionsFile.LongestDelay);
    }

    private async Task AwaitChangeAsync()
    {
        // More words may come after the first delay has passed; each arms it again.
        using var deadline = new CancellationTokenSource(Deadline);
        var change = changed.Reader.ReadAsync(deadline.Token).AsTask();
        while (!change.IsCompleted)
        {
            var armed = time.WhenArmedAsync();
            await Task.WhenAny(change, armed);
            if (!change.IsCompleted)
                time.Advance(FunctionsFile.LongestDelay);
        }

        await change;
    }

    private async Task AwaitWarningAsync(int count)
    {
        using var deadline = new CancellationTokenSource(Deadline);
        var warned = log.WhenWarnedAsync(count, deadline.Token);
        while (!warned.IsCompleted)
        {
            await Task.WhenAny(warned, time.WhenArmedAsync());
            if (!warned.IsCompleted)
                time.Advance(FunctionsFile.LongestDelay);
        }

        await warned;
    }

    [Fact]
    public async Task GoodFile_IsReadBeforeStartReturns()
    {
        await File.WriteAllTextAsync(FilePath, Content("a"));
        var watched = await StartAsync();
        Assert.Equal($"file://{directory}/code", Assert.Single(watched.Current!.Functions).Url);
        Assert.Null(watched.LastError);
        Assert.Equal(["a"], versions);
        Assert.Equal(0, time.ArmedTimers);
    }

    [Fact]
    public async Task MissingFile_IsNoError_AndIsReadWhenItComes()
    {
        var watched = await StartAsync();
        Assert.Null(watched.Current);
        Assert.Equal("The file does not exist.", watched.LastError);
        await File.WriteAllTextAsync(FilePath, Content("a"));
        await AwaitChangeAsync();
        Assert.Equal("a", watched.Current!.Functions[0].Name);
        Assert.Null(watched.LastError);
    }

    [Fact]
    public async Task MissingDirectories_AreWatchedFor()
    {
        var path = Path.Combine(directory, "x", "y", "functions.json");
        var watched = await StartAsync(path);
        Assert.Equal("The file does not exist.", watched.LastError);
        Directory.CreateDirectory(Path.Combine(directory, "x"));
        await PassDelayAsync();
        Directory.CreateDirectory(Path.Combine(directory, "x", "y"));
        await File.WriteAllTextAsync(path, Content("a"));
        await AwaitChangeAsync();
        Assert.Equal("a", watched.Current!.Functions[0].Name);
    }

    [Fact]
    public async Task FileWrittenOver_IsReadAgain()
    {
        await File.WriteAllTextAsync(FilePath, Content("a"));
        var watched = await StartAsync();
        await File.WriteAllTextAsync(FilePath, Content("b"));
        await AwaitChangeAsync();
        Assert.Equal("b", watched.Current!.Functions[0].Name);
    }

    [Fact]
    public async Task RenamedOverTheFile_IsReadAgain()
    {
        await File.WriteAllTextAsync(FilePath, Content("a"));
        var watched = await StartAsync();
        var other = Path.Combine(directory, "new.tmp");
        await File.WriteAllTextAsync(other, Content("b"));
        File.Move(other, FilePath, overwrite: true);
        await AwaitChangeAsync();
        Assert.Equal("b", watched.Current!.Functions[0].Name);
    }

    [Fact]
    public async Task ConfigMapSwap_IsReadAgain_TwiceInARow()
    {
        void Swap(string version)
        {
            var data = Path.Combine(directory, ".." + version);
            Directory.CreateDirectory(data);
            File.WriteAllText(Path.Combine(data, "functions.json"), Content(version));
            var link = Path.Combine(directory, "..data_tmp");
            File.CreateSymbolicLink(link, ".." + version);

            // As the kubelet does: one rename over the old link. .NET's own moves refuse a link to a directory.
            using var move = System.Diagnostics.Process.Start("mv", ["-fT", link, Path.Combine(directory, "..data")]);
            move.WaitForExit();
            Assert.Equal(0, move.ExitCode);
        }

        Swap("v1");
        File.CreateSymbolicLink(FilePath, "..data/functions.json");
        var watched = await StartAsync();
        Assert.Equal("v1", watched.Current!.Functions[0].Name);
        foreach (var version in new[] { "v2", "v3" })
        {
            Swap(version);
            await AwaitChangeAsync();
            Assert.Equal(version, watched.Current!.Functions[0].Name);
        }

        Assert.Equal($"file://{directory}/code", watched.Current!.Functions[0].Url);
    }

    [Fact]
    public async Task FileBehindALink_IsReadAgain()
    {
        var elsewhere = Directory.CreateDirectory(Path.Combine(directory, "real")).FullName;
        await File.WriteAllTextAsync(Path.Combine(elsewhere, "f.json"), Content("a"));
        var here = Directory.CreateDirectory(Path.Combine(directory, "cfg")).FullName;
        File.CreateSymbolicLink(Path.Combine(here, "functions.json"), "../real/f.json");
        var watched = await StartAsync(Path.Combine(here, "functions.json"));
        await File.WriteAllTextAsync(Path.Combine(elsewhere, "f.json"), Content("b"));
        await AwaitChangeAsync();
        Assert.Equal("b", watched.Current!.Functions[0].Name);
    }

    [Fact]
    public async Task DeletedAndCreatedAgain_KeepsTheOld_ThenTakesTheNew()
    {
        await File.WriteAllTextAsync(FilePath, Content("a"));
        var watched = await StartAsync();
        File.Delete(FilePath);
        await AwaitWarningAsync(1);
        Assert.Equal("a", watched.Current!.Functions[0].Name);
        Assert.Equal("The file does not exist.", watched.LastError);
        await File.WriteAllTextAsync(FilePath, Content("b"));
        await AwaitChangeAsync();
        Assert.Equal("b", watched.Current!.Functions[0].Name);
        Assert.Null(watched.LastError);
    }

    [Fact]
    public async Task DirectoryDeletedAndCreatedAgain_IsWatchedAgain()
    {
        var sub = Directory.CreateDirectory(Path.Combine(directory, "cfg")).FullName;
        var path = Path.Combine(sub, "functions.json");
        await File.WriteAllTextAsync(path, Content("a"));
        var watched = await StartAsync(path);
        Directory.Delete(sub, recursive: true);
        await AwaitWarningAsync(1);
        Directory.CreateDirectory(sub);
        await File.WriteAllTextAsync(path, Content("b"));
        await AwaitChangeAsync();
        await File.WriteAllTextAsync(path, Content("c"));
        await AwaitChangeAsync();
        Assert.Equal("c", watched.Current!.Functions[0].Name);
    }

    [Fact]
    public async Task HalfWrittenFile_ChangesNothing_AndIsToldOnce()
    {
        await File.WriteAllTextAsync(FilePath, Content("a"));
        var watched = await StartAsync();
        await File.WriteAllTextAsync(FilePath, Content("b")[..20]);
        await AwaitWarningAsync(1);
        Assert.Equal("a", watched.Current!.Functions[0].Name);
        Assert.StartsWith("The file is not valid JSON", watched.LastError, StringComparison.Ordinal);

        // The same bytes again: read again, and not told again. The good file after it shows that this reading is over.
        Replace(Content("b")[..20]);
        await PassDelayAsync();
        Replace(Content("c"));
        await AwaitChangeAsync();
        Assert.Equal(1, log.Warnings);
        Assert.Null(watched.LastError);

        await File.WriteAllTextAsync(FilePath, Content("b")[..20]);
        await AwaitWarningAsync(2);
        Assert.Equal("c", watched.Current!.Functions[0].Name);
    }

    [Fact]
    public async Task OnlyTheFormattingChanged_IsNoChange()
    {
        await File.WriteAllTextAsync(FilePath, Content("a"));
        await StartAsync();
        await File.WriteAllTextAsync(FilePath, Content("a") + "\n\n// reformatted");
        await PassDelayAsync();
        Replace(Content("b"));
        await AwaitChangeAsync();
        Assert.Equal(["a", "b"], versions);
    }

    [Fact]
    public async Task OtherFilesInTheDirectory_ArmNothing()
    {
        await File.WriteAllTextAsync(FilePath, Content("a"));
        await StartAsync();
        await File.WriteAllTextAsync(Path.Combine(directory, "other.txt"), "x");
        await File.WriteAllTextAsync(FilePath, Content("b"));
        await AwaitChangeAsync();
        Assert.Equal(["a", "b"], versions);
    }

    [Fact]
    public async Task DirectoryInItsPlace_IsToldAsSuch()
    {
        Directory.CreateDirectory(FilePath);
        var watched = await StartAsync();
        Assert.Equal("The file cannot be read: It is a directory.", watched.LastError);
    }

    [Fact]
    public async Task EndlessFile_IsRefusedWithoutBeingHeld()
    {
        var watched = await StartAsync("/dev/zero");
        Assert.Contains("must have at most 4194304", watched.LastError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task HandlerThatThrows_DoesNotEndTheWatching()
    {
        await File.WriteAllTextAsync(FilePath, Content("a"));
        var watched = await StartAsync();
        watched.Changed += _ => throw new InvalidOperationException("handler");
        await File.WriteAllTextAsync(FilePath, Content("b"));
        await AwaitChangeAsync();
        await File.WriteAllTextAsync(FilePath, Content("c"));
        await AwaitChangeAsync();
        Assert.Equal(["a", "b", "c"], versions);
    }

    [Fact]
    public async Task StartedTwice_IsRefused()
    {
        var watched = await StartAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(() => watched.StartAsync(CancellationToken.None));
    }

    [Fact]
    public async Task Disposed_ReadsNoMore()
    {
        await File.WriteAllTextAsync(FilePath, Content("a"));
        var watched = await StartAsync();
        await watched.DisposeAsync();
        await File.WriteAllTextAsync(FilePath, Content("b"));
        Assert.Equal(0, time.ArmedTimers);
        Assert.Equal("a", watched.Current!.Functions[0].Name);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => watched.StartAsync(CancellationToken.None));
    }

    private sealed class WarningCounter : ILogger<FunctionsFile>
    {
        private readonly Channel<bool> warned = Channel.CreateUnbounded<bool>();
        private int warnings;
        private int awaited;

        public int Warnings => Volatile.Read(ref warnings);

        public async Task WhenWarnedAsync(int count, CancellationToken cancellationToken)
        {
            for (; awaited < count; awaited++)
                await warned.Reader.ReadAsync(cancellationToken);
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel != LogLevel.Warning)
                return;
            Interlocked.Increment(ref warnings);
            warned.Writer.TryWrite(true);
        }
    }
}
