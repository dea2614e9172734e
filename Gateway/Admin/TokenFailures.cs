using System.Net;
using System.Net.Sockets;

namespace NoslateFleet.Gateway.Admin;

/// <summary>
/// How often a peer may come with a token that is none, whether with a request or at the dashboard's sign-in: some at once, then a few a minute. A bucket for
/// each peer and one for all together, which many addresses share. Peers kept in mind are bounded. Safe under concurrent callers.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class TokenFailures(TimeProvider time)
{
    /// <summary>Failures that one peer has at once.</summary>
    public const int OfOne = 10;

    /// <summary>Failures that all peers have at once together.</summary>
    public const int OfAll = 200;

    /// <summary>Peers kept in mind.</summary>
    public const int MaxPeers = 1024;

    /// <summary>After which time one peer has one more.</summary>
    public static readonly TimeSpan Refill = TimeSpan.FromSeconds(6);

    private static readonly TimeSpan _refillOfAll = Refill * OfOne / OfAll;

    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, Bucket> _peers = [];
    private readonly Bucket _all = new(OfAll, time.GetTimestamp());

    /// <summary>How many peers are kept in mind now.</summary>
    public int Peers
    {
        get
        {
            lock (_lock)
            {
                return _peers.Count;
            }
        }
    }

    /// <summary>How long the peer has to wait until it may fail again; zero if it may now.</summary>
    /// <param name="peer">The peer.</param>
    public TimeSpan Wait(IPAddress? peer)
    {
        lock (_lock)
        {
            Fill(_all, OfAll, _refillOfAll);
            if (!_peers.TryGetValue(KeyOf(peer), out var bucket))
            {
                return Left(null);
            }

            Fill(bucket, OfOne, Refill);
            return Left(bucket);
        }
    }

    /// <summary>A peer has failed.</summary>
    /// <param name="peer">The peer.</param>
    /// <returns>Zero if it may be told so; else how long it has to wait, and this failure was one too many.</returns>
    public TimeSpan Failed(IPAddress? peer)
    {
        lock (_lock)
        {
            var key = KeyOf(peer);
            if (!_peers.TryGetValue(key, out var bucket))
            {
                MakeRoom();
                _peers[key] = bucket = new Bucket(OfOne, time.GetTimestamp());
            }

            Fill(bucket, OfOne, Refill);
            Fill(_all, OfAll, _refillOfAll);
            if (Left(bucket) is { Ticks: > 0 } wait)
            {
                return wait;
            }

            bucket.Left--;
            _all.Left--;
            return TimeSpan.Zero;
        }
    }

    // Until there is one more in both, once they are filled.
    private TimeSpan Left(Bucket? bucket)
    {
        var own = bucket is { Left: < 1 } ? (1 - bucket.Left) * Refill : TimeSpan.Zero;
        var all = _all.Left < 1 ? (1 - _all.Left) * _refillOfAll : TimeSpan.Zero;
        return own > all ? own : all;
    }

    // One network of IPv6 is one peer: it has more addresses than anybody can keep in mind.
    private static IPAddress KeyOf(IPAddress? peer)
    {
        if (peer is null)
        {
            return IPAddress.None;
        }

        if (peer.IsIPv4MappedToIPv6)
        {
            return peer.MapToIPv4();
        }

        if (peer.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return peer;
        }

        var bytes = peer.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new IPAddress(bytes);
    }

    // Whoever is full again is as one never seen. Is nobody, the one that has most left goes: forgetting it gives least away.
    private void MakeRoom()
    {
        if (_peers.Count < MaxPeers)
        {
            return;
        }

        foreach (var (key, bucket) in _peers)
        {
            Fill(bucket, OfOne, Refill);
            if (bucket.Left >= OfOne)
            {
                _peers.Remove(key);
            }
        }

        if (_peers.Count >= MaxPeers)
        {
            _peers.Remove(_peers.MaxBy(static peer => peer.Value.Left).Key);
        }
    }

    private void Fill(Bucket bucket, int most, TimeSpan refill)
    {
        var now = time.GetTimestamp();
        bucket.Left = Math.Min(most, bucket.Left + (time.GetElapsedTime(bucket.FilledAt, now) / refill));
        bucket.FilledAt = now;
    }

    private sealed class Bucket(double left, long filledAt)
    {
        public double Left = left;
        public long FilledAt = filledAt;
    }
}
