using System.Globalization;
using System.Net;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Gateway.Admin;

/// <summary>How often wrong tokens may be tried.</summary>
public sealed class TokenFailuresTests
{
    private static readonly IPAddress _peer = IPAddress.Parse("192.0.2.1");

    private readonly ManualTimeProvider _time = new();

    [Fact]
    public void SomeAtOnce_ThenOneAsTimePasses()
    {
        var failures = new TokenFailures(_time);
        Exhaust(failures, _peer);
        Assert.Equal(TokenFailures.Refill.TotalSeconds, failures.Failed(_peer).TotalSeconds, 3);

        _time.Advance(TokenFailures.Refill / 2);
        Assert.Equal(TokenFailures.Refill.TotalSeconds / 2, failures.Failed(_peer).TotalSeconds, 3);
        _time.Advance(TokenFailures.Refill);
        Assert.Equal(TimeSpan.Zero, failures.Failed(_peer));
        Assert.NotEqual(TimeSpan.Zero, failures.Failed(_peer));
    }

    [Fact]
    public void Wait_IsToldBeforeAnything_AndTakesNothing()
    {
        var failures = new TokenFailures(_time);
        var network = IPAddress.Parse("2001:db8::1");
        for (var i = 0; i < TokenFailures.OfOne; i++)
        {
            Assert.Equal((TimeSpan.Zero, TimeSpan.Zero), (failures.Wait(network), failures.Wait(network)));
            failures.Failed(network);
        }

        Assert.Equal(TokenFailures.Refill.TotalSeconds, failures.Wait(network).TotalSeconds, 3);
        Assert.NotEqual(TimeSpan.Zero, failures.Wait(IPAddress.Parse("2001:db8::ffff")));
        Assert.Equal(TimeSpan.Zero, failures.Wait(IPAddress.Parse("2001:db9::1")));
        _time.Advance(TokenFailures.Refill);
        Assert.Equal(TimeSpan.Zero, failures.Wait(network));
        Assert.Equal(TimeSpan.Zero, failures.Failed(network));
    }

    [Fact]
    public void Wait_OfOneNeverSeen_IsThatOfAllTogether()
    {
        var failures = new TokenFailures(_time);
        for (var i = 0; i < TokenFailures.OfAll; i++)
        {
            failures.Failed(new IPAddress([10, 0, (byte)(i >> 8), (byte)i]));
        }

        Assert.NotEqual(TimeSpan.Zero, failures.Wait(_peer));
        Assert.NotEqual(TimeSpan.Zero, failures.Wait(null));
        _time.Advance(TokenFailures.Refill);
        Assert.Equal(TimeSpan.Zero, failures.Wait(_peer));
    }

    [Fact]
    public void AnotherPeer_IsNotTouched()
    {
        var failures = new TokenFailures(_time);
        Exhaust(failures, _peer);
        Assert.Equal(TimeSpan.Zero, failures.Failed(IPAddress.Parse("192.0.2.2")));
    }

    [Fact]
    public void AddressesOfOneNetworkOfIPv6_AreOnePeer_AndAMappedOneIsItsIPv4()
    {
        var failures = new TokenFailures(_time);
        for (var i = 0; i < TokenFailures.OfOne; i++)
        {
            Assert.Equal(TimeSpan.Zero, failures.Failed(IPAddress.Parse(string.Create(CultureInfo.InvariantCulture, $"2001:db8::{i + 1:x}"))));
        }

        Assert.NotEqual(TimeSpan.Zero, failures.Failed(IPAddress.Parse("2001:db8::ffff")));
        Assert.Equal(TimeSpan.Zero, failures.Failed(IPAddress.Parse("2001:db8:0:1::1")));

        Exhaust(failures, _peer);
        Assert.NotEqual(TimeSpan.Zero, failures.Failed(_peer.MapToIPv6()));
    }

    [Fact]
    public void ManyPeers_ShareOneLimit_AndTheTableStaysBounded()
    {
        var failures = new TokenFailures(_time);
        var told = Enumerable.Range(0, 3 * TokenFailures.MaxPeers).Count(i => failures.Failed(new IPAddress([10, 0, (byte)(i >> 8), (byte)i])) == TimeSpan.Zero);
        Assert.Equal(TokenFailures.OfAll, told);
        Assert.InRange(failures.Peers, 1, TokenFailures.MaxPeers);
    }

    [Fact]
    public void PeerThatHasNothingLeft_IsNotForgotten_ForOthers()
    {
        var failures = new TokenFailures(_time);
        Exhaust(failures, _peer);
        for (var i = 0; i < 3 * TokenFailures.MaxPeers; i++)
        {
            failures.Failed(new IPAddress([10, 0, (byte)(i >> 8), (byte)i]));
        }

        _time.Advance(TokenFailures.Refill / 2);
        Assert.NotEqual(TimeSpan.Zero, failures.Failed(_peer));
    }

    private static void Exhaust(TokenFailures failures, IPAddress peer)
    {
        for (var i = 0; i < TokenFailures.OfOne; i++)
        {
            Assert.Equal(TimeSpan.Zero, failures.Failed(peer));
        }
    }
}
