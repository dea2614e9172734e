using Google.Protobuf;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Noslate.Protocol.Host;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Emulator.Harness;

namespace NoslateFleet.Tests.Emulator.DataPlane;

public sealed class HostEventsTests
{
    private const string Connect = "/noslated.Host/connect";

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Connect_BringsOneLivenessOnOpen_AndOnePerProbe_OnBothPlanes(bool data)
    {
        var clock = new ManualTimeProvider();
        await using TestNode node = await TestNode.StartAsync(clock);
        using RpcTestCall call = (data ? node.Data : node.Control).Open(Connect);
        for (int i = 0; i < 2; i++)
        {
            SubscriptionChunk chunk = await ReadAsync(call);
            SubscriptionEvent live = Assert.Single(chunk.Events);
            Assert.Equal(("host.liveness", "noslated.LivenessProbeEventData"), (live.Name, live.Data.TypeUrl));
            LivenessProbeEventData probe = LivenessProbeEventData.Parser.ParseFrom(live.Data.Data);
            Assert.Equal(("host", "ok"), (probe.ComponentLiveness.Key, probe.ComponentLiveness.Value));

            // Milliseconds since 1970 do not fit into 32 bits, and are cut.
            Assert.Equal(unchecked((uint)(ulong)node.NowMs), chunk.Timestamp);
            await call.SendAsync(new Request { Type = RequestType.LivenessProbe, Liveness = new LivenessProbeRequest { Timestamp = 1 } });
        }
    }

    [SkippableFact]
    public async Task Subscriber_HearsOfQueueingAndWorkers_UntilItUnsubscribes()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("hello"));
        using RpcTestCall call = node.Data.Open(Connect);
        await ReadAsync(call);
        await SubscribeAsync(call, "requestQueueing", true);
        await SubscribeAsync(call, "containerStatusReport", true);
        await ProbeAsync(call);
        await node.CallAsync("hello");

        SubscriptionEvent queueing = Assert.Single((await ReadAsync(call)).Events);
        Assert.Equal(("requestQueueing", "noslated.data.RequestQueueingBroadcast"), (queueing.Name, queueing.Data.TypeUrl));
        RequestQueueingBroadcast queued = RequestQueueingBroadcast.Parser.ParseFrom(queueing.Data.Data);
        Assert.Equal(("hello", 1, "r-1"), (queued.Name, queued.QueuedRequestCount, queued.RequestId));
        ContainerStatusReport installed = Report(await ReadAsync(call));
        Assert.Equal(("hello", "ContainerInstalled"), (installed.FunctionName, installed.Event));

        await SubscribeAsync(call, "requestQueueing", false);
        await ProbeAsync(call);
        await node.SetAsync();
        ContainerStatusReport gone = Report(await ReadAsync(call));
        Assert.Equal((installed.Name, "ContainerDisconnected"), (gone.Name, gone.Event));
    }

    private static ContainerStatusReport Report(SubscriptionChunk chunk)
    {
        SubscriptionEvent happened = Assert.Single(chunk.Events);
        Assert.Equal(("containerStatusReport", "noslated.data.ContainerStatusReport"), (happened.Name, happened.Data.TypeUrl));
        return ContainerStatusReport.Parser.ParseFrom(happened.Data.Data);
    }

    /// <summary>Requests are read in order: the probe's answer says that those before it were taken.</summary>
    private static async Task ProbeAsync(RpcTestCall call)
    {
        await call.SendAsync(new Request { Type = RequestType.LivenessProbe, Liveness = new LivenessProbeRequest() });
        Assert.Equal("host.liveness", Assert.Single((await ReadAsync(call)).Events).Name);
    }

    private static Task SubscribeAsync(RpcTestCall call, string name, bool subscribe) => call.SendAsync(
        new Request { Type = RequestType.Subscribe, Subscription = new SubscriptionRequest { EventName = name, Subscribe = subscribe } });

    private static async Task<SubscriptionChunk> ReadAsync(RpcTestCall call) =>
        SubscriptionChunk.Parser.ParseFrom(await call.ReadMessageAsync());
}
