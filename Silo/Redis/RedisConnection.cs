using System.Globalization;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Fleet;
using StackExchange.Redis;

namespace NoslateFleet.Silo.Redis;

/// <summary>
/// The one connection of a process to the fleet's Redis. It begins with the first call, and comes back by itself. No call takes longer than
/// <see cref="RedisOptions.Timeout"/>, save those before the first connection, which wait for that as well, for <see cref="RedisOptions.ConnectTimeout"/> at most: a
/// server that is slow to be connected to is not away. Whatever fails is a <see cref="FleetDirectoryException"/>.
/// </summary>
internal sealed class RedisConnection : IAsyncDisposable, IDisposable
{
    /// <summary>How often, at most, the driver is asked to look again who is who, when the server says that it is not the one to write to.</summary>
    private static readonly TimeSpan _lookAgain = TimeSpan.FromSeconds(1);

    private readonly RedisOptions _options;
    private readonly TimeProvider _time;
    private readonly RedisOutage _outage;
    private readonly RedisRights _rights;
    private readonly Lock _lock = new();
    private Task<ConnectionMultiplexer>? _connecting;
    private Task? _first;
    private string? _lastFailure;
    private long _looked;
    private bool _disposed;

    /// <summary>Without connecting yet.</summary>
    /// <param name="options">Where to and how; valid ones.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where outages are told.</param>
    public RedisConnection(RedisOptions options, TimeProvider time, ILogger<RedisConnection> logger)
    {
        _options = options;
        _time = time;
        _outage = new RedisOutage(time, logger);
        Damage = new RedisDamage(logger);
        _looked = time.GetTimestamp();
        Keys = new RedisKeys(options.Prefix);
        _rights = new RedisRights(Keys, logger);
    }

    /// <summary>A connection came back, or came about later than it was asked for.</summary>
    public event Action? Restored;

    /// <summary>The fleet's keys.</summary>
    public RedisKeys Keys { get; }

    /// <summary>Where it is told what somebody has spoiled.</summary>
    public RedisDamage Damage { get; }

    /// <summary>The clock.</summary>
    public TimeProvider Time => _time;

    /// <summary>Runs a script; one that the server does not know, or no longer, is sent to it.</summary>
    /// <param name="script">The script.</param>
    /// <param name="keys">Every key it touches.</param>
    /// <param name="values">Its arguments.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FleetDirectoryException">It failed.</exception>
    public Task<RedisResult> RunAsync(RedisScript script, RedisKey[] keys, RedisValue[] values, CancellationToken cancellationToken) =>
        CallAsync(script.Name, database => RunAsync(database, script, keys, values), keys, cancellationToken);

    /// <summary>Makes a call. What it stumbles over, because somebody else has spoiled it, is mended and told of, and the call is made again.</summary>
    /// <param name="name">What kind of call: what the server refuses, it refuses by kind.</param>
    /// <param name="call">The call.</param>
    /// <param name="keys">Every key it touches.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FleetDirectoryException">It failed.</exception>
    public async Task<T> CallAsync<T>(string name, Func<IDatabase, Task<T>> call, RedisKey[] keys, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            await FirstAsync(cancellationToken);
            var answer = AnswerAsync(call, keys);
            Observe(answer);
            var result = await answer.WaitAsync(_options.Timeout, _time, cancellationToken);
            _outage.Succeeded(name);
            return result;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception e)
        {
            var reason = Reason(e);
            _outage.Failed(reason, e is RedisServerException ? name : null);
            LookAgain(e);
            throw new FleetDirectoryException($"the fleet directory in Redis can't be used: {reason}", e);
        }
    }

    /// <summary>The place to listen at, once there is a connection.</summary>
    public async Task<ISubscriber> SubscriberAsync() => (await ConnectedAsync()).GetSubscriber();

    /// <summary>Ends the connection.</summary>
    public async ValueTask DisposeAsync()
    {
        if (End() is { } connecting)
        {
            try
            {
                await (await connecting).DisposeAsync();
            }
            catch (RedisException)
            {
                // It never came about.
            }
        }
    }

    /// <summary>Ends the connection, in the background.</summary>
    public void Dispose() => _ = DisposeAsync().AsTask();

    private static void Observe(Task task) =>
        _ = task.ContinueWith(
            static done => _ = done.Exception,
            CancellationToken.None,
            TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);

    private static async Task<RedisResult> RunAsync(IDatabase database, RedisScript script, RedisKey[] keys, RedisValue[] values)
    {
        try
        {
            return await database.ScriptEvaluateAsync(script.Hash, keys, values);
        }
        catch (RedisServerException e) when (e.Message.StartsWith("NOSCRIPT", StringComparison.Ordinal))
        {
            return await script.SendAsync(database, keys, values);
        }
    }

    private static bool IsSpoiled(RedisServerException e) =>
        e.Message.Contains("WRONGTYPE", StringComparison.Ordinal) || e.Message.Contains("SPOILED", StringComparison.Ordinal);

    private async Task<T> AnswerAsync<T>(Func<IDatabase, Task<T>> call, RedisKey[] keys)
    {
        var database = (await ConnectedAsync()).GetDatabase();
        try
        {
            var answer = await call(database);
            _rights.AskOnce(database);
            return answer;
        }
        catch (RedisServerException e) when (RedisRights.IsRefusal(e))
        {
            throw await _rights.MissingAsync(database) is { } missing
                ? new RedisServerException($"NOPERM the user of Redis may not do what the fleet has to do: {missing}")
                : e;
        }
        catch (RedisServerException e) when (IsSpoiled(e))
        {
            Damage.Tell(await RunAsync(database, RedisScript.Mend, keys, [.. keys.Select(Keys.TypeOf)]));
            return await call(database);
        }
    }

    private Task<ConnectionMultiplexer>? End()
    {
        lock (_lock)
        {
            _disposed = true;
            return Interlocked.Exchange(ref _connecting, null);
        }
    }

    private Task<ConnectionMultiplexer> ConnectedAsync()
    {
        var connecting = Volatile.Read(ref _connecting);
        if (connecting is { IsCompletedSuccessfully: true })
        {
            return connecting;
        }

        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_connecting is null or { IsFaulted: true } or { IsCanceled: true })
            {
                // Away from the caller: names are looked up and handshakes begun on this thread otherwise.
                _connecting = Task.Run(ConnectAsync);
                Observe(_connecting);
                _first ??= _connecting.WaitAsync(_options.ConnectTimeout, _time);
                Observe(_first);
            }

            return _connecting;
        }
    }

    /// <summary>Waits until the first connection has come about, or has not in its time.</summary>
    private async Task FirstAsync(CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _first) is { IsCompleted: true })
        {
            return;
        }

        _ = ConnectedAsync();
        await Volatile.Read(ref _first)!.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
    }

    private async Task<ConnectionMultiplexer> ConnectAsync()
    {
        var multiplexer = await ConnectionMultiplexer.ConnectAsync(_options.ToDriver());
        multiplexer.ConnectionFailed += (_, failure) => Volatile.Write(ref _lastFailure, Words(failure.FailureType, failure.Exception));
        multiplexer.ConnectionRestored += (_, _) =>
        {
            Volatile.Write(ref _lastFailure, null);
            Restored?.Invoke();
        };
        return multiplexer;
    }

    private string Reason(Exception e) => e switch
    {
        TimeoutException => Volatile.Read(ref _lastFailure) ?? string.Create(
            CultureInfo.InvariantCulture, $"no answer within {_options.Timeout.TotalMilliseconds} ms"),
        RedisConnectionException connection => Volatile.Read(ref _lastFailure) ?? Words(connection.FailureType, connection),
        _ => e.Message,
    };

    /// <summary>What kind of failure, and what lies at the bottom of it.</summary>
    private static string Words(ConnectionFailureType type, Exception? e)
    {
        while (e?.InnerException is { } inner)
        {
            e = inner;
        }

        return e is null ? type.ToString() : $"{type}: {e.Message}";
    }

    private void LookAgain(Exception e)
    {
        if (e is not (RedisServerException or RedisCommandException) || Volatile.Read(ref _connecting) is not { IsCompletedSuccessfully: true } connected)
        {
            return;
        }

        lock (_lock)
        {
            if (_time.GetElapsedTime(_looked) < _lookAgain)
            {
                return;
            }

            _looked = _time.GetTimestamp();
        }

        Observe(connected.Result.ConfigureAsync());
    }
}
