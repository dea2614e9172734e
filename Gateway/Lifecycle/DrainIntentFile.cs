using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>Keeps the drain intent in a file. Nothing in here throws for what a disk or a stranger did: it is told in the log.</summary>
internal sealed partial class DrainIntentFile
{
    public const string FileName = "noslatefleet-drain.json";

    // A sound one has some 200 bytes; more than this was not written by us.
    private const int MaxBytes = 4096;

    // The words that a stop is begun with are short ones.
    private const int LongestCause = 32;

    private readonly string? _path;
    private readonly string _containerLife;
    private readonly TimeSpan _longest;
    private readonly TimeProvider _time;
    private readonly ILogger<DrainIntentFile> _logger;

    public DrainIntentFile(LifecycleOptions options, TimeProvider time, ILogger<DrainIntentFile> logger)
    {
        _path = options.StateDirectory is { } directory ? Path.Combine(directory, FileName) : null;
        _containerLife = options.ContainerLife;
        _longest = options.Budgets.Stop;
        _time = time;
        _logger = logger;
    }

    /// <summary>Writes the intent: whole or not at all.</summary>
    public void Write(string cause, TimeSpan budget)
    {
        if (_path is null)
        {
            return;
        }

        var now = _time.GetUtcNow();
        var intent = new DrainIntent(DrainIntent.CurrentSchema, _containerLife, cause, now, now + budget);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
            var whole = _path + ".new";

            // Whoever shares the directory may have put a link there: it is not written through.
            File.Delete(whole);
            using (var file = new FileStream(whole, FileMode.CreateNew, FileAccess.Write))
            {
                JsonSerializer.Serialize(file, intent, DrainIntentJson.Default.DrainIntent);
                file.Flush(flushToDisk: true);
            }

            File.Move(whole, _path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            NotWritten(_logger, _path, error.Message);
        }
    }

    /// <summary>The intent of an earlier process of this container, if it still holds.</summary>
    /// <param name="left">How long it still holds: never longer than a stop may take, whatever the clock or the file say.</param>
    public DrainIntent? Read(out TimeSpan left)
    {
        left = TimeSpan.Zero;
        if (_path is not { } path)
        {
            return null;
        }

        DrainIntent? intent;
        try
        {
            intent = Parse(path);
        }
        catch (Exception error)
        {
            SetAside(path, error.Message);
            return null;
        }

        if (intent is null)
        {
            return null;
        }

        if (intent.ContainerLife != _containerLife)
        {
            Stale(_logger, path, "it is another container's");
            Remove();
            return null;
        }

        left = Least(intent.ExpiresAt - _time.GetUtcNow(), intent.ExpiresAt - intent.WrittenAt, _longest);
        if (left <= TimeSpan.Zero)
        {
            Stale(_logger, path, "its time is over");
            Remove();
            return null;
        }

        return intent;
    }

    /// <summary>Removes the intent.</summary>
    public void Remove()
    {
        if (_path is null)
        {
            return;
        }

        try
        {
            File.Delete(_path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            NotRemoved(_logger, _path, error.Message);
        }
    }

    private static DrainIntent? Parse(string path)
    {
        if (Directory.Exists(path))
        {
            throw new FormatException("it is a directory");
        }

        // Ours is a file itself. A link leads to what somebody else chose.
        var info = new FileInfo(path);
        if (info.LinkTarget is not null)
        {
            throw new FormatException("it is a link");
        }

        FileStream file;
        try
        {
            // Looked at before it is opened: opening a pipe waits for a writer that never comes.
            if (info.Length == 0)
            {
                throw new FormatException("it is empty");
            }

            file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }

        using (file)
        {
            return Parse(file);
        }
    }

    private static DrainIntent Parse(FileStream file)
    {
        var bytes = new byte[MaxBytes + 1];
        var length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        if (length > MaxBytes)
        {
            throw new FormatException($"it has more than {MaxBytes} bytes");
        }

        var intent = JsonSerializer.Deserialize(bytes.AsSpan(0, length), DrainIntentJson.Default.DrainIntent) ?? throw new FormatException("it says null");
        if (intent.Schema != DrainIntent.CurrentSchema)
        {
            throw new FormatException($"its schema is {intent.Schema}, this program knows {DrainIntent.CurrentSchema}");
        }

        return intent.Cause.Length <= LongestCause && intent.Cause.All(char.IsAsciiLetter) ? intent : throw new FormatException("its cause is no word");
    }

    private static TimeSpan Least(TimeSpan one, TimeSpan two, TimeSpan three)
    {
        var least = one < two ? one : two;
        return least < three ? least : three;
    }

    private void SetAside(string path, string why)
    {
        var aside = path + ".damaged";
        try
        {
            if (Directory.Exists(path) && new DirectoryInfo(path).LinkTarget is null)
            {
                Directory.Move(path, aside);
            }
            else
            {
                File.Move(path, aside, overwrite: true);
            }

            Damaged(_logger, path, why, aside);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Unreadable(_logger, path, why, error.Message);
        }
    }

    [LoggerMessage(1030, LogLevel.Warning, "The drain intent {File} can't be written: {Error}. A process killed from now on would come up serving.")]
    private static partial void NotWritten(ILogger logger, string file, string error);

    [LoggerMessage(1031, LogLevel.Warning, "The drain intent {File} can't be read: {Error}. It is set aside as {Aside}, and the start goes on.")]
    private static partial void Damaged(ILogger logger, string file, string error, string aside);

    [LoggerMessage(1034, LogLevel.Warning, "The drain intent {File} can't be read: {Error}. Nor can it be set aside: {Reason}. The start goes on.")]
    private static partial void Unreadable(ILogger logger, string file, string error, string reason);

    [LoggerMessage(1032, LogLevel.Information, "The drain intent {File} is passed over and removed: {Reason}.")]
    private static partial void Stale(ILogger logger, string file, string reason);

    [LoggerMessage(1033, LogLevel.Warning, "The drain intent {File} can't be removed: {Error}.")]
    private static partial void NotRemoved(ILogger logger, string file, string error);
}
