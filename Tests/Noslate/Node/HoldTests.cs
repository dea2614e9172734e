using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using Microsoft.Extensions.Logging.Abstractions;
using NoslateFleet.Noslate.Invocation;
using NoslateFleet.Noslate.Node;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Noslate.Invocation;

namespace NoslateFleet.Tests.Noslate.Node;

/// <summary>Calls that come while no data plane is there and somebody starts one again.</summary>
public sealed class HoldTests : IAsyncLifetime, IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly TempDirectory _directory = new();
    private readonly ConcurrentQueue<List<byte[]>> _calls = new();
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
    public async Task NoDataPlane_ByDefault_FailsAtOnce()
    {
        NoslateNode node = StartNode(hold: false);
        Assert.Equal(InvocationFailure.PlaneUnavailable, await FailAsync(InvokeAsync(node, TimeSpan.FromHours(1))));
    }

    [Fact]
    public async Task NoDataPlane_CallsAreHeld_AndServedWithTheirBodiesOnceOneIsThere()
    {
        NoslateNode node = StartNode();
        Task<InvocationCall>[] calling = [.. Enumerable.Range(0, 20).Select(_ => InvokeAsync(node, Patience, body: "body"))];
        Assert.DoesNotContain(calling, one => one.IsCompleted);
        await StartPlaneAsync();
        foreach (Task<InvocationCall> one in calling)
        {
            await using InvocationCall call = await one.WaitAsync(Patience);
            Assert.Equal(200, call.Status);
        }

        Assert.Equal(20, _calls.Count);
        Assert.All(_calls, messages => Assert.Contains("body", string.Concat(messages.Select(message => System.Text.Encoding.Latin1.GetString(message))), StringComparison.Ordinal));
    }

    [Fact]
    public async Task PlaneThatGoesAndComesBack_NoCallIsLostOrSentTwice()
    {
        NoslateNode node = StartNode();
        FakePlane plane = await StartPlaneAsync();
        await Until.TrueAsync(() => node.Status.Reachable, "the plane was not connected");
        await plane.DisposeAsync();

        // Some of these meet a link that does not know yet that its plane is gone.
        Task<InvocationCall>[] calling = [.. Enumerable.Range(0, 20).Select(_ => InvokeAsync(node, Patience))];
        await Until.TrueAsync(() => !node.Status.Reachable, "the loss was not seen");
        await StartPlaneAsync();
        foreach (Task<InvocationCall> one in calling)
        {
            await using InvocationCall call = await one.WaitAsync(Patience);
            Assert.Equal(200, call.Status);
        }

        Assert.Equal(20, _calls.Count);
    }

    [Fact]
    public async Task DeadlineOver_Unavailable_AndSurelyNotRun()
    {
        NoslateNode node = StartNode();
        Assert.Equal(InvocationFailure.PlaneUnavailable, await FailAsync(InvokeAsync(node, TimeSpan.FromMilliseconds(20))));
    }

    [Fact]
    public async Task CallerLeaves_Cancelled()
    {
        NoslateNode node = StartNode();
        using var gone = new CancellationTokenSource();
        Task<InvocationCall> calling = InvokeAsync(node, TimeSpan.FromHours(1), cancellationToken: gone.Token);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => calling.WaitAsync(Patience));
    }

    [Fact]
    public async Task StopHolding_EndsTheWait_AndNobodyWaitsAfterwards()
    {
        NoslateNode node = StartNode();
        Task<InvocationCall> calling = InvokeAsync(node, TimeSpan.FromHours(1));
        node.StopHolding();
        Assert.Equal(InvocationFailure.PlaneUnavailable, await FailAsync(calling));
        Assert.Equal(InvocationFailure.PlaneUnavailable, await FailAsync(InvokeAsync(node, TimeSpan.FromHours(1))));
    }

    private static async Task<InvocationFailure> FailAsync(Task<InvocationCall> calling)
    {
        InvocationError error = (await Assert.ThrowsAsync<InvocationFailedException>(() => calling.WaitAsync(Patience))).Error;
        Assert.Equal(Executed.Never, error.Executed);
        return error.Failure;
    }

    private static async Task<InvocationCall> InvokeAsync(NoslateNode node, TimeSpan timeout, string? body = null, CancellationToken cancellationToken = default)
    {
        using var request = InvocationRequest.Rent("hello", "POST", "/", "id");
        PipeReader? reader = body is null ? null : PipeReader.Create(new ReadOnlySequence<byte>(System.Text.Encoding.UTF8.GetBytes(body)));
        return await node.InvokeAsync(InvocationTarget.Function, request, reader, timeout, cancellationToken);
    }

    private NoslateNode StartNode(bool hold = true)
    {
        var node = new NoslateNode(
            new NodeOptions { Workdir = _directory.Path, ReconnectMin = TimeSpan.FromMilliseconds(5), ReconnectMax = TimeSpan.FromMilliseconds(20), Hold = hold },
            TimeProvider.System, NullLoggerFactory.Instance);
        _open.Add(node);
        node.Start();
        return node;
    }

    private async Task<FakePlane> StartPlaneAsync()
    {
        FakePlane plane = await FakePlane.StartAsync(_directory.Combine("socks", "dp-0.sock"));
        _open.Add(plane);
        plane.On(InvocationHarness.InvokePath, async call =>
        {
            _calls.Enqueue(await call.ReadAllAsync());
            await call.WriteAsync(InvocationHarness.Head(200));
            call.SetStatus(0);
        });
        return plane;
    }
}
