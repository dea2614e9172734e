using System.Collections.Concurrent;
using NoslateFleet.Coordination.Fleet;
using StackExchange.Redis;

namespace NoslateFleet.Silo.Redis;

/// <summary>
/// Notices by Redis's channels. A listener that Redis can't be reached for is tried for again and again; after every lost connection it is
/// told <see cref="FleetNotice.Anything"/>.
/// </summary>
internal sealed class RedisFleetNotices : IFleetNotices, IDisposable
{
    /// <summary>After which time a listening that did not come about is tried again.</summary>
    private static readonly TimeSpan _again = TimeSpan.FromSeconds(1);

    private readonly RedisConnection _connection;
    private readonly Random _random;
    private readonly ConcurrentDictionary<Listener, bool> _listeners = new();

    /// <summary>Listens to nothing yet.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="random">Spreads what a whole fleet does when it is told that the directory has lost what it had.</param>
    public RedisFleetNotices(RedisConnection connection, Random random)
    {
        _connection = connection;
        _random = random;
        connection.Restored += Restored;
    }

    /// <summary>
    /// Over which time a fleet spreads what it does when the directory has lost what it had. All of it hears of that in the same instant: a thousand
    /// snapshots at once would be late for each other's sake.
    /// </summary>
    internal static readonly TimeSpan Spread = TimeSpan.FromSeconds(2);

    /// <inheritdoc/>
    public IDisposable Listen(string? instanceId, Action<FleetNotice> handler)
    {
        var listener = new Listener(this, instanceId, handler);
        _listeners[listener] = true;
        listener.Begin();
        return listener;
    }

    /// <summary>Ends all listening.</summary>
    public void Dispose()
    {
        _connection.Restored -= Restored;
        foreach (var listener in _listeners.Keys)
        {
            listener.Dispose();
        }
    }

    private void Restored()
    {
        foreach (var listener in _listeners.Keys)
        {
            listener.Begin();
        }
    }

    private sealed class Listener : IDisposable
    {
        private readonly RedisFleetNotices _owner;
        private readonly NoticeTeller _teller;
        private readonly (RedisChannel Channel, Action<RedisChannel, RedisValue> Hear)[] _channels;
        private readonly CancellationTokenSource _ending = new();
        private readonly Lock _lock = new();
        private bool _beginning;
        private bool _beginAgain;
        private bool _losing;
        private bool _disposed;

        public Listener(RedisFleetNotices owner, string? instanceId, Action<FleetNotice> handler)
        {
            _owner = owner;
            _teller = new NoticeTeller(handler);
            var keys = owner._connection.Keys;
            _channels =
            [
                (keys.SnapshotsChannel, (_, told) => HearOfSnapshots(lost: told == "anew")),
                (keys.ProfilesChannel, (_, _) => _teller.Tell(FleetNotice.Profiles)),
            ];
            if (instanceId is not null)
            {
                _channels = [.. _channels, (keys.OrdersChannel(instanceId), (_, _) => _teller.Tell(FleetNotice.Order))];
            }
        }

        /// <summary>Begins to listen, or begins anew after a connection was lost.</summary>
        public void Begin()
        {
            lock (_lock)
            {
                if (_disposed)
                {
                    return;
                }

                _beginAgain = true;
                if (_beginning)
                {
                    return;
                }

                _beginning = true;
            }

            _ = Task.Run(BeginAsync);
        }

        public void Dispose()
        {
            lock (_lock)
            {
                if (_disposed)
                {
                    return;
                }

                _disposed = true;
            }

            _teller.Close();
            _owner._listeners.TryRemove(this, out _);
            _ending.Cancel();
            _ = Task.Run(EndAsync);
        }

        private void HearOfSnapshots(bool lost)
        {
            _teller.Tell(FleetNotice.Snapshots);
            lock (_lock)
            {
                if (!lost || _losing || _disposed)
                {
                    return;
                }

                _losing = true;
            }

            _ = LoseAsync();
        }

        /// <summary>The directory has lost what it had: whoever is silent because nothing changes tells it once more, each in its turn.</summary>
        private async Task LoseAsync()
        {
            var turn = Spread * _owner._random.NextDouble();
            await Task.Delay(turn, _owner._connection.Time, _ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            lock (_lock)
            {
                // Before it is told: a loss after that is another.
                _losing = false;
            }

            _teller.Tell(FleetNotice.Anything);
        }

        private async Task BeginAsync()
        {
            while (true)
            {
                lock (_lock)
                {
                    if (_disposed || !_beginAgain)
                    {
                        _beginning = false;
                        return;
                    }

                    _beginAgain = false;
                }

                if (!await TryListenAsync())
                {
                    lock (_lock)
                    {
                        _beginAgain = true;
                    }

                    await Task.Delay(_again, _owner._connection.Time, _ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            }
        }

        private async Task<bool> TryListenAsync()
        {
            try
            {
                var subscriber = await _owner._connection.SubscriberAsync();
                foreach (var (channel, hear) in _channels)
                {
                    // The driver keeps what it could not subscribe to, and would call twice what it is told twice.
                    await subscriber.UnsubscribeAsync(channel, hear, CommandFlags.FireAndForget);
                    await subscriber.SubscribeAsync(channel, hear);
                }

                if (_ending.IsCancellationRequested)
                {
                    await EndAsync();
                    return true;
                }
            }
            catch (Exception e) when (e is RedisException or TimeoutException or ObjectDisposedException or System.Net.Sockets.SocketException)
            {
                return false;
            }

            _teller.Tell(FleetNotice.Anything);
            return true;
        }

        private async Task EndAsync()
        {
            try
            {
                var subscriber = await _owner._connection.SubscriberAsync();
                foreach (var (channel, hear) in _channels)
                {
                    await subscriber.UnsubscribeAsync(channel, hear);
                }
            }
            catch (Exception e) when (e is RedisException or TimeoutException or ObjectDisposedException or System.Net.Sockets.SocketException)
            {
                // The connection is gone, and what was subscribed with it.
            }
        }
    }
}
