using System.Globalization;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Gateway.Problems;

namespace NoslateFleet.Tests.Gateway.Harness;

/// <summary>Requests and checks that many tests make.</summary>
internal static class GatewayRequests
{
    private static int _lastId;

    /// <summary>A request id that no other test uses.</summary>
    public static string NewId() => "rid-" + Interlocked.Increment(ref _lastId).ToString(CultureInfo.InvariantCulture);

    /// <summary>Sends a request without a body, with these header lines; a line <c>Host: ...</c> takes the place of the usual one.</summary>
    public static Task<RawResponse> SendAsync(this GatewayUnderTest gateway, string method, string target, params string[] lines) =>
        gateway.RawAsync(Text(method, target, lines), head: method == "HEAD");

    /// <summary>What <see cref="SendAsync"/> sends.</summary>
    public static string Text(string method, string target, params string[] lines)
    {
        var host = lines.Any(l => l.StartsWith("Host:", StringComparison.Ordinal)) ? "" : "Host: h\r\n";
        return $"{method} {target} HTTP/1.1\r\n{host}{string.Concat(lines.Select(l => l + "\r\n"))}\r\n";
    }

    /// <summary>The header line that makes the script function do these steps.</summary>
    public static string ScriptLine(params object[][] steps) => "x-script: " + GatewayUnderTest.Script(steps);

    /// <summary>What was counted since an earlier look, once nothing is in flight.</summary>
    public static async Task<LedgerSnapshot> SinceAsync(this GatewayUnderTest gateway, LedgerSnapshot before)
    {
        var now = await gateway.SettledAsync();
        return new LedgerSnapshot(
            now.Accepted - before.Accepted,
            now.Completed - before.Completed,
            now.Failed - before.Failed,
            now.Cancelled - before.Cancelled,
            now.Abandoned - before.Abandoned,
            now.InFlight);
    }

    /// <summary>
    /// Sends a request that must fail and checks everything that holds for every problem: the same facts in body and headers, Retry-After
    /// as the table says, no stack to the caller, one Failed in the books, and the reason in the log under the request's id.
    /// </summary>
    /// <param name="gateway">The gateway.</param>
    /// <param name="request">The request.</param>
    /// <param name="expected">Status, component, reason and executed.</param>
    /// <param name="others">Invocations that the test itself has in flight meanwhile.</param>
    public static async Task<ProblemSeen> FailsAsync(this GatewayUnderTest gateway, HttpRequestMessage request, string expected, int others = 0)
    {
        var id = NewId();
        request.Headers.Add("x-request-id", id);
        var before = gateway.Ledger.Snapshot();
        using var response = await gateway.Http.SendAsync(request);
        var problem = await ProblemSeen.OfAsync(response);
        Assert.Equal(expected, problem.ToString());
        Assert.Equal(id, problem.RequestId);
        Assert.Equal(RetryAfterOf(problem.Reason), response.Headers.RetryAfter?.ToString());
        var text = await response.Content.ReadAsStringAsync();
        Assert.DoesNotContain("    at ", text, StringComparison.Ordinal);
        Assert.DoesNotContain("scripted", text, StringComparison.Ordinal);
        await Tests.Common.Until.TrueAsync(() => gateway.Ledger.Snapshot().InFlight <= others, "the invocation stays in flight");
        var after = gateway.Ledger.Snapshot();
        Assert.Equal((0, before.Failed + 1, others), (after.Drift, after.Failed, after.InFlight));
        Assert.Contains(gateway.Log, l => l.Contains(id + " ", StringComparison.Ordinal) && l.Contains(" " + problem.Reason + ",", StringComparison.Ordinal));
        return problem;
    }

    /// <summary>The log line of a failed invocation.</summary>
    public static string FailureLogOf(this GatewayUnderTest gateway, string requestId) =>
        Assert.Single(gateway.Log, l => l.Contains(requestId + " ", StringComparison.Ordinal) && l.Contains(", executed ", StringComparison.Ordinal));

    private static string? RetryAfterOf(string reason) =>
        Enum.GetValues<NoslateFleet.Noslate.Invocation.InvocationFailure>().Select(ProblemTable.For).Concat(ProblemTable.Own)
            .First(p => p.Reason == reason).RetryAfterSeconds?.ToString(CultureInfo.InvariantCulture);
}
