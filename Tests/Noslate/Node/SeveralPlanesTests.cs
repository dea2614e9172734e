using System.Collections.Concurrent;
using System.IO.Pipelines;
using Microsoft.Extensions.Logging.Abstractions;
using NoslateFleet.Noslate.Invocation;
using NoslateFleet.Noslate.Node;
using NoslateFleet.Noslate.Profiles;
using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Noslate.Invocation;

namespace NoslateFleet.Tests.Noslate.Node;

/// <summary>Two data planes, of which one is in trouble: the other serves.</summary>
public sealed class SeveralPlanesTests : IAsyncLifetime, IDisposable
{
    private const string StatsPath = "/noslated.data.DataPlane/getWorkerTrafficStats";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly TempDirectory _directory = new();
    private readonly ManualTimeProvider _clock = new();
    private readonly ConcurrentDictionary<string, int> _hits = new();
    private readonly List<IAsyncDisposable> _open = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (IAsyncDisposable one in _open)
        {
            await one.DisposeAsync();
        }
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task PlaneThatCanNotBeReached_ItsCallsGoToTheOther()
    {
        var leave = new TaskCompletionSource();
        var left = new TaskCompletionSource();
        var plane = new RawPlane(SocketOf("dp-0"), async stream =>
        {
            await RawPlane.GreetAsync(stream);
            int events = await RawPlane.ReadRequestAsync(stream);
            byte[] head = RawPlane.Block((":status", "200"), ("content-type", "application/grpc"));
            await stream.WriteAsync(RawPlane.Frame(RawPlane.Headers, RawPlane.EndHeaders, events, head));
            await leave.Task;

            // The event stream lives on, and what comes next needs a new connection. The client confirms settings once it has read what came before.
            await stream.WriteAsync(RawPlane.Frame(RawPlane.GoAway, 0, 0, [0, 0, 0, (byte)events, 0, 0, 0, 0]));
            await stream.WriteAsync(RawPlane.Frame(RawPlane.Settings, 0, 0, []));
            while (await RawPlane.ReadFrameAsync(stream) is not { Type: RawPlane.Settings, Flags: 1 })
            {
            }

            left.SetResult();
            await RawPlane.DrainAsync(stream);
        });
        await StartPlaneAsync("dp-1", AnswerAsync);
        NoslateNode node = await StartNodeAsync();
        _open.Add(plane);
        File.Delete(SocketOf("dp-0"));
        leave.SetResult();
        await left.Task.WaitAsync(Patience);
        Assert.True(node.Status.DataPlanes[0].Connected);
        for (int i = 0; i < 10; i++)
        {
            await InvokeAsync(node, new Pipe().Reader);
        }

        Assert.Equal(10, _hits["dp-1"]);
    }

    [Fact]
    public async Task PlaneThatHangs_GetsNoMoreCalls_UntilItAnswersAgain()
    {
        var awake = new TaskCompletionSource();
        FakePlane hanging = await StartPlaneAsync("dp-0", async call =>
        {
            await awake.Task;
            await AnswerAsync(call);
        });
        hanging.On(StatsPath, async call =>
        {
            await Task.WhenAny(awake.Task, call.Aborted);
            call.SetStatus(0);
        });
        await StartPlaneAsync("dp-1", AnswerAsync);
        NoslateNode node = await StartNodeAsync();
        Task[] first = [InvokeAsync(node), InvokeAsync(node)];
        await Until.TrueAsync(() => _hits is { Count: 2 } && Array.Exists(first, one => one.IsCompleted), "the calls were not spread");
        _clock.Advance(TimeSpan.FromSeconds(1.5));
        InvocationError error = (await Assert.ThrowsAsync<InvocationFailedException>(() => Task.WhenAll(first).WaitAsync(Patience))).Error;
        Assert.Equal((InvocationFailure.DeadlineExceeded, Executed.Maybe), (error.Failure, error.Executed));
        for (int i = 0; i < 10; i++)
        {
            await InvokeAsync(node);
        }

        Assert.Equal((1, 11), (_hits["dp-0"], _hits["dp-1"]));
        awake.SetResult();
        await Until.TrueAsync(
            async () =>
            {
                await InvokeAsync(node);
                return _hits["dp-0"] > 1;
            },
            "it got no call after it had answered");
    }

    [Fact]
    public async Task PlaneThatComesBack_GetsOnlyCallsThatCanBeSentAgain_UntilItHasItsProfiles()
    {
        FakePlane plane = await StartPlaneAsync("dp-0", AnswerAsync);
        await StartPlaneAsync("dp-1", AnswerAsync);
        NoslateNode node = await StartNodeAsync();
        await plane.DisposeAsync();
        await Until.TrueAsync(() => !node.Status.DataPlanes[0].Connected, "the loss was not seen");
        bool hasProfiles = false;
        await StartPlaneAsync("dp-0", async call =>
        {
            if (Volatile.Read(ref hasProfiles))
            {
                await AnswerAsync(call);
                return;
            }

            await call.WriteAsync(InvocationHarness.Error("Error", 5, "No function named hello registered in this node."));
            await call.Aborted;
        });
        await PassPausesUntilAsync(() => node.Status.DataPlanes[0].Connected);
        for (int i = 0; i < 10; i++)
        {
            await InvokeAsync(node, new Pipe().Reader);
        }

        Assert.False(_hits.ContainsKey("dp-0"));
        Task[] calling = [InvokeAsync(node), InvokeAsync(node)];
        await PassPausesUntilAsync(() => Array.TrueForAll(calling, one => one.IsCompleted));
        await Task.WhenAll(calling);
        Assert.True(_hits.ContainsKey("dp-0"));

        Volatile.Write(ref hasProfiles, true);
        await InvokeAsync(node);
        await InvokeAsync(node);
        _hits.Clear();
        for (int i = 0; i < 10; i++)
        {
            await InvokeAsync(node, new Pipe().Reader);
        }

        Assert.Equal((5, 5), (_hits["dp-0"], _hits["dp-1"]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AfterAThaw_OneThatAnswersIsEnough(bool otherIsThere)
    {
        FakePlane silent = await StartPlaneAsync("dp-0", AnswerAsync);
        silent.On(StatsPath, call => call.Aborted);
        FakePlane alive = await StartPlaneAsync("dp-1", AnswerAsync);
        alive.On(StatsPath, AnswerAsync);
        NoslateNode node = await StartNodeAsync();
        if (!otherIsThere)
        {
            await silent.DisposeAsync();
            await Until.TrueAsync(() => !node.Status.DataPlanes[0].Connected, "the loss was not seen");
        }

        await node.CheckDataPlanesAsync(CancellationToken.None).WaitAsync(Patience);
        for (int i = 0; i < 4; i++)
        {
            await InvokeAsync(node);
        }

        Assert.Equal(4, _hits["dp-1"]);
    }

    // Only what is waited for between two tries: deadlines are a second away.
    private Task PassPausesUntilAsync(Func<bool> done) => Until.TrueAsync(
        () =>
        {
            if (_clock.UntilNextTimer is { } next && next < TimeSpan.FromMilliseconds(500))
            {
                _clock.Advance(next);
            }

            return done();
        },
        "it did not come about");

    private static async Task AnswerAsync(PlaneCall call)
    {
        await call.WriteAsync(InvocationHarness.Head(200));
        call.SetStatus(0);
    }

    private static async Task InvokeAsync(NoslateNode node, PipeReader? body = null)
    {
        using var request = InvocationRequest.Rent("hello", "POST", "/", "id");
        await using InvocationCall call = await node.InvokeAsync(
            InvocationTarget.Function, request, body, TimeSpan.FromSeconds(1), CancellationToken.None);
        Assert.Equal(200, call.Status);
    }

    private string SocketOf(string plane) => _directory.Combine("socks", plane + ".sock");

    private async Task<FakePlane> StartPlaneAsync(string name, Func<PlaneCall, Task> answer)
    {
        FakePlane plane = await FakePlane.StartAsync(SocketOf(name));
        _open.Insert(0, plane);
        plane.On(InvocationHarness.InvokePath, async call =>
        {
            _hits.AddOrUpdate(name, 1, (_, count) => count + 1);
            await answer(call);
        });
        return plane;
    }

    private async Task<NoslateNode> StartNodeAsync()
    {
        var node = new NoslateNode(
            new NodeOptions
            {
                Workdir = _directory.Path, DataPlanes = 2, ReconnectMin = TimeSpan.FromMilliseconds(5), ReconnectMax = TimeSpan.FromMilliseconds(20),
            },
            _clock,
            NullLoggerFactory.Instance);
        _open.Insert(0, node);
        node.SetProfiles(new ProfileSet("1", [new FunctionProfile { Name = "hello" }], [], []));
        node.Start();
        await Until.TrueAsync(() => node.Status.DataPlanes is [{ Connected: true }, { Connected: true }], "the planes were not connected");
        return node;
    }
}
