using Microsoft.Extensions.Logging.Abstractions;
using NoslateFleet.Noslate.Node;
using NoslateFleet.Noslate.Profiles;
using NoslateFleet.Noslate.Protocol.Control;
using NoslateFleet.Noslate.Transport;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Noslate.Profiles;

#pragma warning disable CA1001 // xunit calls IAsyncLifetime.DisposeAsync.
public sealed class ProfilePublisherTests : IAsyncLifetime
#pragma warning restore CA1001
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly ManualTimeProvider time = new();
    private readonly FakeCaller control = new("cp-0");
    private readonly FakeCaller data = new("dp-0");
    private readonly NodeOptions options = new() { ReconnectMin = TimeSpan.FromMilliseconds(100), ReconnectMax = TimeSpan.FromSeconds(1) };
    private readonly Lock gate = new();
    private readonly List<(Func<ProfilesStatus, bool> Wanted, TaskCompletionSource<ProfilesStatus> Seen)> waiters = [];
    private ProfilePublisher publisher = null!;

    public Task InitializeAsync()
    {
        publisher = new ProfilePublisher([control], [data], options, time, NullLoggerFactory.Instance, new Random(1));
        publisher.Changed += Look;
        return Task.CompletedTask;
    }

    public async Task DisposeAsync() => await publisher.DisposeAsync().AsTask().WaitAsync(Deadline);

    private static ProfileSet Set(string functions, string services = "", string environment = "", int reservation = 0, string signature = "1")
    {
        var names = functions.Split(',', StringSplitOptions.RemoveEmptyEntries);
        var parts = names.Select(name =>
            $$"""{ "name": "{{name}}", "runtime": "nodejs", "url": "file:///c", "signature": "{{signature}}", "handler": "a.b", "worker": { "reservationCount": {{reservation}} } }""");
        var serviceParts = services.Split(',', StringSplitOptions.RemoveEmptyEntries)
            .Select(name => $$"""{ "name": "{{name}}", "selector": { "functionName": "{{names[0]}}" } }""");
        return ProfileParserTests.Parse(
            $$"""{ "functions": [{{string.Join(',', parts)}}], "services": [{{string.Join(',', serviceParts)}}], "platformEnvironment": { {{environment}} } }""");
    }

    private static WorkerStatsSnapshotResponse Workers(string function, int initiating = 0, int active = 0, params int[] pids) =>
        new() { Brokers = { new BrokerStats { Name = function, InitiatingWorkerCount = initiating, ActiveWorkerCount = active, Workers = { pids.Select(pid => new WorkerStats { Name = $"w{pid}", Pid = pid }) } } } };

    private void Look()
    {
        lock (gate)
        {
            var status = publisher.Status;
            foreach (var waiter in waiters.Where(waiter => waiter.Wanted(status)).ToList())
            {
                waiters.Remove(waiter);
                waiter.Seen.TrySetResult(status);
            }
        }
    }

    private Task<ProfilesStatus> WhenAsync(Func<ProfilesStatus, bool> wanted)
    {
        var seen = new TaskCompletionSource<ProfilesStatus>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (gate)
            waiters.Add((wanted, seen));
        Look();
        return seen.Task.WaitAsync(Deadline);
    }

    private Task<ProfilesStatus> AppliedAsync(ProfileSet set) => WhenAsync(status => status.State == ProfilesState.Applied && status.Version == set.Version);

    private Task<ProfilesStatus> ErrorAsync(string text) => WhenAsync(status => status.Error?.Contains(text, StringComparison.Ordinal) == true);

    private async Task<ProfileSet> ApplyAsync(ProfileSet set)
    {
        publisher.SetDesired(set);
        publisher.ControlPlaneConnected(0);
        await AppliedAsync(set);
        return set;
    }

    [Fact]
    public async Task NothingGiven_IsNone_AndNothingIsSent()
    {
        publisher.ControlPlaneConnected(0);
        publisher.DataPlaneConnected(0);
        Assert.Equal(new ProfilesStatus(ProfilesState.None, null, null), publisher.Status);
        await publisher.DisposeAsync();
        Assert.Empty(control.Calls);
        Assert.Empty(data.Calls);
    }

    [Fact]
    public void NoControlPlane_IsPending()
    {
        var set = Set("f");
        publisher.SetDesired(set);
        Assert.Equal(new ProfilesStatus(ProfilesState.Pending, set.Version, null), publisher.Status);
    }

    [Fact]
    public async Task Connected_EnvironmentThenFunctions_AreSet()
    {
        var set = await ApplyAsync(Set("f,g", environment: "\"A\": \"1\""));
        Assert.Equal(["setPlatformEnvironmentVariables", "getFunctionProfile", "setFunctionProfile"], control.Methods);
        Assert.Equal("f,g", control.Calls[2].Names);
        Assert.Equal("IMMEDIATELY", ((NoslateFleet.Noslate.Protocol.Common.SetFunctionProfileRequest)control.Calls[2].Request).Mode);
        Assert.Equal("A", ((SetPlatformEnvironmentVariablesRequest)control.Calls[0].Request).Envs[0].Key);
        Assert.Equal([options.CallTimeout, options.CallTimeout, options.SetProfilesTimeout], control.Calls.Select(call => call.Timeout));
        Assert.Equal(new ProfilesStatus(ProfilesState.Applied, set.Version, null), publisher.Status);
    }

    [Fact]
    public async Task Services_OnConnectedDataPlane_AreNeeded()
    {
        var hold = new TaskCompletionSource();
        data.Before = _ => hold.Task;
        publisher.DataPlaneConnected(0);
        var set = Set("f", "s");
        publisher.SetDesired(set);
        publisher.ControlPlaneConnected(0);
        await control.WhenCalledAsync("setFunctionProfile");
        Assert.Equal("s", (await data.WhenCalledAsync("setServiceProfiles")).Names);
        Assert.Equal(ProfilesState.Pending, publisher.Status.State);
        hold.SetResult();
        await AppliedAsync(set);
    }

    [Fact]
    public async Task EmptyServices_ClearEarlierOnes_AndAreNeededThen()
    {
        publisher.DataPlaneConnected(0);
        await ApplyAsync(Set("f", "s"));
        data.Before = _ => throw FakeCaller.Fault(GrpcStatusCode.Internal, "no");
        var set = Set("f");
        publisher.SetDesired(set);
        Assert.Equal(ProfilesState.Pending, (await ErrorAsync("dp-0: Internal: no")).State);
        data.Before = null;
        time.Advance(options.ReconnectMax);
        await AppliedAsync(set);
        Assert.Empty(data.Services);
    }

    [Fact]
    public async Task EmptyServices_AreSentOnce_ButNotWaitedFor()
    {
        data.Before = call => call.HangAsync();
        publisher.DataPlaneConnected(0);
        await ApplyAsync(Set("f"));
        Assert.Equal("", (await data.WhenCalledAsync("setServiceProfiles")).Names);
    }

    [Fact]
    public async Task OnlyServicesChanged_FunctionsAreNotSentAgain()
    {
        publisher.DataPlaneConnected(0);
        await ApplyAsync(Set("f", "s"));
        var next = Set("f", "t");
        publisher.SetDesired(next);
        await AppliedAsync(next);
        Assert.Single(control.Methods, "setFunctionProfile");
        Assert.Equal("t", data.Services[0].Name);
    }

    [Fact]
    public async Task ControlPlaneBack_EnvironmentAndFunctionsAreSetAgain()
    {
        var set = await ApplyAsync(Set("f"));
        publisher.ControlPlaneDisconnected(0);
        control.Functions = [];
        publisher.ControlPlaneConnected(0);
        await Until.TrueAsync(() => control.Methods.Count(method => method == "setFunctionProfile") == 2, "the functions are not set again");
        Assert.Equal(2, control.Methods.Count(method => method == "setPlatformEnvironmentVariables"));
        await AppliedAsync(set);
    }

    [Fact]
    public async Task ControlPlaneGone_SetStaysApplied_BecauseCallsGoOn_ButANewerSetIsPending()
    {
        await ApplyAsync(Set("f"));
        publisher.ControlPlaneDisconnected(0);
        Assert.Equal(ProfilesState.Applied, publisher.Status.State);
        publisher.SetDesired(Set("g"));
        Assert.Equal(ProfilesState.Pending, publisher.Status.State);
    }

    [Fact]
    public async Task DataPlaneBack_ServicesAreSetAgain_FunctionsAreNot()
    {
        publisher.DataPlaneConnected(0);
        var set = await ApplyAsync(Set("f", "s"));
        publisher.DataPlaneDisconnected(0);
        Assert.Equal(ProfilesState.Applied, publisher.Status.State);
        data.Services = [];
        publisher.DataPlaneConnected(0);
        await AppliedAsync(set);
        Assert.Equal(2, data.Methods.Count(method => method == "setServiceProfiles"));
        Assert.Single(control.Methods, "setFunctionProfile");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task BothPlanesBack_PendingUntilTheFunctionsAreSetAgain(bool dataFirst)
    {
        publisher.DataPlaneConnected(0);
        var set = await ApplyAsync(Set("f"));
        publisher.ControlPlaneDisconnected(0);
        publisher.DataPlaneDisconnected(0);
        control.Functions = [];
        var hold = new TaskCompletionSource();
        control.Before = call => call.Method == "setFunctionProfile" ? hold.Task : Task.CompletedTask;
        if (dataFirst)
        {
            publisher.DataPlaneConnected(0);
            Assert.Equal(ProfilesState.Pending, publisher.Status.State);
            publisher.ControlPlaneConnected(0);
        }
        else
        {
            publisher.ControlPlaneConnected(0);
            publisher.DataPlaneConnected(0);
        }

        await control.WhenCalledAsync("setFunctionProfile", 2);
        Assert.Equal(ProfilesState.Pending, publisher.Status.State);
        hold.SetResult();
        await AppliedAsync(set);
    }

    [Fact]
    public async Task OneOfSeveralDataPlanesBack_WhileTheControlPlaneIsAway_StaysApplied_BecauseTheOthersServe()
    {
        var second = new FakeCaller("dp-1");
        await using var many = new ProfilePublisher([control], [data, second], options, time, NullLoggerFactory.Instance, new Random(1));
        many.SetDesired(Set("f"));
        many.DataPlaneConnected(0);
        many.DataPlaneConnected(1);
        many.ControlPlaneConnected(0);
        await Until.TrueAsync(() => many.Status.State == ProfilesState.Applied, "the set is not applied");
        many.ControlPlaneDisconnected(0);
        many.DataPlaneDisconnected(1);
        many.DataPlaneConnected(1);
        Assert.Equal(ProfilesState.Applied, many.Status.State);
    }

    [Fact]
    public async Task NewestWins_IntermediateSetsAreSkipped()
    {
        var hold = new TaskCompletionSource();
        control.Before = call => call.Names == "a" ? hold.Task : Task.CompletedTask;
        publisher.SetDesired(Set("a"));
        publisher.ControlPlaneConnected(0);
        await control.WhenCalledAsync("setFunctionProfile");
        publisher.SetDesired(Set("a,b"));
        publisher.SetDesired(Set("a,c"));
        var last = Set("a,d");
        publisher.SetDesired(last);
        hold.SetResult();
        await AppliedAsync(last);
        Assert.Equal(["a", "a,d"], control.Calls.Where(call => call.Method == "setFunctionProfile").Select(call => call.Names));
    }

    [Fact]
    public async Task SameSetAgain_IsNotSentAgain()
    {
        await ApplyAsync(Set("f"));
        var calls = control.Calls.Count;
        publisher.SetDesired(Set("f"));
        Assert.Equal(ProfilesState.Applied, publisher.Status.State);
        await publisher.DisposeAsync();
        Assert.Equal(calls, control.Calls.Count);
    }

    [Fact]
    public async Task Failure_IsTriedAgain_WithGrowingPauses()
    {
        var pauses = new List<TimeSpan>();
        control.Before = _ => throw FakeCaller.Fault(GrpcStatusCode.Unavailable, "gone\nfishing");
        publisher.SetDesired(Set("f"));
        publisher.ControlPlaneConnected(0);
        for (var i = 1; i <= 7; i++)
        {
            await control.WhenCalledAsync("setPlatformEnvironmentVariables", i);
            await time.WhenArmedAsync();
            pauses.Add(time.UntilNextTimer!.Value);
            time.Advance(pauses[^1]);
        }

        Assert.Contains("cp-0: Unavailable: gone\\u000afishing", publisher.Status.Error, StringComparison.Ordinal);
        double[] full = [100, 200, 400, 800, 1000, 1000, 1000];
        Assert.All(full.Zip(pauses), pair => Assert.InRange(pair.Second.TotalMilliseconds, pair.First / 2, pair.First + 1));
        Assert.Equal(pauses.Count, pauses.Distinct().Count());
    }

    [Fact]
    public async Task PlaneThatDoesNotSet_IsAFailure()
    {
        control.Before = call => call.Method == "setFunctionProfile" ? throw FakeCaller.Fault(GrpcStatusCode.Unknown, "x") : Task.CompletedTask;
        publisher.SetDesired(Set("f"));
        publisher.ControlPlaneConnected(0);
        Assert.Equal(ProfilesState.Pending, (await ErrorAsync("Unknown: x")).State);
        control.Before = null;
        time.Advance(options.ReconnectMax);
        Assert.Null((await WhenAsync(status => status.State == ProfilesState.Applied)).Error);
    }

    [Fact]
    public async Task NewSet_DoesNotWaitForTheOldOnesPause()
    {
        control.Before = call => call.Names == "a" ? throw FakeCaller.Fault(GrpcStatusCode.Unknown, "x") : Task.CompletedTask;
        publisher.SetDesired(Set("a"));
        publisher.ControlPlaneConnected(0);
        await ErrorAsync("x");
        var next = Set("b");
        publisher.SetDesired(next);
        Assert.Null((await AppliedAsync(next)).Error);
    }

    [Fact]
    public async Task TimedOutSet_IsSentAgain_OnlyAfterThePlaneAnswersAgain()
    {
        var busy = true;
        control.Before = call => call.Method switch
        {
            "setFunctionProfile" when busy => throw FakeCaller.Fault(GrpcStatusCode.DeadlineExceeded, "no answer in 60 s"),
            "getFunctionProfile" when busy && control.Methods.Contains("setFunctionProfile") => throw FakeCaller.Fault(GrpcStatusCode.DeadlineExceeded, "busy"),
            _ => Task.CompletedTask,
        };
        var set = Set("f");
        publisher.SetDesired(set);
        publisher.ControlPlaneConnected(0);
        await ErrorAsync("no answer in 60 s");
        for (var i = 2; i <= 4; i++)
        {
            await time.WhenArmedAsync();
            time.Advance(options.ReconnectMax);
            await control.WhenCalledAsync("getFunctionProfile", i);
            await ErrorAsync("busy");
        }

        Assert.Single(control.Methods, "setFunctionProfile");
        busy = false;
        while (publisher.Status.State != ProfilesState.Applied)
        {
            await Task.WhenAny(time.WhenArmedAsync(), AppliedAsync(set));
            time.Advance(options.ReconnectMax);
        }

        Assert.Equal(2, control.Methods.Count(method => method == "setFunctionProfile"));
    }

    [Fact]
    public async Task TimedOutServices_AreSentAgain_OnlyAfterThePlaneAnswersAgain()
    {
        data.Before = call => call.Method == "setServiceProfiles" ? throw FakeCaller.Fault(GrpcStatusCode.DeadlineExceeded, "late") : Task.CompletedTask;
        publisher.DataPlaneConnected(0);
        var set = Set("f", "s");
        publisher.SetDesired(set);
        publisher.ControlPlaneConnected(0);
        await ErrorAsync("late");
        data.Before = null;
        await time.WhenArmedAsync();
        time.Advance(options.ReconnectMax);
        await AppliedAsync(set);
        Assert.Equal(["setServiceProfiles", "getServiceProfiles", "setServiceProfiles"], data.Methods);
    }

    [Theory]
    [InlineData("removed")]
    [InlineData("changed")]
    public async Task FunctionLeaves_WhileAWorkerStarts_WaitsForIt(string how)
    {
        await ApplyAsync(Set("f,g"));
        control.Snapshot = Workers("f", initiating: 1);
        var next = how == "removed" ? Set("g") : Set("f,g", signature: "2");
        publisher.SetDesired(next);
        await control.WhenCalledAsync("getWorkerStatsSnapshot");
        await time.WhenArmedAsync();

        // Listed without a process id: still being started, though no longer counted.
        control.Snapshot = Workers("f", initiating: 0, active: 0, pids: 0);
        time.Advance(ProfilePublisher.SettlePause);
        await control.WhenCalledAsync("getWorkerStatsSnapshot", 2);
        await time.WhenArmedAsync();
        Assert.Single(control.Methods, "setFunctionProfile");
        Assert.Equal((ProfilesState.Pending, true), (publisher.Status.State, publisher.Status.EarlierHolds));
        publisher.DataPlaneConnected(0);
        Assert.False(publisher.Status.EarlierHolds, "a data plane that has just come has nothing");

        control.Snapshot = Workers("f", initiating: 0, active: 1, pids: 7);
        time.Advance(ProfilePublisher.SettlePause);
        await AppliedAsync(next);
    }

    [Fact]
    public async Task FunctionStays_WhileItsWorkerStarts_NothingIsWaitedFor()
    {
        await ApplyAsync(Set("f"));
        control.Snapshot = Workers("f", initiating: 1);
        var next = Set("f,g");
        publisher.SetDesired(next);
        await AppliedAsync(next);
        Assert.DoesNotContain("getWorkerStatsSnapshot", control.Methods);
    }

    [Fact]
    public async Task WorkerNeverStarts_IsGivenUpForNow_AndTriedAgain()
    {
        await ApplyAsync(Set("f"));
        control.Snapshot = Workers("f", initiating: 1);
        var next = Set("g");
        publisher.SetDesired(next);
        var error = ErrorAsync("workers are still being started after 10 s, of f");
        var steps = 0;
        while (!error.IsCompleted)
        {
            await Task.WhenAny(time.WhenArmedAsync(), error);
            time.Advance(ProfilePublisher.SettlePause);
            Assert.InRange(++steps, 0, 200);
        }

        Assert.Equal(ProfilesState.Pending, (await error).State);
        Assert.Single(control.Methods, "setFunctionProfile");
        control.Snapshot = new WorkerStatsSnapshotResponse();
        var applied = AppliedAsync(next);
        while (!applied.IsCompleted)
        {
            await Task.WhenAny(time.WhenArmedAsync(), applied);
            time.Advance(options.ReconnectMax);
        }

        Assert.Null((await applied).Error);
    }

    [Fact]
    public async Task ReservedWorkers_MustBeUp_BeforeTheNextSet()
    {
        await ApplyAsync(Set("f", reservation: 2));
        control.Snapshot = Workers("f", initiating: 0, active: 1, pids: 7);
        var next = Set("f,g", reservation: 2);
        publisher.SetDesired(next);
        await control.WhenCalledAsync("getWorkerStatsSnapshot");
        await time.WhenArmedAsync();
        Assert.Single(control.Methods, "setFunctionProfile");
        control.Snapshot = Workers("f", initiating: 0, active: 2, pids: [7, 8]);
        time.Advance(ProfilePublisher.SettlePause);
        await AppliedAsync(next);
    }

    [Fact]
    public async Task ReservedWorkersThatCannotStart_DoNotKeepTheirRepairAway()
    {
        await ApplyAsync(Set("f", reservation: 2));
        var next = Set("f", reservation: 2, signature: "2");
        publisher.SetDesired(next);
        await control.WhenCalledAsync("getWorkerStatsSnapshot");
        await time.WhenArmedAsync();
        Assert.Single(control.Methods, "setFunctionProfile");
        time.Advance(ProfilePublisher.ReserveGrace);
        await AppliedAsync(next);
    }

    [Fact]
    public async Task NewerSet_EndsTheWaitForTheOlder()
    {
        await ApplyAsync(Set("f"));
        control.Snapshot = Workers("f", initiating: 1);
        publisher.SetDesired(Set("g"));
        await control.WhenCalledAsync("getWorkerStatsSnapshot");
        await time.WhenArmedAsync();
        var back = Set("f,h");
        publisher.SetDesired(back);
        time.Advance(ProfilePublisher.SettlePause);
        await AppliedAsync(back);
        Assert.Equal(["f", "f,h"], control.Calls.Where(call => call.Method == "setFunctionProfile").Select(call => call.Names));
    }

    [Fact]
    public async Task PlaneKnownFromBefore_IsAskedWhatItHolds()
    {
        control.Functions = Set("old").Functions;
        control.Snapshot = Workers("old", initiating: 1);
        var set = Set("f");
        publisher.SetDesired(set);
        publisher.ControlPlaneConnected(0);
        await control.WhenCalledAsync("getWorkerStatsSnapshot");
        Assert.DoesNotContain("setFunctionProfile", control.Methods);
        await time.WhenArmedAsync();
        control.Snapshot = new WorkerStatsSnapshotResponse();
        time.Advance(ProfilePublisher.SettlePause);
        await AppliedAsync(set);
    }

    [Fact]
    public async Task DroppedInMidPush_IsNotApplied_AndTheCallIsCancelled()
    {
        control.Before = call => call.Method == "setFunctionProfile" ? call.HangAsync() : Task.CompletedTask;
        var set = Set("f");
        publisher.SetDesired(set);
        publisher.ControlPlaneConnected(0);
        var push = await control.WhenCalledAsync("setFunctionProfile");
        publisher.ControlPlaneDisconnected(0);
        Assert.True(push.Cancelled.IsCancellationRequested);
        Assert.Equal(new ProfilesStatus(ProfilesState.Pending, set.Version, null), publisher.Status);
        control.Before = null;
        publisher.ControlPlaneConnected(0);
        await AppliedAsync(set);
    }

    [Fact]
    public async Task AnswerOfAnEarlierLife_CountsForNothing()
    {
        var hold = new TaskCompletionSource();
        control.Before = call => call.Method == "setFunctionProfile" ? hold.Task : Task.CompletedTask;
        var set = Set("f");
        publisher.SetDesired(set);
        publisher.ControlPlaneConnected(0);
        await control.WhenCalledAsync("setFunctionProfile");
        publisher.ControlPlaneDisconnected(0);
        publisher.ControlPlaneConnected(0);
        Assert.Equal(ProfilesState.Pending, publisher.Status.State);
        hold.SetResult();
        await AppliedAsync(set);
        Assert.Equal(2, control.Methods.Count(method => method == "setFunctionProfile"));
    }

    [Fact]
    public async Task Disposed_InMidPush_CancelsAndReturns()
    {
        control.Before = call => call.HangAsync();
        publisher.SetDesired(Set("f"));
        publisher.ControlPlaneConnected(0);
        var call = await control.WhenCalledAsync("setPlatformEnvironmentVariables");
        await publisher.DisposeAsync().AsTask().WaitAsync(Deadline);
        Assert.True(call.Cancelled.IsCancellationRequested);
    }

    [Fact]
    public async Task SeveralPlanes_AllConnectedOnesAreNeeded()
    {
        var second = new FakeCaller("cp-1");
        await using var many = new ProfilePublisher([control, second], [data], options, time, NullLoggerFactory.Instance, new Random(1));
        var applied = new TaskCompletionSource();
        many.Changed += () =>
        {
            if (many.Status.State == ProfilesState.Applied)
                applied.TrySetResult();
        };
        var hold = new TaskCompletionSource();
        second.Before = _ => hold.Task;
        many.ControlPlaneConnected(0);
        many.ControlPlaneConnected(1);
        many.SetDesired(Set("f"));
        await control.WhenCalledAsync("setFunctionProfile");
        Assert.Equal(ProfilesState.Pending, many.Status.State);
        hold.SetResult();
        await applied.Task.WaitAsync(Deadline);
        Assert.Equal("f", (await second.WhenCalledAsync("setFunctionProfile")).Names);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task RandomEvents_NeverTwoSetsInFlight_AndTheNewestIsAppliedInTheEnd(int seed)
    {
        var random = new Random(seed);
        var sets = Enumerable.Range(0, 12).Select(i => Set($"f{i},g", i % 3 == 0 ? "" : $"s{i}", reservation: i % 2)).ToList();
        var inFlight = new Dictionary<string, int>(StringComparer.Ordinal);
        var worst = 0;
        var pushes = 0;
        var versionOf = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var set in sets)
            versionOf[string.Join(',', set.Functions.Select(function => function.Name))] = set.Version;

        FakeCaller[] controls = [new("cp-0"), new("cp-1")];
        FakeCaller[] datas = [new("dp-0"), new("dp-1")];
        async Task BeforeAsync(FakeCaller plane, FakeCaller.Call call)
        {
            int roll;
            lock (inFlight)
                roll = random.Next(10);

            // Workers are up most of the time, so the wait for them is met both ways.
            plane.Snapshot = new WorkerStatsSnapshotResponse
            {
                Brokers = { plane.Functions.Select(function => new BrokerStats { Name = function.Name, ActiveWorkerCount = 1, InitiatingWorkerCount = roll < 3 ? 1 : 0 }) },
            };
            if (call.Method != "setFunctionProfile")
            {
                if (roll == 0)
                    throw FakeCaller.Fault(GrpcStatusCode.Unavailable, "random");
                await Task.Yield();
                return;
            }

            var version = versionOf[call.Names];
            lock (inFlight)
            {
                pushes++;
                inFlight[version] = inFlight.GetValueOrDefault(version) + 1;
                worst = Math.Max(worst, inFlight.Count);
            }

            try
            {
                for (var i = 0; i < roll * 20; i++)
                    await Task.Yield();
                if (roll < 3)
                    throw FakeCaller.Fault(GrpcStatusCode.DeadlineExceeded, "random");
            }
            finally
            {
                lock (inFlight)
                {
                    if (--inFlight[version] == 0)
                        inFlight.Remove(version);
                }
            }
        }

        foreach (var plane in controls.Concat(datas))
            plane.Before = call => BeforeAsync(plane, call);

        var many = new ProfilePublisher(controls, datas, options, time, NullLoggerFactory.Instance, new Random(seed));
        var last = sets[0];

        // However the machine shares out its time, enough sets are under way for the check to mean something.
        for (var i = 0; i < 1000 || (Volatile.Read(ref pushes) < 10 && i < 1_000_000); i++)
        {
            int what, which;
            lock (inFlight)
                (what, which) = (random.Next(20), random.Next(2));
            switch (what)
            {
                case 0 or 1 or 7:
                    last = sets[(i * 7) % sets.Count];
                    many.SetDesired(last);
                    break;
                case 2 or 3:
                    many.ControlPlaneConnected(which);
                    break;
                case 4:
                    many.ControlPlaneDisconnected(which);
                    break;
                case 5:
                    many.DataPlaneConnected(which);
                    break;
                case 6:
                    many.DataPlaneDisconnected(which);
                    break;
                default:
                    time.Advance(TimeSpan.FromMilliseconds(300));
                    break;
            }

            for (var turns = i % 40; turns > 0; turns--)
                await Task.Yield();
        }

        // From here on workers do come up in the end, and only pushes fail now and then.
        foreach (var plane in controls.Concat(datas))
        {
            plane.Before = call =>
            {
                plane.Snapshot = new WorkerStatsSnapshotResponse();
                return call.Method == "setFunctionProfile" ? BeforeAsync(plane, call) : Task.CompletedTask;
            };
        }

        many.ControlPlaneConnected(0);
        many.ControlPlaneConnected(1);
        many.DataPlaneConnected(0);
        many.DataPlaneConnected(1);
        bool EverywhereAndApplied() =>
            many.Status is { State: ProfilesState.Applied } status && status.Version == last.Version
            && controls.All(plane => plane.Functions.Select(f => f.Name).SequenceEqual(last.Functions.Select(f => f.Name)))
            && datas.All(plane => plane.Services.Select(s => s.Name).SequenceEqual(last.Services.Select(s => s.Name)));

        await Until.TrueAsync(
            () =>
            {
                time.Advance(options.ReconnectMax);
                return EverywhereAndApplied();
            },
            "the newest set does not come to every plane");

        await many.DisposeAsync().AsTask().WaitAsync(Deadline);
        Assert.Equal(1, worst);
        Assert.InRange(pushes, 10, int.MaxValue);
    }
}
