using System.Security.Cryptography;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace NoslateFleet.Noslate.Profiles;

/// <summary>
/// The functions file, kept up to date: read at start and again whenever it changes on disk. A bad, half-written or missing
/// file changes nothing: the last good profiles stay, and <see cref="LastError"/> tells why.
/// </summary>
/// <remarks>
/// Changes are told by the kernel, also those by renaming over the file and by swapping the links of a Kubernetes ConfigMap;
/// nothing is polled. Renaming a directory further up than the file's own is not noticed.
/// </remarks>
public sealed partial class FunctionsFile : IAsyncDisposable
{
    /// <summary>Time without a further change before the file is read: writers write in several steps.</summary>
    internal static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(200);

    /// <summary>Longest time a steady stream of changes can put the reading off.</summary>
    internal static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(2);

    /// <summary>Pause before watching is tried again when the system refuses it.</summary>
    internal static readonly TimeSpan WatchRetry = TimeSpan.FromSeconds(10);

    private readonly string path;
    private readonly string directory;
    private readonly ILogger logger;
    private readonly FileChanges changes;
    private readonly Lock gate = new();
    private readonly QuietDelay delay;
    private readonly Channel<bool> due = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource stopping = new();
    private Task? loop;
    private string? lastWarned;
    private volatile ProfileSet? current;
    private volatile string? lastError;
    private bool disposed;

    /// <summary>Names the file; nothing is read yet.</summary>
    /// <param name="path">The file. Its directory is what relative code urls are relative to.</param>
    /// <param name="time">Delays the reading after a change.</param>
    /// <param name="logger">Told of every new content, and once of every bad one.</param>
    public FunctionsFile(string path, TimeProvider time, ILogger<FunctionsFile> logger)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        this.path = System.IO.Path.GetFullPath(path);
        directory = System.IO.Path.GetDirectoryName(this.path) ?? throw new ArgumentException($"\"{path}\" is a root directory, must be a file", nameof(path));
        this.logger = logger;
        delay = new QuietDelay(Quiet, LongestDelay, time, () => due.Writer.TryWrite(true));
        changes = new FileChanges(this.path, delay.Touch, OnWatchLost, Directory.Exists);
    }

    /// <summary>
    /// Raised with every new content that is good, the first one included, one at a time, on an arbitrary thread. Not raised when
    /// only the formatting changed. Handlers must be quick and not throw.
    /// </summary>
    public event Action<ProfileSet>? Changed;

    /// <summary>The file's absolute path.</summary>
    public string Path => path;

    /// <summary>The profiles last read; null until there was a good file.</summary>
    public ProfileSet? Current => current;

    /// <summary>Why the file as it is now cannot be used; null if it can, or before the first reading.</summary>
    public string? LastError => lastError;

    /// <summary>Reads the file and starts to watch it. A missing or bad file is not an error here: see <see cref="LastError"/>.</summary>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="InvalidOperationException">Started before.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            if (loop is not null)
                throw new InvalidOperationException("The functions file is watched already.");
            loop = Task.CompletedTask;
        }

        await ReadAsync(cancellationToken);
        lock (gate)
        {
            if (!disposed)
                loop = Task.Run(RunAsync, CancellationToken.None);
        }
    }

    /// <summary>Stops watching.</summary>
    public async ValueTask DisposeAsync()
    {
        Task? running;
        lock (gate)
        {
            if (disposed)
                return;
            disposed = true;
            running = loop;
        }

        changes.Dispose();
        await delay.DisposeAsync();
        await stopping.CancelAsync();
        if (running is not null)
            await running;
        stopping.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            while (await due.Reader.WaitToReadAsync(stopping.Token))
            {
                due.Reader.TryRead(out _);
                await ReadAsync(stopping.Token);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The only way out.
        }
    }

    private void OnWatchLost(Exception exception)
    {
        LogWatchLost(logger, path, exception.Message);
        delay.Touch();
    }

    private async Task ReadAsync(CancellationToken cancellationToken)
    {
        // Watching begins before reading, so a change in between is seen; and again after it, when a link leads elsewhere now.
        Watch();
        ReadOnlyMemory<byte> content = default;
        try
        {
            content = await ReadContentAsync(cancellationToken);
            Take(ProfileParser.Parse(content, directory));
        }
        catch (ProfileValidationException exception)
        {
            Refuse(exception.Message, Convert.ToHexString(SHA256.HashData(content.Span)));
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            Refuse("The file does not exist.", "missing");
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            Refuse($"The file cannot be read: {exception.Message}", exception.Message);
        }
    }

    private void Watch()
    {
        if (changes.Watch() is not { } refused)
            return;

        LogWatchRefused(logger, path, refused.Message, WatchRetry);
        delay.After(WatchRetry);
    }

    private async Task<ReadOnlyMemory<byte>> ReadContentAsync(CancellationToken cancellationToken)
    {
        if (Directory.Exists(path))
            throw new IOException("It is a directory.");

        await using var stream = new FileStream(
            path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0, FileOptions.Asynchronous);
        using var content = new MemoryStream();
        var buffer = new byte[64 * 1024];
        int read;
        while (content.Length <= ProfileParser.MaxBytes && (read = await stream.ReadAsync(buffer, cancellationToken)) > 0)
            content.Write(buffer, 0, read);

        // One byte too many is enough for the parser to refuse it; an endless file is never held.
        return content.GetBuffer().AsMemory(0, (int)content.Length);
    }

    private void Take(ProfileSet profiles)
    {
        lastError = null;
        lastWarned = null;
        if (current?.Version == profiles.Version)
            return;

        current = profiles;
        LogTaken(logger, path, profiles.Version, profiles.Functions.Count, profiles.Services.Count);
        try
        {
            Changed?.Invoke(profiles);
        }
        catch (Exception exception)
        {
            LogHandlerFailed(logger, exception, path);
        }
    }

    private void Refuse(string reason, string content)
    {
        lastError = reason;
        if (content == lastWarned)
            return;

        lastWarned = content;
        LogRefused(logger, path, reason, current?.Version ?? "none");
    }

    [LoggerMessage(EventId = 124, Level = LogLevel.Information, Message = "Functions file {Path}: version {Version} with {Functions} functions and {Services} services")]
    private static partial void LogTaken(ILogger logger, string path, string version, int functions, int services);

    [LoggerMessage(EventId = 125, Level = LogLevel.Warning, Message = "Functions file {Path} cannot be used, version {Version} stays: {Reason}")]
    private static partial void LogRefused(ILogger logger, string path, string reason, string version);

    [LoggerMessage(EventId = 126, Level = LogLevel.Warning, Message = "Functions file {Path}: watching was interrupted and begins anew: {Reason}")]
    private static partial void LogWatchLost(ILogger logger, string path, string reason);

    [LoggerMessage(EventId = 127, Level = LogLevel.Warning, Message = "Functions file {Path} cannot be watched, next try in {Retry}: {Reason}")]
    private static partial void LogWatchRefused(ILogger logger, string path, string reason, TimeSpan retry);

    [LoggerMessage(EventId = 128, Level = LogLevel.Error, Message = "Functions file {Path}: a handler of its change failed")]
    private static partial void LogHandlerFailed(ILogger logger, Exception exception, string path);
}
