using System.Collections.Concurrent;
using System.Diagnostics;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Telemetry;

/// <summary>
/// Traces. Listeners are the process's, so the tests with and without one are in this one class, where they run one after the other;
/// each looks only at activities of its own request ids.
/// </summary>
[Collection(Listeners)]
public sealed class TracingTests(PlainGateway fixture) : FixtureTests<PlainGateway>(fixture)
{
    /// <summary>The collection of tests that listen to the process's activities, or must be without a listener.</summary>
    public const string Listeners = "Listeners";

    private const string TraceId = "0af7651916cd43dd8448eb211c80319c";
    private const string SpanId = "b7ad6b7169203331";
    private const string Traceparent = $"00-{TraceId}-{SpanId}-01";

    [SkippableFact]
    public async Task WithoutAListener_TheContextIsPassedOnAsItCame()
    {
        var seen = Mirrored.Of(await _gateway.SendAsync(
            "GET", "/invoke/mirror", "traceparent: " + Traceparent, "tracestate: a=1", "tracestate: b=2", "baggage: k=v;p, x=y"));
        Assert.Equal(Traceparent, seen.Header("traceparent"));
        Assert.Equal("a=1,b=2", seen.Header("tracestate"));
        Assert.Equal("k=v;p, x=y", seen.Header("baggage"));
    }

    [SkippableFact]
    public async Task WithoutAListenerOrAContext_NoneIsMade()
    {
        var seen = Mirrored.Of(await _gateway.SendAsync("GET", "/invoke/mirror"));
        Assert.Equal((null, null), (seen.Header("traceparent"), seen.Header("tracestate")));
    }

    [SkippableFact]
    public async Task WithAListener_OneActivityPerInvocation_ParentedByTheCaller_AndTheFunctionSeesIt()
    {
        using var listening = new Listening();
        var id = GatewayRequests.NewId();
        var seen = Mirrored.Of(await _gateway.SendAsync(
            "GET", "/invoke/mirror", "x-request-id: " + id, "traceparent: " + Traceparent, "tracestate: a=1", "baggage: k=v"));
        await _gateway.SettledAsync();
        var activity = Assert.Single(await listening.OfAsync(id, 1));
        Assert.Equal((TraceId, SpanId), (activity.TraceId.ToHexString(), activity.ParentSpanId.ToHexString()));
        var forward = Assert.Single(await listening.BelowAsync(activity, 1));
        Assert.Equal(forward.Id, seen.Header("traceparent"));
        Assert.Equal(("noslate.forward", ActivityKind.Client, ActivityStatusCode.Unset), (forward.OperationName, forward.Kind, forward.Status));
        Assert.Equal(("completed", "yes", 200), (forward.GetTagItem("noslate.outcome"), forward.GetTagItem("noslate.executed"), forward.GetTagItem("http.response.status_code")));
        Assert.NotEqual(SpanId, activity.SpanId.ToHexString());
        Assert.Equal(("a=1", "k=v"), (seen.Header("tracestate"), seen.Header("baggage")));
        Assert.Equal(("noslate.invocation", ActivityKind.Server, ActivityStatusCode.Unset), (activity.OperationName, activity.Kind, activity.Status));
        Assert.Equal(("mirror", "GET"), (activity.GetTagItem("faas.name"), activity.GetTagItem("http.request.method")));
        Assert.True(activity.Duration > TimeSpan.Zero);
    }

    [SkippableFact]
    public async Task WithAListenerAndWithoutAContext_ATraceBegins()
    {
        using var listening = new Listening();
        var id = GatewayRequests.NewId();
        var seen = Mirrored.Of(await _gateway.SendAsync("GET", "/invoke/mirror", "x-request-id: " + id));
        var activity = Assert.Single(await listening.OfAsync(id, 1));
        Assert.Equal(default, activity.ParentSpanId);
        Assert.Equal(Assert.Single(await listening.BelowAsync(activity, 1)).Id, seen.Header("traceparent"));
    }

    [SkippableFact]
    public async Task TwoRequestsOnOneConnection_AreTwoTraces()
    {
        using var listening = new Listening();
        var (one, two) = (GatewayRequests.NewId(), GatewayRequests.NewId());
        using var connection = await RawConnection.OpenAsync(_gateway.Port);
        foreach (var id in new[] { one, two })
        {
            await connection.SendAsync(GatewayRequests.Text("GET", "/invoke/mirror", "x-request-id: " + id));
            await connection.ReadAsync();
        }

        var (first, second) = (Assert.Single(await listening.OfAsync(one, 1)), Assert.Single(await listening.OfAsync(two, 1)));
        Assert.NotEqual(first.TraceId, second.TraceId);
        Assert.Equal(default, second.ParentSpanId);
    }

    [SkippableFact]
    public async Task WithAListener_AFailure_IsToldByTheActivity_AndAMalformedContextBeginsATrace()
    {
        using var listening = new Listening();
        var id = GatewayRequests.NewId();
        await _gateway.SendAsync("GET", "/invoke/script", "x-request-id: " + id, "traceparent: garbage", GatewayRequests.ScriptLine(["throw"]));
        var activity = Assert.Single(await listening.OfAsync(id, 1));
        Assert.Equal((ActivityStatusCode.Error, "function-error"), (activity.Status, activity.StatusDescription));
        Assert.Equal(default, activity.ParentSpanId);
        Assert.Equal(502, activity.GetTagItem("http.response.status_code"));
        var forward = Assert.Single(await listening.BelowAsync(activity, 1));
        Assert.Equal((ActivityStatusCode.Error, "function-error"), (forward.Status, forward.StatusDescription));
        Assert.Equal(("failed", "function-error", "yes"), (forward.GetTagItem("noslate.outcome"), forward.GetTagItem("noslate.reason"), forward.GetTagItem("noslate.executed")));
    }

    [SkippableFact]
    public async Task WithAListener_AResponseCutAfterTheHead_IsToldByTheActivity()
    {
        using var listening = new Listening();
        var id = GatewayRequests.NewId();
        var response = await _gateway.SendAsync("GET", "/invoke/script", "x-request-id: " + id, GatewayRequests.ScriptLine(
            ["head", 200, new Dictionary<string, object> { ["content-length"] = "100000" }], ["bytes", 70000], ["end"]));
        Assert.False(response.Whole);
        var activity = Assert.Single(await listening.OfAsync(id, 1));
        Assert.Equal((ActivityStatusCode.Error, "bad-response"), (activity.Status, activity.StatusDescription));
    }

    [SkippableFact]
    public async Task WithAListener_ARefusedRequest_IsNoInvocation()
    {
        using var listening = new Listening();
        var (refused, served) = (GatewayRequests.NewId(), GatewayRequests.NewId());
        await _gateway.SendAsync("GET", "/", "x-request-id: " + refused);
        await _gateway.SendAsync("GET", "/invoke/mirror", "x-request-id: " + served);
        await listening.OfAsync(served, 1);
        Assert.Empty(await listening.OfAsync(refused, 0));
    }

    private sealed class Listening : IDisposable
    {
        private readonly ConcurrentQueue<Activity> _stopped = new();
        private readonly ActivityListener _listener;

        public Listening()
        {
            _listener = new ActivityListener
            {
                ShouldListenTo = static source => source.Name == "NoslateFleet.Gateway",
                Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
                ActivityStopped = _stopped.Enqueue,
            };
            ActivitySource.AddActivityListener(_listener);
        }

        /// <summary>The ended activities of a request, once there are this many.</summary>
        public async Task<Activity[]> OfAsync(string requestId, int count)
        {
            await Tests.Common.Until.TrueAsync(() => Of(requestId).Length >= count, "the activity did not end");
            return Of(requestId);
        }

        /// <summary>The ended activities below another, once there are this many.</summary>
        public async Task<Activity[]> BelowAsync(Activity above, int count)
        {
            Activity[] Below() => [.. _stopped.Where(a => a.TraceId == above.TraceId && a.ParentSpanId == above.SpanId)];
            await Tests.Common.Until.TrueAsync(() => Below().Length >= count, "the activity below did not end");
            return Below();
        }

        public void Dispose() => _listener.Dispose();

        private Activity[] Of(string requestId) => [.. _stopped.Where(a => Equals(a.GetTagItem("noslate.request_id"), requestId))];
    }
}
