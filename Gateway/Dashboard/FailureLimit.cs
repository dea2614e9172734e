using System.Net;

namespace NoslateFleet.Gateway.Dashboard;

/// <summary>How often a peer may fail to sign in: so many times a minute, and then it has to wait. Peers kept in mind are bounded.</summary>
internal sealed class FailureLimit(TimeProvider time)
{
    /// <summary>Failures of one peer within the time.</summary>
    public const int MaxFailures = 10;

    /// <summary>Failures of all peers together: many addresses guess no faster than this.</summary>
    public const int MaxOfAll = 200;

    private const int MaxPeers = 1000;

    /// <summary>The time in which failures are counted.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, Failures> _peers = [];
    private readonly Failures _all = new();

    /// <summary>How long the peer has to wait before it may try; zero if it may.</summary>
    /// <param name="peer">The peer.</param>
    public TimeSpan Wait(IPAddress? peer)
    {
        lock (_lock)
        {
            var own = _peers.TryGetValue(Of(peer), out var failures) ? Left(failures, MaxFailures) : TimeSpan.Zero;
            var all = Left(_all, MaxOfAll);
            return own > all ? own : all;
        }
    }

    /// <summary>The peer has failed.</summary>
    /// <param name="peer">The peer.</param>
    public void Failed(IPAddress? peer)
    {
        lock (_lock)
        {
            var key = Of(peer);
            if (!_peers.TryGetValue(key, out var failures))
            {
                if (_peers.Count == MaxPeers)
                {
                    _peers.Remove(_peers.MinBy(static known => known.Value.BeganAt).Key);
                }

                _peers[key] = failures = new Failures { BeganAt = time.GetTimestamp() };
            }

            Count(failures);
            Count(_all);
        }
    }

    // One network of IPv6 is one peer: it has more addresses than anybody can keep in mind.
    private static IPAddress Of(IPAddress? peer)
    {
        if (peer is null || peer.IsIPv4MappedToIPv6 || peer.AddressFamily != System.Net.Sockets.AddressFamily.InterNetworkV6)
        {
            return peer ?? IPAddress.None;
        }

        var bytes = peer.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new IPAddress(bytes);
    }

    private void Count(Failures failures)
    {
        if (time.GetElapsedTime(failures.BeganAt) >= Window)
        {
            failures.Number = 0;
            failures.BeganAt = time.GetTimestamp();
        }

        failures.Number++;
    }

    private TimeSpan Left(Failures failures, int most)
    {
        var left = Window - time.GetElapsedTime(failures.BeganAt);
        return failures.Number >= most && left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    private sealed class Failures
    {
        public int Number;
        public long BeganAt;
    }
}
