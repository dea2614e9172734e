using NoslateFleet.Emulator.PlatformBox;

namespace NoslateFleet.Tests.Emulator.PlatformBox;

/// <summary>Each invariant is violated by what it forbids, and by nothing else.</summary>
public sealed class InvariantsTests
{
    private static readonly Life One = new(0, 1);
    private static readonly Life Other = new(1, 1);
    private static readonly Counters Even = new(5, 1, 1, 1, 0, 2);
    private static readonly Counters Last = new(6, 2, 3, 1, 0, 0);

    /// <summary>A run in which everything is as it should be, and most of what there may be is there.</summary>
    private static readonly RunFacts Good = new()
    {
        Sent =
        [
            .. new[] { "ok", "failed", "threw", "exited", "cut", "refused", "left" }.Select(id => new SentFact(id, One)),
            new SentFact("killed", Other),
        ],
        Requests =
        [
            Ended("ok", RequestKind.Short) with { Status = 200, AsWritten = true },
            Ended("failed", RequestKind.Status) with { Status = 500, AsWritten = true },
            Ended("threw", RequestKind.Throw) with { Status = 502, Reason = "function-error", Executed = "yes" },
            Ended("exited", RequestKind.Exit) with { Status = 502, Reason = "worker-exited", Executed = "maybe" },
            Ended("cut", RequestKind.Cut, WireEnd.Cut) with { Status = 200 },
            Ended("refused", RequestKind.Short) with { Status = 503, Reason = "draining", Executed = "never" },
            Ended("left", RequestKind.LeaveMidUpload, WireEnd.ClientLeft),
            new RequestFact("killed", Other, Plan(RequestKind.Slow), WireEnd.Cut) { Killed = true },
        ],
        Executions =
        [
            .. new[] { "ok", "failed", "threw", "exited", "cut" }.Select(id => new ExecutionFact(One, id, 1, 1)),
            new ExecutionFact(Other, "killed", 1, 0),
        ],
        Counters =
        [
            new CountersFact(One, "under load", Even, 0, null),
            new CountersFact(One, "after", Last, 0, new Tally(7, 2, 3, 1)),
        ],
        Hooks =
        [
            Hook(HookPaths.Initialize), Hook(HookPaths.Initialize) with { Status = 404, Reason = "not-ready" },
            Hook(HookPaths.PreFreeze) with { Receipt = Of("pre-freeze", Even) },
            Hook(HookPaths.PreStop) with { Receipt = Of("pre-stop", Last) },
        ],
        Thaws =
        [
            new ThawFact(One, TimeSpan.FromSeconds(1), "ok", TimeSpan.FromMilliseconds(5)),
            new ThawFact(One, TimeSpan.FromSeconds(1), null, TimeSpan.Zero),
        ],
        Lives = [new LifeFact(One, LifeEnd.Stopped) { ExitCode = 0 }, new LifeFact(Other, LifeEnd.Killed)],
        Started = 2,
        Freezes = 2,
    };

    public static TheoryData<string> Names => [.. Invariants.Check(Good).Select(it => it.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void GoodRun_ViolatesNothing(string name)
    {
        InvariantResult result = Invariants.Check(Good).Single(it => it.Name == name);
        Assert.Empty(result.Violations);
        Assert.True(result.Checked > 0, "nothing was checked");
    }

    [Fact]
    public void RequestThatNeverEnds_ViolatesConservation() =>
        Violates("conservation", Good with { Sent = [.. Good.Sent, new SentFact("lost", One)] }, "request lost ended 0 times");

    [Fact]
    public void RequestThatEndsTwice_ViolatesConservation() =>
        Violates("conservation", Good with { Requests = [.. Good.Requests, Good.Requests[0]] }, "request ok ended 2 times");

    [Theory]
    [InlineData(6, 1, 1, 1, 0, 2, "1 are missing")]
    [InlineData(4, 1, 1, 1, 0, 2, "-1 are missing")]
    [InlineData(1, 2, 0, 0, 0, -1, "negative")]
    public void CountersThatDoNotAddUp_ViolateConservation(
        int accepted, int completed, int failed, int cancelled, int abandoned, int inFlight, string text)
    {
        var counters = new Counters(accepted, completed, failed, cancelled, abandoned, inFlight);
        Violates("conservation", Good with { Counters = [new CountersFact(One, "now", counters, 0, null)] }, text);
        Violates("conservation", Good with { Hooks = [Hook(HookPaths.PreFreeze) with { Receipt = Of("pre-freeze", counters) }] }, text);
    }

    [Fact]
    public void DriftThatTheInstanceTells_ViolatesConservation() =>
        Violates("conservation", Good with { Counters = [new CountersFact(One, "now", Even, 1, null)] }, "drift is 1");

    [Theory]
    [InlineData(8, 2, "more were accepted than were sent")]
    [InlineData(3, 2, "fewer were accepted than were answered")]
    [InlineData(7, 5, "more completed than had an answer or left")]
    [InlineData(5, 1, "fewer completed than had a whole answer")]
    public void CountersThatContradictTheClients_ViolateConservation(int accepted, int completed, string text)
    {
        var counters = new Counters(accepted, completed, accepted - completed, 0, 0, 0);
        Violates("conservation", Good with { Counters = [new CountersFact(One, "now", counters, 0, new Tally(7, 2, 3, 1))] }, text);
    }

    [Theory]
    [InlineData("internal", "maybe")]
    [InlineData("plane-lost", "maybe")]
    [InlineData("function-error", "yes")]
    [InlineData("worker-exited", "maybe")]
    [InlineData("no-route", "never")]
    [InlineData("draining", "maybe")]
    [InlineData("draining", null)]
    public void ErrorOfOursThatIsNoDeclaredRefusal_ViolatesOwnErrors(string reason, string? executed) =>
        Violates(
            "own-errors",
            With(Ended("ok", RequestKind.Short) with { Status = 503, Reason = reason, Executed = executed }),
            $"reason {reason}");

    [Fact]
    public void CutWithoutAKill_ViolatesOwnErrors() =>
        Violates("own-errors", With(Ended("ok", RequestKind.Stream, WireEnd.Cut) with { Status = 200 }), "cut");

    [Fact]
    public void AnswerOfAnotherRequest_ViolatesOwnErrors() =>
        Violates("own-errors", With(Ended("ok", RequestKind.Short) with { Status = 200 }), "not the answer of the function");

    [Fact]
    public void StatusThatTheFunctionDidNotSet_ViolatesOwnErrors() =>
        Violates("own-errors", With(Ended("ok", RequestKind.Short) with { Status = 500, AsWritten = true }), "status 500");

    [Fact]
    public void ErrorWhileTheInstanceIsKilled_IsExplained() => Assert.Equal(
        RequestOutcome.CutByKill,
        (Ended("x", RequestKind.Short) with { Status = 503, Reason = "plane-lost", Executed = "maybe", Killed = true }).Outcome);

    [Fact]
    public void NeverThatRan_ViolatesNeverRan() => Violates(
        "never-ran", Executed(new ExecutionFact(One, "refused", 1, 1)), "its function began 1 times");

    [Fact]
    public void SecondExecution_ViolatesExecutedOnce()
    {
        Violates("executed-once", Executed(new ExecutionFact(One, "ok", 1, 1)), "request ok was executed 2 times");
        Violates("executed-once", Executed(new ExecutionFact(Other, "left", 2, 0)), "request left was executed 2 times");
    }

    [Fact]
    public void ExecutionOfNothing_ViolatesExecutedOnce() =>
        Violates("executed-once", Executed(new ExecutionFact(One, "ghost", 1, 1)), "request ghost was executed and never sent");

    [Theory]
    [InlineData("ok")]
    [InlineData("threw")]
    public void AnswerWithoutExecution_ViolatesExecutedOnce(string id) => Violates(
        "executed-once", Good with { Executions = [.. Good.Executions.Where(it => it.Id != id)] }, "no function noted its execution");

    [Theory]
    [InlineData("refused")]
    [InlineData("cut")]
    [InlineData("failed")]
    [InlineData("nowhere")]
    public void FirstAfterAThawThatIsNotAnswered200_ViolatesFirstAfterThaw(string id) => Violates(
        "first-after-thaw",
        Good with { Thaws = [new ThawFact(One, TimeSpan.FromMilliseconds(700), id, TimeSpan.Zero)] },
        "frozen for 700 ms");

    [Theory]
    [InlineData(1, 0)]
    [InlineData(0, 1)]
    public void StopWithSomethingLeft_ViolatesCleanStop(int abandoned, int inFlight) => Violates(
        "clean-stop", WithStop(Of("pre-stop", new Counters(1, 0, 0, 0, abandoned, inFlight))), "stopped with accepted 1");

    [Fact]
    public void ForcedStop_ViolatesCleanStop() =>
        Violates("clean-stop", WithStop(Of("pre-stop", Last) with { Verdict = "Forced" }), "the verdict is Forced");

    [Fact]
    public void StopThatCutsWhatHadBegun_ViolatesCleanStop() =>
        Violates("clean-stop", With(Ended("ok", RequestKind.Slow, WireEnd.Cut)), "its function had begun");

    [Fact]
    public void StoppedProcessThatDoesNotEnd_ViolatesCleanStop() => Violates(
        "clean-stop",
        Good with { Lives = [new LifeFact(One, LifeEnd.Stopped) { HadToBeKilled = true }, Good.Lives[1]] },
        "had to be killed");

    [Fact]
    public void ExitCodeOfAStop_ViolatesCleanStop() => Violates(
        "clean-stop", Good with { Lives = [new LifeFact(One, LifeEnd.Stopped) { ExitCode = 134 }, Good.Lives[1]] }, "ended with code 134");

    [Theory]
    [InlineData(500)]
    [InlineData(503)]
    [InlineData(0)]
    public void HookThatAnswersOtherwise_ViolatesHooks(int status) =>
        Violates("hooks", Good with { Hooks = [Hook(HookPaths.PreStop) with { Status = status }] }, $"status {status}");

    [Fact]
    public void HookThatIsTakenForARequest_ViolatesHooks() =>
        Violates(
            "hooks",
            Good with { Hooks = [Hook(HookPaths.PreStop) with { Status = 404, Reason = "no-route" }] },
            "taken for a request to a function");

    [Fact]
    public void LateHook_ViolatesHooks() => Violates(
        "hooks",
        Good with { Hooks = [Hook(HookPaths.Initialize) with { Took = HookPaths.LimitOf(HookPaths.Initialize) * 1.01 }] },
        "its limit is 60000 ms");

    [Fact]
    public void HookWithoutReceipt_ViolatesHooks() =>
        Violates("hooks", Good with { Hooks = [Hook(HookPaths.PreFreeze)] }, "it has no receipt");

    [Fact]
    public void ReceiptOfAnotherInstanceOrHook_ViolatesHooks()
    {
        Violates("hooks", WithStop(Of("pre-stop", Even) with { InstanceId = "c-2" }), "pre-stop of instance c-2, not of c-1");
        Violates("hooks", WithStop(Of("pre-freeze", Even)), "pre-freeze of instance c-1");
    }

    [Fact]
    public void Crash_ViolatesAlive() => Violates(
        "alive",
        Good with { Lives = [.. Good.Lives, new LifeFact(new Life(2, 1), LifeEnd.Crashed) { Detail = "it fell over" }], Started = 3 },
        "it fell over");

    [Fact]
    public void InstanceWhoseEndNobodySaw_ViolatesAlive() => Violates("alive", Good with { Started = 3 }, "3 instances were started");

    [Fact]
    public void LeftProcess_ViolatesNothingLeft() => Violates(
        "nothing-left", Good with { Lives = [Good.Lives[0], Good.Lives[1] with { LeftProcesses = 2 }] }, "instance 1.1 left 2 processes");

    [Fact]
    public void LeftFile_ViolatesNothingLeft()
    {
        Violates("nothing-left", Good with { Lives = [Good.Lives[0] with { LeftFiles = ["dp-0.sock"] }, Good.Lives[1]] }, "left dp-0.sock");
        Violates("nothing-left", Good with { LeftBehind = ["/tmp/x can't be removed"] }, "/tmp/x can't be removed");
    }

    [Fact]
    public void Verdict_NamesWhatIsViolated()
    {
        Assert.Equal("platform: ok", Report.Verdict(Invariants.Check(Good)));
        RunFacts bad = Good with { Started = 3, LeftBehind = ["x"] };
        Assert.Equal("platform: VIOLATED alive, nothing-left", Report.Verdict(Invariants.Check(bad)));
        Assert.Contains("VIOLATED  alive", Report.Of(bad, Invariants.Check(bad)), StringComparison.Ordinal);
    }

    private static void Violates(string name, RunFacts facts, string text)
    {
        InvariantResult result = Invariants.Check(facts).Single(it => it.Name == name);
        Assert.Contains(result.Violations, it => it.Contains(text, StringComparison.Ordinal));
    }

    private static ScheduledRequest Plan(RequestKind kind) => new(1, kind, 10, 0);

    private static RequestFact Ended(string id, RequestKind kind, WireEnd end = WireEnd.Whole) => new(id, One, Plan(kind), end);

    private static RunFacts With(RequestFact request) =>
        Good with { Requests = [.. Good.Requests.Where(it => it.Id != request.Id), request] };

    private static RunFacts Executed(ExecutionFact execution) => Good with { Executions = [.. Good.Executions, execution] };

    private static HookFact Hook(string path) =>
        new(One, path, 200, TimeSpan.FromMilliseconds(3), HookPaths.LimitOf(path)) { InstanceId = "c-1" };

    private static Receipt Of(string hook, Counters counters) => new(hook, "c-1", counters, "Clean", false);

    private static RunFacts WithStop(Receipt receipt) => Good with { Hooks = [Hook(HookPaths.PreStop) with { Receipt = receipt }] };
}
