using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Silo.Hosting;

namespace NoslateFleet.Tests.Silo.Redis;

/// <summary>A Redis that is far away, then too far, then near again: a whole instance, its callers, and what others see of it.</summary>
public sealed class SlowRedisTests
{
    private static readonly TimeSpan _slow = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan _tooSlow = TimeSpan.FromMilliseconds(1500);

    [SkippableTheory]
    [InlineData(FleetTopology.Island)]
    [InlineData(FleetTopology.Mesh)]
    public async Task Invocations_AreNotSlower_ThereIsOneWarning_AndAllIsCaughtUpWith(FleetTopology topology)
    {
        await using var redis = await RedisServer.StartAsync();
        await using var proxy = new RedisProxy(redis.Port);
        string[] settings = topology == FleetTopology.Mesh
            ? SiloUnderTest.MeshOf(proxy.Endpoint, "one")
            : ["--Silo:Topology=Island", "--Redis:Endpoints=" + proxy.Endpoint, "--Lifecycle:InstanceId=one"];
        await using var it = await SiloUnderTest.StartWithNodeAsync(
        [
            .. settings, "--Fleet:HeartbeatInterval=100ms", "--Fleet:PublishInterval=50ms",
            "--Silo:RowCheckInterval=1s",
        ]);
        await it.UpAsync();
        var others = new RedisFleet(redis.Endpoint);
        var ledger = it.Services.GetRequiredService<InvocationLedger>();
        using var client = new HttpClient { BaseAddress = it.Platform };
        await SeenAsync("the instance is not seen");

        // The first call connects and compiles the way there, for which its second may not be enough; what counts is what comes after.
        await Until.TrueAsync(
            async () =>
            {
                await WorkAsync(client, others);
                return Told("Warning 2110") == Told("Information 2111");
            },
            "an outage at the start does not end");
        it.Logged.Clear();
        var undisturbed = await MedianAsync(client);

        // Far, yet within the time that a call has.
        proxy.Delay = _slow;
        Bounded(undisturbed, await MedianAsync(client));
        await WorkAsync(client, others);
        await SeenAsync("what a slow Redis is told does not come");
        Assert.DoesNotContain(it.Logged, line => line.StartsWith("Warning 2", StringComparison.Ordinal));

        // Too far: what is called ends in its time, and the callers are none the wiser.
        proxy.Delay = _tooSlow;
        Bounded(undisturbed, await MedianAsync(client));
        await Until.TrueAsync(
            async () =>
            {
                await InvokeAsync(client);
                return Told("Warning 2110") == 1 && (topology == FleetTopology.Island || Told("Warning 2004") == 1);
            },
            "the outage is not told: " + string.Join('\n', it.Logged));
        Bounded(undisturbed, await MedianAsync(client));

        proxy.Delay = TimeSpan.Zero;
        await SeenAsync("what has happened meanwhile does not come");
        await Until.TrueAsync(
            async () =>
            {
                // An idle Island says nothing by itself: its outage is over with the next thing that it has to say.
                await WorkAsync(client, others);
                return Told("Information 2111") == 1 && (topology == FleetTopology.Island || Told("Information 2005") == 1);
            },
            "the end of the outage is not told: " + string.Join('\n', it.Logged));
        Bounded(undisturbed, await MedianAsync(client));
        await SeenAsync("what comes after does not come");
        string[] told = topology == FleetTopology.Island ? ["Warning 2110"] : ["Warning 2004", "Warning 2110"];
        Assert.Equal(
            told,
            it.Logged.Where(line => line.StartsWith("Warning 2", StringComparison.Ordinal) || line.StartsWith("Warning 109", StringComparison.Ordinal))
                .Select(line => string.Join(' ', line.Split(' ')[..2])).Order(StringComparer.Ordinal));
        Assert.Equal(1, it.State.Life);
        Assert.Equal(0, ledger.Snapshot().Drift);
        await others.EndAsync();

        int Told(string begin) => it.Logged.Count(line => line.StartsWith(begin + " ", StringComparison.Ordinal));

        // By others, who have a Redis that is near. The end of work is told just before it comes.
        Task SeenAsync(string otherwise) => Until.TrueAsync(
            async () => await others.Directory.ReadAsync("one", default) is { } entry
                && entry.Snapshot.Accepted == ledger.Snapshot().Accepted && (entry.Snapshot.InFlight == 0 || entry.Snapshot.Ending),
            otherwise);
    }

    /// <summary>The median: others on this machine make some slower, a Redis that is waited for makes all.</summary>
    private static async Task<TimeSpan> MedianAsync(HttpClient client)
    {
        var times = new List<TimeSpan>();
        for (var i = 0; i < 200; i++)
        {
            times.Add(await InvokeAsync(client));
        }

        return times.Order().ElementAt(times.Count / 2);
    }

    private static void Bounded(TimeSpan undisturbed, TimeSpan disturbed) => Assert.True(
        disturbed < (undisturbed * 2) + TimeSpan.FromMilliseconds(20),
        $"half of them take {disturbed.TotalMilliseconds:0.0} ms, undisturbed {undisturbed.TotalMilliseconds:0.0} ms");

    private static async Task<TimeSpan> InvokeAsync(HttpClient client)
    {
        var began = Stopwatch.GetTimestamp();
        using var answer = await client.PostAsync("/invoke/echo", new StringContent("x"));
        Assert.Equal("x", await answer.Content.ReadAsStringAsync());
        return Stopwatch.GetElapsedTime(began);
    }

    /// <summary>Work that is long enough to be told of: others see it before it ends, and its end waits for no answer of Redis.</summary>
    private static async Task WorkAsync(HttpClient client, RedisFleet others)
    {
        var body = new OpenContent();
        var working = client.PostAsync("/invoke/echo", body);
        await body.WriteAsync("x"u8.ToArray());
        await Until.TrueAsync(async () => await others.Directory.ReadAsync("one", default) is { Snapshot: { InFlight: 1, Ending: false } }, "it is not seen at work");
        var began = Stopwatch.GetTimestamp();
        body.Complete();
        using var answer = await working;
        Assert.Equal("x", await answer.Content.ReadAsStringAsync());
        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.Zero, _slow);
    }
}
