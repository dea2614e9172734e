using System.Buffers.Text;
using NoslateFleet.Coordination.Fleet;
using StackExchange.Redis;

namespace NoslateFleet.Silo.Redis;

/// <summary>The directory of snapshots and records in Redis. Fencing, clock and retention are Redis's own, in scripts.</summary>
/// <param name="connection">The connection.</param>
/// <param name="options">What is kept, and how long.</param>
internal sealed class RedisFleetDirectory(RedisConnection connection, FleetOptions options) : IFleetDirectory
{
    private static readonly long _lastTime = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();

    /// <inheritdoc/>
    public async Task<PublishResult> PublishAsync(InstanceSnapshot snapshot, CancellationToken cancellationToken)
    {
        var keys = connection.Keys;
        var answer = (RedisResult[])(await connection.RunAsync(
            RedisScript.Publish,
            [.. keys.Directory, keys.Records(snapshot.InstanceId)],
            [
                snapshot.InstanceId,
                snapshot.Boot,
                snapshot.Epoch,
                snapshot.Sequence,
                SnapshotJson.Write(snapshot),
                Milliseconds(options.Retention),
                Guid.NewGuid().ToString("N"),
                Channel,
            ],
            cancellationToken))!;
        var outcome = (int)answer[0] switch
        {
            0 => PublishOutcome.Published,
            1 => PublishOutcome.Stale,
            _ => PublishOutcome.Fenced,
        };
        return new PublishResult(outcome, (string)answer[1]!, (long)answer[2]);
    }

    /// <inheritdoc/>
    public async Task AppendAsync(string instanceId, IReadOnlyList<InstanceRecord> records, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (records.Count == 0)
        {
            return;
        }

        var values = new List<RedisValue>(records.Count + 2) { options.KeptRecords, Milliseconds(options.Retention) };
        values.AddRange(records.Skip(records.Count - options.KeptRecords).Select(static record => (RedisValue)FleetJson.Write(record)));
        await connection.RunAsync(RedisScript.AppendRecords, [connection.Keys.Records(instanceId)], [.. values], cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<DirectoryView> ReadAllAsync(CancellationToken cancellationToken)
    {
        var answer = (RedisResult[])(await connection.RunAsync(RedisScript.ReadAll, connection.Keys.Directory, [Channel], cancellationToken))!;
        var stored = (RedisValue[])answer[1]!;
        var entries = new DirectoryEntry?[stored.Length / 2];

        // The parsing is most of the work: for a large fleet, all processors share it.
        if (entries.Length < 64)
        {
            for (var i = 0; i < entries.Length; i++)
            {
                entries[i] = Entry(stored[2 * i]!, stored[(2 * i) + 1]);
            }
        }
        else
        {
            Parallel.For(0, entries.Length, i => entries[i] = Entry(stored[2 * i]!, stored[(2 * i) + 1]));
        }

        var unreadable = new List<string>();
        for (var i = 0; i < entries.Length; i++)
        {
            if (entries[i] is null)
            {
                unreadable.Add(stored[2 * i]!);
            }
        }

        var read = entries.OfType<DirectoryEntry>().ToArray();
        Array.Sort(read, static (a, b) => string.CompareOrdinal(a.Snapshot.InstanceId, b.Snapshot.InstanceId));
        unreadable.Sort(StringComparer.Ordinal);
        return new DirectoryView(Time(answer[0]), read, unreadable);
    }

    /// <inheritdoc/>
    public async Task<DirectoryEntry?> ReadAsync(string instanceId, CancellationToken cancellationToken)
    {
        var answer = await connection.RunAsync(RedisScript.ReadOne, connection.Keys.Directory, [instanceId], cancellationToken);
        return answer.IsNull ? null : Entry(instanceId, (RedisValue)answer);
    }

    /// <inheritdoc/>
    public async Task<DirectoryPage> ReadChangesAsync(DirectoryVersion since, int limit, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        var answer = (RedisResult[])(await connection.RunAsync(
            RedisScript.ReadChanges, connection.Keys.Directory, [since.Directory, since.Number, limit, Channel], cancellationToken))!;
        var stored = (RedisValue[])answer[5]!;
        var changed = new List<DirectoryEntry>(stored.Length / 2);
        for (var i = 1; i < stored.Length; i += 2)
        {
            if (Entry(stored[i - 1]!, stored[i]) is { } entry)
            {
                changed.Add(entry);
            }
        }

        return new DirectoryPage(
            Time(answer[0]),
            new DirectoryVersion((string)answer[1]!, (long)answer[2]),
            (int)answer[3] == 1,
            (int)answer[4] == 1 && since != DirectoryVersion.None,
            changed,
            (string[])answer[6]!);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<InstanceRecord>> ReadRecordsAsync(string instanceId, CancellationToken cancellationToken)
    {
        var key = connection.Keys.Records(instanceId);
        var stored = await connection.CallAsync("read-records", database => database.ListRangeAsync(key), [key], cancellationToken);
        var records = new List<InstanceRecord>(stored.Length);
        foreach (var value in stored)
        {
            FleetJson.Read(Bytes(value), out InstanceRecord? record);
            if (record is not null)
            {
                records.Add(record);
            }
            else
            {
                connection.Damage.Tell(key!, "a list of records that this version can read");
            }
        }

        return records;
    }

    /// <summary>Milliseconds as scripts take them.</summary>
    internal static long Milliseconds(TimeSpan time) => (long)time.TotalMilliseconds;

    /// <summary>A time of the server.</summary>
    internal static DateTimeOffset Time(RedisResult milliseconds) => Time(long.TryParse((string?)milliseconds, out var number) ? number : 0);

    /// <summary>A time that was stored, where it may not even be one.</summary>
    internal static DateTimeOffset Time(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(milliseconds, 0, _lastTime));

    /// <summary>A stored value, without a copy.</summary>
    internal static ReadOnlySpan<byte> Bytes(RedisValue value) => ((ReadOnlyMemory<byte>)value).Span;

    /// <summary>Takes a number and the blank after it off a stored value.</summary>
    internal static bool TryTake(ref ReadOnlySpan<byte> stored, out long number)
    {
        if (!Utf8Parser.TryParse(stored, out number, out var length) || length >= stored.Length || stored[length] != ' ')
        {
            return false;
        }

        stored = stored[(length + 1)..];
        return true;
    }

    private RedisValue Channel => connection.Keys.SnapshotsChannel.ToString();

    private DirectoryEntry? Entry(string instance, RedisValue stored)
    {
        var bytes = Bytes(stored);
        if (TryTake(ref bytes, out var received)
            && SnapshotJson.Read(bytes, out var snapshot) == FleetReading.Read && string.Equals(snapshot!.InstanceId, instance, StringComparison.Ordinal))
        {
            return new DirectoryEntry(snapshot, Time(received));
        }

        connection.Damage.Tell($"{connection.Keys.Directory[2]} {instance}", "a time and that instance's snapshot, of a schema that this version can read");
        return null;
    }
}
