using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Fleet;

/// <summary>
/// The moment a client has a response's last byte, the platform may freeze the instance: what the directory knows then is what others go by for hours.
/// </summary>
public sealed class LastByteTests
{
    private static readonly (string, string)[] _quick =
        [("Fleet:HeartbeatInterval", "200ms"), ("Fleet:LostAfter", "1s"), ("Fleet:PublishInterval", "50ms"), ("Fleet:EdgeWait", "100ms")];

    public static TheoryData<string, object[][]> Responses => new()
    {
        { "a told length", [["head", 200, new Dictionary<string, object> { ["content-length"] = "8" }], ["write", "half"], ["WAIT"], ["write", "rest"], ["end"]] },
        { "a told length and more than a buffer", [["head", 200, new Dictionary<string, object> { ["content-length"] = "100004" }], ["write", "half"], ["WAIT"], ["bytes", 100_000], ["end"]] },
        { "chunks", [["head", 200], ["write", "half"], ["WAIT"], ["write", "rest"], ["end"]] },
        { "no body", [["WAIT"], ["head", 204], ["end"]] },
        { "a body of nothing", [["WAIT"], ["head", 200, new Dictionary<string, object> { ["content-length"] = "0" }], ["end"]] },
        { "one piece", [["WAIT"], ["head", 200], ["end", "all"]] },
        { "a problem", [["WAIT"], ["throw"]] },
    };

    [SkippableTheory]
    [MemberData(nameof(Responses))]
    public async Task WorkThatWasTold_IsOverInTheDirectory_BeforeTheClientHasTheLastByte(string response, object[][] steps)
    {
        await using var gateway = await GatewayUnderTest.StartAsync(settings: _quick);
        var go = gateway.Flag("go");
        using var client = await RawConnection.OpenAsync(gateway.Port);
        await client.SendAsync(GatewayRequests.Text("GET", "/invoke/script", GatewayRequests.ScriptLine([.. steps.Select(s => (string)s[0] == "WAIT" ? ["await", go] : s)])));
        await Until.TrueAsync(async () => await SnapshotAsync(gateway) is { InFlight: 1, Ending: false }, $"the work was not told ({response})");

        await File.WriteAllTextAsync(go, "");
        await client.ReadAsync();

        var last = await SnapshotAsync(gateway);
        Assert.True(last.InFlight == 0 || last.Ending, $"{response}: the directory still has {last.InFlight} in flight, sequence {last.Sequence}");
        Assert.Equal(Standing.Quiet, StandingRules.Of(last, TimeSpan.FromHours(1), new StandingOptions()));
        Assert.Equal(0, last.Drift);
    }

    [SkippableFact]
    public async Task OfManyThatEndAtOnce_TheLastTellsIt()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(
            [GatewayUnderTest.Function("script", more: [("worker", new { maxActivateRequests = 50 })])], settings: _quick);
        var go = gateway.Flag("go");
        var clients = new List<RawConnection>();
        for (var i = 0; i < 12; i++)
        {
            clients.Add(await RawConnection.OpenAsync(gateway.Port));
            await clients[i].SendAsync(GatewayRequests.Text("GET", "/invoke/script", GatewayRequests.ScriptLine(["await", go], ["end", "all"])));
        }

        await Until.TrueAsync(async () => await SnapshotAsync(gateway) is { InFlight: 12, Ending: false }, "the work was not told");
        await File.WriteAllTextAsync(go, "");
        await Task.WhenAll(clients.Select(c => c.ReadAsync()));

        var last = await SnapshotAsync(gateway);
        Assert.True(last.InFlight == 0 || last.Ending, $"the directory still has {last.InFlight} in flight");
        clients.ForEach(c => c.Dispose());
    }

    [SkippableFact]
    public async Task ShortRequests_AreNotTold_AndTheirCountersAre()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(settings: [("Fleet:HeartbeatInterval", "5s")]);
        Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/mirror")).Status);
        await Until.TrueAsync(async () => await SnapshotAsync(gateway) is { Accepted: 1, Completed: 1 }, "the counters were not told");
        Assert.Equal(0, (await SnapshotAsync(gateway)).InFlight);
    }

    [SkippableFact]
    public async Task AFreezeHook_LeavesTheReceiptAndTheRecorderInTheDirectory()
    {
        await using var gateway = await GatewayUnderTest.StartAsync();
        Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/mirror")).Status);
        await gateway.SettledAsync();
        Assert.Equal(200, (int)(await gateway.Admin.GetAsync("/pre-freeze")).StatusCode);

        var last = await SnapshotAsync(gateway);
        Assert.Equal(InstancePhase.Frozen, last.Phase);
        Assert.Contains("\"pre-freeze\"", last.LastReceiptJson, StringComparison.Ordinal);
        var records = await gateway.Service<IFleetDirectory>().ReadRecordsAsync(last.InstanceId, CancellationToken.None);
        Assert.Contains(records, r => r.Kind == RecordKind.Receipt);
        Assert.Contains(records, r => r.Kind == RecordKind.RecorderEvent && r.Json.Contains("Freezing", StringComparison.Ordinal));
    }

    private static async Task<InstanceSnapshot> SnapshotAsync(GatewayUnderTest gateway) =>
        (await gateway.Service<IFleetDirectory>().ReadAsync(gateway.Lifecycle.Identity.InstanceId, CancellationToken.None))!.Snapshot;
}
