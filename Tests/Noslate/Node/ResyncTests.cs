using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using Microsoft.Extensions.Logging.Abstractions;
using NoslateFleet.Noslate.Invocation;
using NoslateFleet.Noslate.Node;
using NoslateFleet.Noslate.Profiles;
using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Noslate.Invocation;

namespace NoslateFleet.Tests.Noslate.Node;

/// <summary>Calls of functions that a plane, just back, does not know yet.</summary>
public sealed class ResyncTests : IAsyncLifetime, IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly TempDirectory _directory = new();
    private readonly ConcurrentQueue<byte[]> _calls = new();
    private readonly ManualTimeProvider _clock = new();
    private FakePlane _plane = null!;
    private NoslateNode? _node;
    private int _refusals;
    private DateTimeOffset _began;
    private TimeSpan _timeout;

    public async Task InitializeAsync()
    {
        _plane = await FakePlane.StartAsync(_directory.Combine("socks", "dp-0.sock"));
        foreach (string path in new[] { InvocationHarness.InvokePath, InvocationHarness.InvokeServicePath })
        {
            _plane.On(path, AnswerAsync);
        }
    }

    public async Task DisposeAsync()
    {
        if (_node is not null)
        {
            await _node.DisposeAsync();
        }

        await _plane.DisposeAsync();
    }

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task KnownFunction_IsTriedAgain_ByteForByte_UntilThePlaneHasIt(bool withBody)
    {
        NoslateNode node = await StartAsync();
        _refusals = 3;
        Task<InvocationCall> calling = InvokeAsync(node, body: withBody ? Whole("body") : null);
        await AdvanceUntilAsync(() => calling.IsCompleted);
        await using InvocationCall call = await calling;
        Assert.Equal(200, call.Status);
        Assert.Equal(4, _calls.Count);
        Assert.All(_calls, message => Assert.Equal(_calls.First(), message));
        Assert.Equal(withBody ? "body" : "", InvokeRequest.Parser.ParseFrom(_calls.Last()).Body.ToStringUtf8());
    }

    [Fact]
    public async Task KnownService_IsTriedAgain()
    {
        NoslateNode node = await StartAsync();
        _refusals = 1;
        Task<InvocationCall> calling = InvokeAsync(node, "front", InvocationTarget.Service);
        await AdvanceUntilAsync(() => calling.IsCompleted);
        await (await calling).DisposeAsync();
        Assert.Equal(2, _calls.Count);
    }

    [Fact]
    public async Task FunctionOutsideTheProfiles_IsRefusedAtOnce()
    {
        NoslateNode node = await StartAsync();
        _refusals = int.MaxValue;
        Assert.Equal(InvocationFailure.UnknownFunction, await FailAsync(InvokeAsync(node, "other")));
        Assert.Single(_calls);
    }

    [Fact]
    public async Task AfterTheWindow_RefusedAtOnce()
    {
        NoslateNode node = await StartAsync();
        _clock.Advance(TimeSpan.FromSeconds(15));
        _refusals = int.MaxValue;
        Assert.Equal(InvocationFailure.UnknownFunction, await FailAsync(InvokeAsync(node)));
        Assert.Single(_calls);
    }

    [Fact]
    public async Task WindowOfZero_SwitchesItOff()
    {
        NoslateNode node = await StartAsync(TimeSpan.Zero);
        _refusals = int.MaxValue;
        Assert.Equal(InvocationFailure.UnknownFunction, await FailAsync(InvokeAsync(node)));
        Assert.Single(_calls);
    }

    [Fact]
    public async Task WindowEndsMeanwhile_ThePlanesOwnWordCounts()
    {
        NoslateNode node = await StartAsync(TimeSpan.FromSeconds(1));
        _refusals = int.MaxValue;
        Task<InvocationCall> calling = InvokeAsync(node);
        await AdvanceUntilAsync(() => calling.IsCompleted);
        Assert.Equal(InvocationFailure.UnknownFunction, await FailAsync(calling));
        Assert.InRange(_calls.Count, 3, 30);
    }

    [Fact]
    public async Task DeadlineTooNear_Resyncing_BeforeTheDeadline()
    {
        NoslateNode node = await StartAsync();
        _refusals = int.MaxValue;
        Task<InvocationCall> calling = InvokeAsync(node, timeout: TimeSpan.FromSeconds(2));
        await AdvanceUntilAsync(() => calling.IsCompleted);
        Assert.Equal(InvocationFailure.Resyncing, await FailAsync(calling));
        Assert.True(_clock.GetUtcNow() - _began <= TimeSpan.FromSeconds(2));
        Assert.InRange(_calls.Count, 4, 20);
    }

    [Fact]
    public async Task BodyThatIsNotWholeAtOnce_Resyncing_AfterOneTry()
    {
        NoslateNode node = await StartAsync();
        _refusals = int.MaxValue;
        var pipe = new Pipe();
        await pipe.Writer.WriteAsync(new byte[10]);
        Assert.Equal(InvocationFailure.Resyncing, await FailAsync(InvokeAsync(node, body: pipe.Reader)));
        Assert.Single(_calls);
    }

    [Fact]
    public async Task BodyTooLargeToBeHeld_Resyncing_AfterOneTry()
    {
        NoslateNode node = await StartAsync();
        _refusals = int.MaxValue;
        PipeReader body = PipeReader.Create(new ReadOnlySequence<byte>(new byte[64 * 1024]));
        Assert.Equal(InvocationFailure.Resyncing, await FailAsync(InvokeAsync(node, body: body)));
        Assert.Single(_calls);
    }

    [Fact]
    public async Task CallerLeavesDuringThePause_Cancelled()
    {
        NoslateNode node = await StartAsync();
        _refusals = int.MaxValue;
        using var gone = new CancellationTokenSource();
        Task<InvocationCall> calling = InvokeAsync(node, cancellationToken: gone.Token);
        await Until.TrueAsync(() => _calls.Count == 1 && _clock.UntilNextTimer < TimeSpan.FromSeconds(1), "the pause did not begin");
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => calling.WaitAsync(Patience));
        await Until.TrueAsync(() => !(_clock.UntilNextTimer < TimeSpan.FromSeconds(1)), "the pause is left behind");
        Assert.Single(_calls);
    }

    [Fact]
    public async Task PlaneGoesAwayMeanwhile_Unavailable()
    {
        NoslateNode node = await StartAsync();
        _refusals = int.MaxValue;
        Task<InvocationCall> calling = InvokeAsync(node);
        await Until.TrueAsync(() => !_calls.IsEmpty, "the call did not arrive");
        await _plane.DisposeAsync();
        await Until.TrueAsync(() => !node.Status.Reachable, "the loss was not seen");
        await AdvanceUntilAsync(() => calling.IsCompleted);
        Assert.Contains(await FailAsync(calling), new[] { InvocationFailure.PlaneUnavailable, InvocationFailure.PlaneLost, InvocationFailure.PlaneStopped });
    }

    private static PipeReader Whole(string body) => PipeReader.Create(new ReadOnlySequence<byte>(System.Text.Encoding.UTF8.GetBytes(body)));

    private static async Task<InvocationFailure> FailAsync(Task<InvocationCall> calling)
    {
        InvocationError error = (await Assert.ThrowsAsync<InvocationFailedException>(() => calling.WaitAsync(Patience))).Error;
        if (error.Failure is InvocationFailure.Resyncing or InvocationFailure.UnknownFunction)
        {
            Assert.Equal((Executed.Never, false), (error.Executed, error.AfterHead));
        }

        return error.Failure;
    }

    private async Task<InvocationCall> InvokeAsync(
        NoslateNode node,
        string name = "hello",
        InvocationTarget target = InvocationTarget.Function,
        PipeReader? body = null,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default)
    {
        using var request = InvocationRequest.Rent(name, "POST", "/", "id");
        request.AddHeader("x-header", "value");
        _began = _clock.GetUtcNow();
        _timeout = timeout ?? TimeSpan.FromMinutes(1);
        return await node.InvokeAsync(target, request, body, _timeout, cancellationToken);
    }

    // Only while a pause between two tries is the next thing: they are short and end before the deadline. A try's own timer, which comes
    // after it, must not fire while the plane's answer is on its way.
    private Task AdvanceUntilAsync(Func<bool> done)
    {
        DateTimeOffset deadline = _began + _timeout;
        return Until.TrueAsync(
            () =>
            {
                if (_clock.UntilNextTimer is { } next && next <= TimeSpan.FromMilliseconds(500) && _clock.GetUtcNow() + next <= deadline)
                {
                    _clock.Advance(next);
                }

                return done();
            },
            "the call did not end");
    }

    private async Task<NoslateNode> StartAsync(TimeSpan? window = null)
    {
        var options = new NodeOptions { Workdir = _directory.Path, ReconnectMin = TimeSpan.FromHours(1), ReconnectMax = TimeSpan.FromHours(1) };
        options.ResyncWindow = window ?? options.ResyncWindow;
        _node = new NoslateNode(options, _clock, NullLoggerFactory.Instance);
        _node.SetProfiles(new ProfileSet(
            "1", [new FunctionProfile { Name = "hello" }], [new FunctionService { Name = "front" }], []));
        _node.Start();
        await Until.TrueAsync(() => _node.Status.Reachable, "the plane was not connected");
        return _node;
    }

    private async Task AnswerAsync(PlaneCall call)
    {
        byte[] message = (await call.ReadAsync())!;
        _calls.Enqueue(message);
        if (Interlocked.Decrement(ref _refusals) >= 0)
        {
            string text = call.Context.Request.Path == InvocationHarness.InvokePath ? "No function named hello registered in this node." : "Service not found.";
            await call.WriteAsync(InvocationHarness.Error("Error", 5, text));
            await call.Aborted;
            return;
        }

        await call.ReadAllAsync();
        await call.WriteAsync(InvocationHarness.Head(200));
        call.SetStatus(0);
    }
}
