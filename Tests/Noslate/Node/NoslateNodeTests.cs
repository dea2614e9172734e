using System.Collections.Concurrent;
using System.Text;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using NoslateFleet.Noslate.Invocation;
using NoslateFleet.Noslate.Node;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Noslate.Protocol.Host;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Noslate.Invocation;
using Any = NoslateFleet.Noslate.Protocol.Common.Any;

namespace NoslateFleet.Tests.Noslate.Node;

public sealed class NoslateNodeTests : IDisposable
{
    private const string InvokePath = InvocationHarness.InvokePath;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly TempDirectory _directory = new();
    private readonly LogList _log = new();

    [Fact]
    public async Task Start_ConnectsEveryPlane_AndTheNodeIsReady()
    {
        await using FakePlane data = await StartPlaneAsync("dp-0");
        await using FakePlane control = await StartPlaneAsync("cp-0");
        var sent = new ConcurrentQueue<Request>();
        data.On(FakePlane.ConnectPath, RecordAsync(2));
        control.On(FakePlane.ConnectPath, RecordAsync(1));
        await using NoslateNode node = CreateNode();
        Assert.False(node.Status.Reachable);
        Assert.Null(node.Status.DataPlanes[0].Error);
        node.Start();
        node.Start();
        await node.WaitForReadyAsync(Cancel());
        await UntilAsync(() => node.Status.ControlPlanes[0].Connected);
        Assert.True(node.Status.Ready);
        Assert.Equal(("dp-0", null), (node.Status.DataPlanes[0].Name, node.Status.DataPlanes[0].Error));
        Assert.Equal(
            ["containerStatusReport", "requestQueueing"],
            sent.Where(request => request is { Type: RequestType.Subscribe, Subscription.Subscribe: true }).Select(request => request.Subscription.EventName).Order());
        Assert.Single(sent, request => request is { Type: RequestType.LivenessProbe, Liveness.Timestamp: not 0 });

        Func<PlaneCall, Task> RecordAsync(int count) => async call =>
        {
            for (int i = 0; i < count; i++)
            {
                sent.Enqueue(Request.Parser.ParseFrom(await call.ReadAsync()));
            }

            await call.StartAsync();
            await call.Aborted;
        };
    }

    [Fact]
    public async Task WithoutPlanes_InvocationsAreRefusedAtOnce_AndStartDoesNotThrow()
    {
        await using NoslateNode node = CreateNode();
        await AssertUnavailableAsync(node);
        node.Start();
        await UntilAsync(() => node.Status.DataPlanes[0].Error is not null);
        InvocationError error = await AssertUnavailableAsync(node);
        Assert.Contains("dp-0: Unavailable", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PlaneThatDies_IsSeenAtOnce_AndComesBack()
    {
        var clock = new ManualTimeProvider();
        FakePlane plane = await StartPlaneAsync("dp-0");

        // Only the pauses are below an hour.
        await using NoslateNode node = CreateNode(clock, options => options.CallTimeout = TimeSpan.FromHours(2));
        var seen = new ConcurrentQueue<bool>();
        node.StatusChanged += status => seen.Enqueue(status.Reachable);
        node.Start();
        await UntilAsync(() => node.Status.Reachable);
        DateTimeOffset since = node.Status.DataPlanes[0].Since;
        clock.Advance(TimeSpan.FromMinutes(1));
        await plane.DisposeAsync();
        await UntilAsync(() => !node.Status.Reachable);
        Assert.Equal(TimeSpan.FromMinutes(1), node.Status.DataPlanes[0].Since - since);
        Assert.NotNull(node.Status.DataPlanes[0].Error);
        await AssertUnavailableAsync(node);

        await using FakePlane again = await StartPlaneAsync("dp-0");
        again.On(InvokePath, async call =>
        {
            await call.WriteAsync(InvocationHarness.Head(200, "back"));
            call.SetStatus(0);
        });
        await UntilAsync(
            () => node.Status.Reachable,
            () =>
            {
                if (clock.UntilNextTimer is { } pause && pause < TimeSpan.FromHours(1))
                {
                    clock.Advance(pause);
                }
            });
        await using InvocationCall call = await InvokeAsync(node);
        Assert.Equal("back", Encoding.UTF8.GetString(await InvocationHarness.ReadToEndAsync(call)));
        await UntilAsync(() => seen.Contains(true) && seen.Contains(false));
    }

    [Fact]
    public async Task PausesBetweenTries_Grow_AndOneLineIsLogged()
    {
        var clock = new ManualTimeProvider();
        await using FakePlane control = await StartPlaneAsync("cp-0");
        await using NoslateNode node = CreateNode(clock, options =>
        {
            // Only the pauses are below an hour.
            options.CallTimeout = TimeSpan.FromHours(2);
            options.ReconnectMin = TimeSpan.FromMilliseconds(100);
            options.ReconnectMax = TimeSpan.FromSeconds(2);
        });
        node.Start();
        await UntilAsync(() => node.Status.ControlPlanes[0].Connected);
        for (int i = 0; i < 8; i++)
        {
            double nominal = Math.Min(100 * Math.Pow(2, i), 2000);
            await UntilAsync(() => clock.ArmedTimers == 1 && clock.UntilNextTimer < TimeSpan.FromHours(1));
            var pause = clock.UntilNextTimer!.Value;
            Assert.InRange(pause.TotalMilliseconds, Math.Max(nominal * 0.75, 100) - 1, 2000);

            // No further: a part of the next pause could pass in the same move.
            clock.Advance(pause);
        }

        Assert.Single(_log.Lines, line => line.Contains("Not connected to dp-0", StringComparison.Ordinal));
    }

    [Fact]
    public async Task PlaneThatAcceptsAndSaysNothing_IsGivenUpAfterTheCallTimeout()
    {
        var clock = new ManualTimeProvider();
        var arrived = new TaskCompletionSource();
        await using var plane = new RawPlane(SocketOf("dp-0"), async stream =>
        {
            await RawPlane.GreetAsync(stream);
            await RawPlane.ReadRequestAsync(stream);
            arrived.TrySetResult();
            await RawPlane.DrainAsync(stream);
        });
        await using NoslateNode node = CreateNode(clock);
        node.Start();
        await arrived.Task.WaitAsync(Patience);
        clock.Advance(TimeSpan.FromSeconds(5));
        await UntilAsync(() => node.Status.DataPlanes[0].Error is not null);
        Assert.Contains("did not answer", node.Status.DataPlanes[0].Error, StringComparison.Ordinal);
        Assert.False(node.Status.Reachable);
    }

    [Fact]
    public async Task EventsThatAPlaneTells_AreSurfaced_AndOthersPassedOver()
    {
        await using FakePlane plane = await StartPlaneAsync("dp-0");
        var go = new TaskCompletionSource();
        plane.On(FakePlane.ConnectPath, async call =>
        {
            await call.StartAsync();
            await go.Task;
            await call.WriteAsync([0xFF, 0xFF]);
            var chunk = new SubscriptionChunk();
            chunk.Events.Add(Event("host.liveness", new Request()));
            chunk.Events.Add(new SubscriptionEvent { Name = "requestQueueing" });
            chunk.Events.Add(Event("requestQueueing", new RequestQueueingBroadcast { Name = "hello", QueuedRequestCount = 3 }));
            chunk.Events.Add(Event("containerStatusReport", new ContainerStatusReport { FunctionName = "hello", Event = "ContainerInstalled", Name = "w1" }));
            await call.WriteAsync(chunk.ToByteArray());
            await call.Aborted;
        });
        await using NoslateNode node = CreateNode();
        var events = System.Threading.Channels.Channel.CreateUnbounded<NodeEvent>();
        node.EventReceived += nodeEvent =>
        {
            events.Writer.TryWrite(nodeEvent);
            throw new InvalidOperationException("a handler that throws harms nothing");
        };
        node.Start();
        await UntilAsync(() => node.Status.Reachable);
        go.SetResult();
        NodeEvent first = await events.Reader.ReadAsync(Cancel());
        Assert.Equal(("dp-0", 3, null), (first.Plane, first.RequestQueueing!.QueuedRequestCount, first.ContainerStatus));
        NodeEvent second = await events.Reader.ReadAsync(Cancel());
        Assert.Equal(("w1", null), (second.ContainerStatus!.Name, second.RequestQueueing));
        Assert.True(node.Status.Reachable);
    }

    [Fact]
    public async Task SeveralPlanes_ShareTheCalls_AndOnlyThoseConnectedGetAny()
    {
        var hits = new ConcurrentDictionary<string, int>();
        var release = new TaskCompletionSource();
        FakePlane[] planes = [await StartPlaneAsync("dp-0"), await StartPlaneAsync("dp-2")];
        foreach (FakePlane plane in planes)
        {
            plane.On(InvokePath, async call =>
            {
                hits.AddOrUpdate(plane.SocketPath, 1, (_, count) => count + 1);
                await call.WriteAsync(InvocationHarness.Head(200));
                await release.Task;
                call.SetStatus(0);
            });
        }

        await using NoslateNode node = CreateNode(change: options => options.DataPlanes = 3);
        node.Start();
        await UntilAsync(() => node.Status.DataPlanes is [{ Connected: true }, { Connected: false }, { Connected: true }]);
        var calls = new List<InvocationCall>();
        for (int i = 0; i < 10; i++)
        {
            calls.Add(await InvokeAsync(node));
        }

        Assert.Equal([5, 5], hits.Values);
        release.SetResult();
        foreach (InvocationCall call in calls)
        {
            await call.DisposeAsync();
        }

        foreach (FakePlane plane in planes)
        {
            await plane.DisposeAsync();
        }
    }

    [Fact]
    public async Task StatusHandlers_RunOneAtATime_AndOneThatThrowsHarmsNothing()
    {
        int running = 0;
        int most = 0;
        await using NoslateNode node = CreateNode(change: options => options.DataPlanes = 8);
        node.StatusChanged += _ =>
        {
            most = Math.Max(most, Interlocked.Increment(ref running));
            Thread.SpinWait(10_000);
            Interlocked.Decrement(ref running);
            throw new InvalidOperationException("no");
        };
        node.Start();
        await UntilAsync(() => node.Status.DataPlanes.All(plane => plane.Error is not null));
        Assert.Equal(1, most);
        await UntilAsync(() => _log.Lines.Any(line => line.Contains("A handler of StatusChanged threw", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Dispose_EndsTheEventStreams_AndStartDoesNothingAfterwards()
    {
        await using FakePlane plane = await StartPlaneAsync("dp-0");
        var ended = new TaskCompletionSource();
        plane.On(FakePlane.ConnectPath, async call =>
        {
            await call.StartAsync();
            await call.Aborted;
            ended.SetResult();
        });
        NoslateNode node = CreateNode();
        node.Start();
        await UntilAsync(() => node.Status.Reachable);
        await node.DisposeAsync();
        await node.DisposeAsync();
        await ended.Task.WaitAsync(Patience);
        node.Start();
        Assert.False(node.Status.Reachable);
        await AssertUnavailableAsync(node);
    }

    [Fact]
    public async Task WaitForReady_EndsWithItsToken()
    {
        await using NoslateNode node = CreateNode();
        using var cancellation = new CancellationTokenSource();
        Task waiting = node.WaitForReadyAsync(cancellation.Token);
        Assert.False(waiting.IsCompleted);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public void BadOptions_AreRefusedWithEveryRule()
    {
        var exception = Assert.Throws<ArgumentException>(
            () => new NoslateNode(new NodeOptions { DataPlanes = -1 }, TimeProvider.System, NullLoggerFactory.Instance));
        Assert.Contains("Node:Workdir", exception.Message, StringComparison.Ordinal);
        Assert.Contains("Node:DataPlanes is -1", exception.Message, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _directory.Dispose();
        _log.Dispose();
    }

    private static SubscriptionEvent Event(string name, IMessage message) =>
        new() { Name = name, Data = new Any { TypeUrl = "anything", Data = message.ToByteString() } };

    private static CancellationToken Cancel() => new CancellationTokenSource(Patience).Token;

    private static async Task<InvocationCall> InvokeAsync(NoslateNode node)
    {
        using var request = InvocationRequest.Rent("hello", "GET", "/", "id");
        return await node.InvokeAsync(InvocationTarget.Function, request, null, Patience, CancellationToken.None);
    }

    private static async Task<InvocationError> AssertUnavailableAsync(NoslateNode node)
    {
        InvocationError error = (await Assert.ThrowsAsync<InvocationFailedException>(() => InvokeAsync(node))).Error;
        Assert.Equal((InvocationFailure.PlaneUnavailable, Executed.Never), (error.Failure, error.Executed));
        return error;
    }

    // Connections are other threads' work and tell nobody here.
    private static Task UntilAsync(Func<bool> condition, Action? meanwhile = null) => Until.TrueAsync(
        () =>
        {
            meanwhile?.Invoke();
            return condition();
        },
        "the condition did not become true in time");

    private string SocketOf(string plane) => _directory.Combine("socks", plane + ".sock");

    private Task<FakePlane> StartPlaneAsync(string name) => FakePlane.StartAsync(SocketOf(name));

    private NoslateNode CreateNode(TimeProvider? time = null, Action<NodeOptions>? change = null)
    {
        var options = new NodeOptions { Workdir = _directory.Path };
        change?.Invoke(options);
        return new NoslateNode(options, time ?? TimeProvider.System, _log);
    }

    private sealed class LogList : ILoggerFactory, ILogger
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public IReadOnlyCollection<string> Lines => _lines;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _lines.Enqueue(formatter(state, exception));

        public void Dispose() => _lines.Clear();
    }
}
