using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Gateway.Forwarding;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Forwarding;

/// <summary>A fault of the gateway itself, brought about by a clock that fails.</summary>
public sealed class InternalFaultTests
{
    [SkippableFact]
    public async Task AfterTheFunctionsHeadWasApplied_500_Internal_WithNothingOfTheFunctions_AndTheNextCallIsServed()
    {
        var time = new FailingTime();
        await using var gateway = await GatewayUnderTest.StartAsync(time: time);
        gateway.ExpectedError = "the gateway failed";
        Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/script", GatewayRequests.ScriptLine(["end"]))).Status);
        time.Fails = true;
        var headers = new Dictionary<string, object> { ["content-length"] = "5", ["content-type"] = "text/mine", ["x-mine"] = "yes", ["set-cookie"] = "a=1" };
        var answer = await gateway.SendAsync(
            "GET", "/invoke/script", "x-request-id: the-id", GatewayRequests.ScriptLine(["head", 201, headers], ["await", gateway.Flag("never")]));
        Assert.True(answer.Whole);
        Assert.Equal("500 gateway internal maybe", ProblemSeen.Of(answer).ToString());
        Assert.Equal("application/problem+json", Assert.Single(answer.All("content-type")));
        Assert.Equal("the-id", Assert.Single(answer.All("x-request-id")));
        Assert.Empty(answer.All("x-mine"));
        Assert.Empty(answer.All("set-cookie"));
        time.Fails = false;
        Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/script", GatewayRequests.ScriptLine(["end"]))).Status);
        Assert.Equal(new LedgerSnapshot(3, 2, 1, 0, 0, 0), await gateway.SettledAsync());
    }

    /// <summary>The system's clock, whose timers can't be had for a body's watch.</summary>
    private sealed class FailingTime : TimeProvider
    {
        public bool Fails { get; set; }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => Fails && state is BodyWatch
            ? throw new InvalidOperationException("no timer")
            : System.CreateTimer(callback, state, dueTime, period);
    }
}
