using Google.Protobuf;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Forwarding;

/// <summary>Every error and status that a data plane may send, in a real node's own words, as a caller sees it.</summary>
public sealed class WireErrorTests(WireErrorTests.Scripted fixture) : IClassFixture<WireErrorTests.Scripted>
{
    private const string Invoke = "/noslated.data.PushServer/invoke";
    private const string Trigger = "Noslated request failed: CanonicalCode::X request kind(Trigger), ";

    [Theory]
    [InlineData("Error", 5, "No function named f registered in this node.", "404 data-plane unknown-function never")]
    [InlineData("Error", 5, "Service not found.", "404 data-plane unknown-service never")]
    [InlineData("Error", 8, "rate limit exceeded", "429 data-plane rate-limited never")]
    [InlineData("Error", 9, "System circuit breaker opened.", "503 data-plane breaker-open never")]
    [InlineData("Error", 4, "Waiting for worker has timed out at 1.7e12, request(x).", "504 data-plane queue-timeout never")]
    [InlineData("NoslatedError", 1, Trigger + "boom", "502 worker function-error yes")]
    [InlineData("NoslatedError", 2, Trigger + "Request Timeout", "504 worker execution-timeout maybe")]
    [InlineData("NoslatedError", 3, Trigger + "not implemented", "502 worker worker-error maybe")]
    [InlineData("NoslatedError", 4, Trigger + "Session closed", "502 worker worker-exited maybe")]
    [InlineData("Error", 0, "peer reset stream", "502 worker response-reset maybe")]
    [InlineData("PEER_CONNECTION_CLOSED", 0, "Peer connection closed", "502 worker worker-exited maybe")]
    [InlineData("Error", 0, "No available worker process for f now.", "503 data-plane no-worker never")]
    [InlineData("Error", 0, "Replica count exceeded limit (1 / 1)", "503 data-plane replica-limit never")]
    [InlineData("Error", 0, "No enough virtual memory (used: 1 + need: 2) > total: 2", "503 data-plane no-memory never")]
    [InlineData("Error", 0, "Failed to ensure (or download) code: Error: ENOENT", "503 data-plane code-unavailable never")]
    [InlineData("Error", 0, "Invalid runtime deno", "503 data-plane invalid-runtime never")]
    [InlineData("Error", 0, "Internal error: Error: Worker(f-1, status 3) stopped unexpected after start.", "502 worker initializer-failed never")]
    [InlineData("Error", 0, "Internal error: Error: Worker(f-1) initialization timeout.", "502 worker initializer-timeout never")]
    [InlineData("Error", 0, "what no version has said yet", "502 data-plane plane-error maybe")]
    public async Task Error_BecomesItsProblem_AndOnlyTheLogHasTheStack(string name, int code, string message, string expected)
    {
        var gateway = await fixture.Gateway;
        var reset = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        fixture.Plane.On(Invoke, async call =>
        {
            await call.WriteAsync(new InvokeResponse
            {
                Error = new InvokeErrorResponse { Name = name, Code = code, Message = message, Stack = "    at secretPlace", PeerStack = "    at secretPeer" },
            }.ToByteArray());
            await call.Aborted;
            reset.SetResult();
        });
        using var response = await gateway.Http.GetAsync(new Uri("/invoke/f", UriKind.Relative));
        Assert.DoesNotContain("secret", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        var problem = await ProblemSeen.OfAsync(response);
        Assert.Equal(expected, problem.ToString());
        var log = gateway.FailureLogOf(problem.RequestId);
        Assert.Contains("secretPlace", log, StringComparison.Ordinal);
        Assert.Contains("secretPeer", log, StringComparison.Ordinal);

        // The plane itself never ends such a stream.
        await reset.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await gateway.SettledAsync();
    }

    [Theory]
    [InlineData(1, "Call cancelled", "503 data-plane plane-stopped maybe")]
    [InlineData(4, "Deadline exceeded", "504 data-plane deadline-exceeded maybe")]
    [InlineData(8, "Bandwidth exhausted or memory limit exceeded", "503 data-plane session-full maybe")]
    [InlineData(8, "Received message larger than max (10485761 vs. 10485760)", "413 data-plane request-too-large never")]
    [InlineData(8, "Sent message larger than max (10485761 vs. 10485760)", "502 worker response-too-large yes")]
    [InlineData(12, "[object Object]", "502 data-plane plane-error maybe")]
    [InlineData(13, "Error deserializing request", "502 data-plane plane-error maybe")]
    [InlineData(14, "Connection dropped", "503 data-plane plane-lost maybe")]
    [InlineData(0, null, "502 data-plane invalid-response maybe")]
    public async Task StatusWithoutAHead_BecomesItsProblem(int status, string? message, string expected)
    {
        var gateway = await fixture.Gateway;
        fixture.Plane.On(Invoke, call =>
        {
            call.SetStatus(status, message);
            return Task.CompletedTask;
        });
        await gateway.FailsAsync(new(HttpMethod.Get, "/invoke/f"), expected);
    }

    [Fact]
    public async Task Garbage_502_InvalidResponse()
    {
        var gateway = await fixture.Gateway;
        fixture.Plane.On(Invoke, async call =>
        {
            await call.WriteAsync([0xff, 0xff, 0xff]);
            await call.Aborted;
        });
        await gateway.FailsAsync(new(HttpMethod.Get, "/invoke/f"), "502 data-plane invalid-response maybe");
    }

    [Fact]
    public async Task PlaneThatSaysNothing_504_DeadlineExceeded()
    {
        var gateway = await fixture.Gateway;
        fixture.Plane.On(Invoke, call => call.Aborted);
        await gateway.FailsAsync(
            new(HttpMethod.Get, "/invoke/f") { Headers = { { "x-noslate-timeout-ms", "1000" } } }, "504 data-plane deadline-exceeded maybe");
    }

    [Theory]
    [InlineData(1, "plane-stopped")]
    [InlineData(8, "response-too-large")]
    [InlineData(13, "plane-error")]
    public async Task StatusAfterTheHead_CutsTheAnswer_AndTheLogTellsWhy(int status, string reason)
    {
        var gateway = await fixture.Gateway;
        var before = await gateway.SettledAsync();
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        fixture.Plane.On(Invoke, async call =>
        {
            await call.WriteAsync(new InvokeResponse { Result = new InvokeResultResponse { Status = 200 } }.ToByteArray());
            await call.WriteAsync(new InvokeResponse { Result = new InvokeResultResponse { Body = ByteString.CopyFromUtf8("part") } }.ToByteArray());
            await go.Task;
            call.SetStatus(status, status == 8 ? "Sent message larger than max (2 vs. 1)" : "bad");
        });
        using var connection = await RawConnection.OpenAsync(gateway.Port);
        var id = GatewayRequests.NewId();
        await connection.SendAsync(GatewayRequests.Text("GET", "/invoke/f", "x-request-id: " + id));
        await connection.ReadHeadAsync();
        Assert.NotNull(await connection.ReadChunkAsync());
        go.SetResult();
        Assert.Null(await connection.ReadChunkAsync());
        Assert.Equal(new(1, 0, 1, 0, 0, 0), await gateway.SinceAsync(before));
        Assert.Contains($" {reason}, executed Yes, after head True", gateway.FailureLogOf(id), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(199)]
    [InlineData(600)]
    [InlineData(0)]
    public async Task StatusThatHttpCannotCarry_502_BadResponse(int status)
    {
        var gateway = await fixture.Gateway;
        fixture.Plane.On(Invoke, async call =>
        {
            await call.WriteAsync(new InvokeResponse { Result = new InvokeResultResponse { Status = status } }.ToByteArray());
            call.SetStatus(0);
        });
        await gateway.FailsAsync(new(HttpMethod.Get, "/invoke/f"), "502 worker bad-response yes");
    }

    public sealed class Scripted : GatewayFixture
    {
        internal FakePlane Plane { get; private set; } = null!;

        public override async Task DisposeAsync()
        {
            await base.DisposeAsync();
            if (Plane is not null)
            {
                await Plane.DisposeAsync();
            }
        }

        private protected override async Task<GatewayUnderTest> StartAsync()
        {
            var gateway = await GatewayUnderTest.StartAsync(withNode: false, settings: [("Node:ReconnectMin", "5ms"), ("Node:ReconnectMax", "20ms")]);
            Plane = await FakePlane.StartAsync(Path.Combine(gateway.Directory, "socks", "dp-0.sock"));
            await Until.TrueAsync(() => gateway.Client.Status.Reachable, "the gateway did not connect");
            return gateway;
        }
    }
}
