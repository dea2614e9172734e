using System.Net;
using NoslateFleet.Emulator.Node;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Faults;

/// <summary>What a caller is told when the node fails: each fault by its own reason, none later than the deadline, nothing left open.</summary>
public sealed class NodeFaultTests : IAsyncLifetime
{
    /// <summary>The event stream, which is open as long as the node is connected.</summary>
    private const int AtRest = 1;

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

    private readonly ManualTimeProvider _clock = NodeClock.Standing();
    private GatewayUnderTest _gateway = null!;

    private EmulatedNode Node => _gateway.Node!;

    public async Task InitializeAsync() => _gateway = await GatewayUnderTest.StartAsync(node: NodeClock.Options, nodeClock: _clock);

    public async Task DisposeAsync()
    {
        if (_gateway is null)
        {
            return;
        }

        Node.Faults.Invocations = null;
        Node.Faults.WorkerStartsHang = false;
        await Node.WaitForAsync(it => it.OpenDataPlaneCalls <= AtRest);
        await _gateway.DisposeAsync();
    }

    [SkippableFact]
    public async Task OpenBreaker_BreakerOpen_AndServedAgainOnceItCloses()
    {
        Node.ForceCircuitBreaker(true);
        using (var refused = await EchoAsync())
        {
            Assert.Equal("503 data-plane breaker-open never", (await ProblemSeen.OfAsync(refused)).ToString());
            Assert.Equal(TimeSpan.FromSeconds(3), refused.Headers.RetryAfter?.Delta);
        }

        Node.ForceCircuitBreaker(false);
        using var served = await EchoAsync();
        Assert.Equal(HttpStatusCode.OK, served.StatusCode);
    }

    [SkippableFact]
    public async Task FullSession_SessionFull()
    {
        Node.Faults.Invocations = CallFault.Refuse(8, "Bandwidth exhausted or memory limit exceeded");
        using var answer = await EchoAsync();
        Assert.Equal("503 data-plane session-full maybe", (await ProblemSeen.OfAsync(answer)).ToString());
    }

    [SkippableFact]
    public async Task HangingWorkerStart_QueueTimeout_WithinTheDeadline()
    {
        Node.Faults.WorkerStartsHang = true;
        using var request = GatewayUnderTest.Scripted(["end", "x"]);
        var call = _gateway.Http.SendAsync(request);
        await Node.WaitForAsync(it => it["script"].Queued == 1);
        await _clock.PassDeadlineAsync();
        using var answer = await call.WaitAsync(_patience);
        Assert.Equal("504 data-plane queue-timeout never", (await ProblemSeen.OfAsync(answer)).ToString());
        Node.Faults.WorkerStartsHang = false;
        using var served = await _gateway.Http.SendAsync(GatewayUnderTest.Scripted(["end", "x"]));
        Assert.Equal(HttpStatusCode.OK, served.StatusCode);
    }

    [SkippableFact]
    public async Task PlaneThatNeverAnswers_DeadlineExceeded()
    {
        Node.Faults.Invocations = CallFault.Silence;
        using var answer = await EchoAsync(timeout: 1000);
        Assert.Equal("504 data-plane deadline-exceeded maybe", (await ProblemSeen.OfAsync(answer)).ToString());
    }

    [SkippableFact]
    public async Task PlaneThatAnswersTooLate_DeadlineExceeded_InTime_Served()
    {
        Node.Faults.Invocations = CallFault.Delay(TimeSpan.FromMinutes(10));
        using (var late = await EchoAsync(timeout: 1000))
        {
            Assert.Equal("504 data-plane deadline-exceeded maybe", (await ProblemSeen.OfAsync(late)).ToString());
        }

        Node.Faults.Invocations = CallFault.Delay(TimeSpan.FromMilliseconds(50));
        var call = EchoAsync();
        await _clock.WhenArmedAsync(TimeSpan.FromMilliseconds(50));
        _clock.Advance(TimeSpan.FromMilliseconds(50));
        using var inTime = await call;
        Assert.Equal("body", await inTime.Content.ReadAsStringAsync());
    }

    [SkippableFact]
    public async Task Garbage_InvalidResponse()
    {
        Node.Faults.Invocations = CallFault.Garbage;
        using var answer = await EchoAsync();
        Assert.Equal("502 data-plane invalid-response maybe", (await ProblemSeen.OfAsync(answer)).ToString());
    }

    [SkippableFact]
    public async Task StreamCutAfterTheHead_TheClientsConnectionIsCut_OutcomeFailed()
    {
        Node.Faults.Invocations = CallFault.CutAfter(2000);
        using var connection = await RawConnection.OpenAsync(_gateway.Port);
        await connection.SendAsync("POST /invoke/echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
        var head = await connection.ReadHeadAsync();
        Assert.Equal(200, head.Status);
        Assert.Equal("first"u8.ToArray(), await connection.ReadChunkAsync());
        await connection.SendAsync("7d0\r\n" + new string('x', 2000) + "\r\n");
        while (await connection.ReadChunkAsync() is { } chunk)
        {
            Assert.NotEmpty(chunk);
        }

        var settled = await _gateway.SettledAsync();
        Assert.Equal(1, settled.Failed);
    }

    [SkippableFact]
    public async Task PlaneKilledDuringCalls_PlaneLost_PlaneStopped_ThenUnavailable()
    {
        var started = _gateway.Flag("started");
        var running = _gateway.Http.SendAsync(GatewayUnderTest.Scripted(["touch", started], ["hang"]));
        await GatewayUnderTest.AppearsAsync(started);
        await Node.KillDataPlaneAsync();
        using (var lost = await running.WaitAsync(_patience))
        {
            Assert.Equal("503 data-plane plane-lost maybe", (await ProblemSeen.OfAsync(lost)).ToString());
        }

        await Until.TrueAsync(() => !_gateway.Client.Status.Reachable, "the loss was not seen");
        using (var unavailable = await EchoAsync())
        {
            Assert.Equal("503 data-plane plane-unavailable never", (await ProblemSeen.OfAsync(unavailable)).ToString());
        }

        await Node.StartDataPlaneAsync();
        _clock.Advance(Node.Options.ProfileSyncDelay);
        await Until.TrueAsync(() => _gateway.Client.Status.Reachable, "the plane was not found again");
        File.Delete(started);
        running = _gateway.Http.SendAsync(GatewayUnderTest.Scripted(["touch", started], ["hang"]));
        await GatewayUnderTest.AppearsAsync(started);
        await Node.StopDataPlaneAsync();
        using var stopped = await running.WaitAsync(_patience);
        Assert.Equal("503 data-plane plane-stopped maybe", (await ProblemSeen.OfAsync(stopped)).ToString());
    }

    private async Task<HttpResponseMessage> EchoAsync(int? timeout = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/invoke/echo") { Content = new StringContent("body") };
        if (timeout is { } milliseconds)
        {
            request.Headers.Add("x-noslate-timeout-ms", milliseconds.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        return await _gateway.Http.SendAsync(request).WaitAsync(_patience);
    }
}
