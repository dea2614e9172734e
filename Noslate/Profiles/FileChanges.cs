namespace NoslateFleet.Noslate.Profiles;

/// <summary>
/// Tells when a file may have changed: by itself, by its directory coming, going or being another, or by links on the way to it.
/// </summary>
/// <param name="path">The file's absolute path.</param>
/// <param name="changed">Called on any change; may be called too often.</param>
/// <param name="lost">Called when events may have been lost; <see cref="Watch"/> must be called again.</param>
/// <param name="exists">Whether a directory exists.</param>
internal sealed class FileChanges(string path, Action changed, Action<Exception> lost, Func<string, bool> exists) : IDisposable
{
    // More than a tree that is put in place step by step needs. One that changes faster tells of it by itself.
    private const int MostLooks = 8;

    private readonly Lock gate = new();
    private readonly Dictionary<string, Watched> watched = new(StringComparer.Ordinal);
    private bool stale;
    private bool disposed;

    /// <summary>Watches what there is to watch now. Cheap when nothing changed.</summary>
    /// <returns>Why it cannot be watched; null if it is.</returns>
    internal Exception? Watch()
    {
        lock (gate)
        {
            if (disposed)
                return null;
            if (stale)
                Clear();
            stale = false;

            try
            {
                // Looked at again once it is watched: what came between the look and the watch has told nobody.
                var wanted = Wanted();
                for (var looks = 0; looks < MostLooks && !IsWatched(wanted); looks++)
                {
                    Follow(wanted);
                    wanted = Wanted();
                }

                return null;
            }
            catch (Exception exception) when (exception is IOException or ArgumentException or UnauthorizedAccessException)
            {
                // A directory vanished in between, or the system has no more watches to give.
                stale = true;
                return exception;
            }
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            disposed = true;
            Clear();
        }
    }

    private bool IsWatched(Dictionary<string, HashSet<string>> wanted) =>
        wanted.Count == watched.Count
        && wanted.All(one => watched.TryGetValue(one.Key, out var present) && present.Names.SetEquals(one.Value));

    private void Follow(Dictionary<string, HashSet<string>> wanted)
    {
        foreach (var gone in watched.Keys.Where(key => !wanted.ContainsKey(key)).ToList())
        {
            watched[gone].Watcher.Dispose();
            watched.Remove(gone);
        }

        // The outer ones first: they tell of a directory that is replaced while it is begun to be watched.
        foreach (var (directory, names) in wanted.OrderBy(one => one.Key.Length))
        {
            if (watched.TryGetValue(directory, out var present))
                present.Names = names;
            else
                watched.Add(directory, Start(directory, names));
        }
    }

    // Which directories, and which names in each. The file's own directory and its parent; the nearest that exists when they do
    // not; and where the file really is, when a link leads there.
    private Dictionary<string, HashSet<string>> Wanted()
    {
        var wanted = new Dictionary<string, HashSet<string>>(StringComparer.Ordinal);
        AddWithParent(wanted, path);
        var real = RealPath(path);
        if (real is not null && real != path)
            AddWithParent(wanted, real);
        return wanted;
    }

    private void AddWithParent(Dictionary<string, HashSet<string>> wanted, string file)
    {
        var name = file;
        var levels = 0;
        while (Path.GetDirectoryName(name) is { } directory && levels < 2)
        {
            if (exists(directory))
            {
                if (!wanted.TryGetValue(directory, out var names))
                    wanted.Add(directory, names = new HashSet<string>(StringComparer.Ordinal));
                names.Add(Path.GetFileName(name));
                levels++;
            }

            name = directory;
        }
    }

    private static string? RealPath(string path)
    {
        try
        {
            var real = path;
            if (new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true) is { } target)
                real = target.FullName;

            // The links of the directories above count as well.
            for (var depth = 0; depth < 40; depth++)
            {
                var next = ResolveFirstLink(real);
                if (next == real)
                    return real;
                real = next;
            }
        }
        catch (IOException)
        {
            // Links that lead nowhere or in a circle: the reader tells what is wrong with the file.
        }

        return null;
    }

    private static string ResolveFirstLink(string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var walked = "/";
        for (var i = 0; i < parts.Length; i++)
        {
            walked = Path.Combine(walked, parts[i]);
            if (new FileInfo(walked).ResolveLinkTarget(returnFinalTarget: false) is { } target)
                return Path.GetFullPath(Path.Combine([target.FullName, .. parts[(i + 1)..]]));
        }

        return path;
    }

    private Watched Start(string directory, HashSet<string> names)
    {
        var watcher = new FileSystemWatcher(directory)
        {
            NotifyFilter = NotifyFilters.FileName | NotifyFilters.DirectoryName | NotifyFilters.LastWrite | NotifyFilters.Size | NotifyFilters.Attributes,
        };
        var entry = new Watched(watcher, names);
        watcher.Changed += (_, e) => Seen(entry, e.Name, null);
        watcher.Created += (_, e) => Seen(entry, e.Name, null);
        watcher.Deleted += (_, e) => Seen(entry, e.Name, null);
        watcher.Renamed += (_, e) => Seen(entry, e.Name, e.OldName);
        watcher.Error += (_, e) => Lost(e.GetException());
        try
        {
            watcher.EnableRaisingEvents = true;
        }
        catch
        {
            watcher.Dispose();
            throw;
        }

        return entry;
    }

    private void Seen(Watched entry, string? name, string? oldName)
    {
        if (!Concerns(entry, name) && !Concerns(entry, oldName))
            return;

        // A directory that went and came back under the same name is another one, and the watch on the old one is dead. The file
        // itself may come and go without that.
        if (!IsFile(entry, name) && !IsFile(entry, oldName))
        {
            lock (gate)
                stale = true;
        }

        changed();
    }

    private bool IsFile(Watched entry, string? name) => name is not null && Path.Combine(entry.Watcher.Path, name) == path;

    // Kubernetes swaps a link named ..data beside the file's own link.
    private static bool Concerns(Watched entry, string? name) =>
        name is not null && (entry.Names.Contains(name) || name.StartsWith("..", StringComparison.Ordinal));

    private void Lost(Exception exception)
    {
        lock (gate)
            stale = true;
        lost(exception);
    }

    private void Clear()
    {
        foreach (var entry in watched.Values)
            entry.Watcher.Dispose();
        watched.Clear();
    }

    private sealed class Watched(FileSystemWatcher watcher, HashSet<string> names)
    {
        internal FileSystemWatcher Watcher { get; } = watcher;

        internal volatile HashSet<string> Names = names;
    }
}
