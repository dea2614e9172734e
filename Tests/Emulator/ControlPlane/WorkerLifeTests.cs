using System.Diagnostics;
using System.Text.Json;
using NoslateFleet.Emulator.Node;
using NoslateFleet.Emulator.Workers;
using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Control;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Emulator.Harness;
using BrokerStats = NoslateFleet.Noslate.Protocol.Control.BrokerStats;
using Pair = NoslateFleet.Noslate.Protocol.Common.KeyValuePair;
using WorkerStats = NoslateFleet.Noslate.Protocol.Control.WorkerStats;

namespace NoslateFleet.Tests.Emulator.ControlPlane;

public sealed class WorkerLifeTests
{
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(10);

    [SkippableFact]
    public async Task StartingWorker_IsInitiating_WithoutAPid_AndReadyOneIsActive()
    {
        var clock = new ManualTimeProvider();
        await using TestNode node = await TestNode.StartAsync(clock);
        await node.SetAsync(TestNode.Function("never", change: it => it.Initializer = "index.slowInitializer"), TestNode.Function("hello"));
        using RpcTestCall call = await node.OpenAsync(node.Request("never"));
        await node.Node.WaitForAsync(it => it["never"].Workers.Count == 1);
        BrokerStats starting = Assert.Single((await node.SnapshotAsync()).Brokers);
        Assert.Equal((1, 0), (starting.InitiatingWorkerCount, starting.ActiveWorkerCount));
        Assert.Equal(0, Assert.Single(starting.Workers).Pid);

        await node.CallAsync("hello");
        BrokerStats ready = (await node.SnapshotAsync()).Brokers.Single(it => it.Name == "hello");
        Assert.Equal((0, 1), (ready.InitiatingWorkerCount, ready.ActiveWorkerCount));
        WorkerStats worker = Assert.Single(ready.Workers);
        Assert.True(worker.Pid > 0);
        Assert.Matches("^hello-[0-9a-f]{7}$", worker.Name);
        Assert.StartsWith("hello-", worker.Credential, StringComparison.Ordinal);
        Assert.Equal(node.NowMs, worker.RegisterTime);
        Assert.Null(worker.Data);
        Assert.Equal(("", "", "", 0), (worker.Status, worker.ContainerStates, worker.GcStatus, worker.GcStartTime));
    }

    [SkippableFact]
    public async Task SnapshotsRequestCount_IsAsOldAsTheLastTick_TrafficStatsAreLive()
    {
        var clock = new ManualTimeProvider();
        await using TestNode node = await TestNode.StartAsync(clock);
        await node.SetAsync(TestNode.Function("gate"));
        using RpcTestCall call = await node.OpenAsync(node.Request("gate", "/head/a"));
        await call.ReadAsync();
        Assert.Null((await node.SnapshotAsync()).Brokers.Single().Workers.Single().Data);
        Assert.Equal(1, (await node.TrafficAsync()).Brokers.Single().Workers.Single().ActiveRequestCount);
        clock.Advance(Tick);
        Assert.Equal(1, (await node.SnapshotAsync()).Brokers.Single().Workers.Single().Data.ActiveRequestCount);
    }

    [SkippableFact]
    public async Task IdleWorker_IsShrunkAtTheSixthTick()
    {
        var clock = new ManualTimeProvider();
        await using TestNode node = await TestNode.StartAsync(clock);
        await node.SetAsync(TestNode.Function("hello"));
        await node.CallAsync("hello");
        for (int i = 1; i <= 5; i++)
        {
            clock.Advance(Tick);
            Assert.Equal(i, (await node.SnapshotAsync()).Brokers.Single().RedundantTimes);
        }

        Assert.Equal(1, node.Node.GetStats()["hello"].Ready);
        clock.Advance(Tick);
        await node.Node.WaitForAsync(it => it["hello"].Workers.Count == 0);
        Assert.Empty((await node.SnapshotAsync()).Brokers);

        // And the next call brings it back.
        Assert.Equal("hello", (await node.CallAsync("hello")).Text);
    }

    [SkippableFact]
    public async Task BusyWorker_IsNotShrunk()
    {
        var clock = new ManualTimeProvider();
        await using TestNode node = await TestNode.StartAsync(clock);
        await node.SetAsync(TestNode.Function("gate"));
        using RpcTestCall call = await node.OpenAsync(node.Request("gate", "/head/a", double.MaxValue));
        await call.ReadAsync();
        for (int i = 0; i < 8; i++)
            clock.Advance(Tick);
        Assert.Equal(1, node.Node.GetStats()["gate"].Ready);
    }

    [SkippableFact]
    public async Task ReservedWorker_StartsWithTheProfile_IsKept_AndReplacedAtTheTick()
    {
        var clock = new ManualTimeProvider();
        await using TestNode node = await TestNode.StartAsync(clock);
        await node.SetAsync(TestNode.Function("pid", change: it => it.Worker.ReservationCount = 1));
        EmulatorStats stats = await node.Node.WaitForAsync(it => it["pid"].Ready == 1);
        int first = stats["pid"].Workers[0].Pid;
        for (int i = 0; i < 8; i++)
            clock.Advance(Tick);
        Assert.Equal(1, node.Node.GetStats()["pid"].Ready);
        using (Process process = Process.GetProcessById(first))
            process.Kill();
        await node.Node.WaitForAsync(it => it["pid"].Workers.Count == 0);
        clock.Advance(Tick);
        stats = await node.Node.WaitForAsync(it => it["pid"].Ready == 1);
        Assert.NotEqual(first, stats["pid"].Workers[0].Pid);
    }

    [SkippableFact]
    public async Task FullWorkers_BringAnotherOne_UpToTheLimit()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("gate", change: it =>
        {
            it.Worker.MaxActivateRequests = 1;
            it.Worker.ReplicaCountLimit = 2;
        }));
        using RpcTestCall first = await node.OpenAsync(node.Request("gate", "/head/a"));
        await first.ReadAsync();
        using RpcTestCall second = await node.OpenAsync(node.Request("gate", "/head/a"));
        await second.ReadAsync();
        using RpcTestCall third = await node.OpenAsync(node.Request("gate", "/head/a"));
        EmulatorStats stats = await node.Node.WaitForAsync(it => it["gate"].Queued == 1);
        Assert.Equal(2, stats["gate"].Ready);
        Assert.Equal([1, 1], stats["gate"].Workers.Select(it => it.ActiveRequests));
        second.Cancel();
        Assert.Equal(200, (await third.ReadAsync())!.Result.Status);
    }

    [SkippableTheory]
    [InlineData("least-request-count")]
    [InlineData("round-robin")]
    public async Task TwoWorkers_ShareTheCalls(string mode)
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("gate", change: it =>
        {
            it.Worker.ReservationCount = 2;
            it.Worker.DispatchMode = mode;
        }));
        await node.Node.WaitForAsync(it => it["gate"].Ready == 2);
        using RpcTestCall first = await node.OpenAsync(node.Request("gate", "/head/a"));
        await first.ReadAsync();
        using RpcTestCall second = await node.OpenAsync(node.Request("gate", "/head/a"));
        await second.ReadAsync();
        Assert.Equal([1, 1], node.Node.GetStats()["gate"].Workers.Select(it => it.ActiveRequests));
    }

    [SkippableFact]
    public async Task Disposable_IsAFreshWorkerPerCall()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("pid", change: it => it.Worker.Disposable = true));
        string first = (await node.CallAsync("pid")).Text;
        string second = (await node.CallAsync("pid")).Text;
        Assert.NotEqual(first, second);
        await node.Node.WaitForAsync(it => it["pid"].Workers.Count == 0);
    }

    [SkippableFact]
    public async Task DisposableBeyondTheLimit_HangsToItsDeadline()
    {
        var clock = new ManualTimeProvider();
        await using TestNode node = await TestNode.StartAsync(clock);
        await node.SetAsync(TestNode.Function("gate", change: it =>
        {
            it.Worker.Disposable = true;
            it.Worker.ReplicaCountLimit = 1;
        }));
        using RpcTestCall first = await node.OpenAsync(node.Request("gate", "/head/a"));
        await first.ReadAsync();
        Task<Outcome> second = node.CallAsync(node.Request("gate", "/head/a", node.NowMs + 1000));
        await node.Node.WaitForAsync(it => it["gate"].Queued == 1);
        first.Cancel();
        await node.Node.WaitForAsync(it => it["gate"].Workers.Count == 0);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(("Error", 4), ((await second).Error?.Name, (await second).Error?.Code));
    }

    [SkippableFact]
    public async Task NewSignature_ReplacesTheWorkers_BeforeTheAnswer()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("pid"));
        string before = (await node.CallAsync("pid")).Text;
        await node.SetAsync(TestNode.Function("pid"));
        Assert.Equal(before, (await node.CallAsync("pid")).Text);
        await node.SetAsync(TestNode.Function("pid", change: it => it.Signature = "2"));
        Assert.Empty(node.Node.GetStats()["pid"].Workers);
        Assert.NotEqual(before, (await node.CallAsync("pid")).Text);
    }

    [SkippableFact]
    public async Task RemovedFunction_IsGone_AndItsCallsAreReset()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("never"));
        Task<Outcome> call = node.CallAsync("never");
        await node.Node.WaitForAsync(it => it["never"].Active == 1);
        await node.SetAsync();
        Assert.Equal(("NoslatedError", 4), ((await call).Error?.Name, (await call).Error?.Code));
        Assert.Equal(5, (await node.CallAsync("never")).Error?.Code);
        Assert.Empty((await node.SnapshotAsync()).Brokers);
    }

    [SkippableFact]
    public async Task WorkerThatIgnoresSigterm_IsKilledAfterTheGrace()
    {
        var clock = new ManualTimeProvider();
        await using TestNode node = await TestNode.StartAsync(clock);
        await node.SetAsync(TestNode.Function("stubborn"));
        await node.CallAsync("stubborn");
        string log = Path.Combine(node.Node.GetStats()["stubborn"].Workers[0].LogDirectory, "stdout.log");
        Task removing = node.SetAsync();
        await Until.TrueAsync(() => File.ReadAllText(log).Contains("SIGTERM ignored", StringComparison.Ordinal), "the worker got no SIGTERM");
        Assert.False(removing.IsCompleted);

        // The grace begins after the signal.
        await clock.WhenArmedAsync(node.Node.Options.StopGrace);
        clock.Advance(node.Node.Options.StopGrace);
        await removing;
        Assert.Empty(node.Node.GetStats()["stubborn"].Workers);
    }

    [SkippableFact]
    public async Task BadProfiles_AreAccepted_LikeEverythingElse()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(new FunctionProfile(), new FunctionProfile { Name = "x", Runtime = "deno" }, new FunctionProfile { Name = "x" });
        GetFunctionProfileResponse got = await node.Control.UnaryAsync<GetFunctionProfileResponse>(
            "/noslated.control.ControlPlane/getFunctionProfile", new Empty());
        Assert.Equal(["", "x"], got.Profiles.Select(it => it.Name));
        Assert.Equal("", got.Profiles[1].Runtime);
        Assert.Equal(10, got.Profiles[0].Worker.MaxActivateRequests);
        Assert.Equal(512 * 1024 * 1024, got.Profiles[0].ResourceLimit.Memory);
    }

    [SkippableFact]
    public async Task Environment_IsCleanPlatformThenProfile()
    {
        Environment.SetEnvironmentVariable("EMULATOR_TEST_SECRET", "s3cret");
        await using TestNode node = await TestNode.StartAsync();
        SetPlatformEnvironmentVariablesResponse set = await node.Control.UnaryAsync<SetPlatformEnvironmentVariablesResponse>(
            "/noslated.control.ControlPlane/setPlatformEnvironmentVariables",
            new SetPlatformEnvironmentVariablesRequest
            {
                Envs = { new Pair { Key = "PLATFORM", Value = "p" }, new Pair { Key = "BOTH", Value = "p" } },
            });
        Assert.True(set.Set);
        await node.SetAsync(TestNode.Function("describe", change: it =>
        {
            it.Environments.Add(new Pair { Key = "MINE", Value = "m $HOME `x`" });
            it.Environments.Add(new Pair { Key = "BOTH", Value = "m" });
            it.Environments.Add(new Pair { Key = "PATH", Value = "/evil" });
        }));
        JsonElement env = JsonDocument.Parse((await node.CallAsync("describe")).Text).RootElement.GetProperty("env");
        Dictionary<string, string?> seen = env.EnumerateObject().ToDictionary(it => it.Name, it => it.Value.GetString());
        Assert.Equal(("p", "m", "m $HOME `x`"), (seen["PLATFORM"], seen["BOTH"], seen["MINE"]));
        Assert.Equal("/bin:/usr/bin", seen["PATH"]);
        Assert.Equal(TestNode.CodeDirectory, seen["HOME"]);
        Assert.Equal(node.Node.GetStats()["describe"].Workers[0].Name, seen["NOSLATE_WORKER_ID"]);
        Assert.Empty(seen.Keys.Except(["PLATFORM", "BOTH", "MINE", "PATH", "HOME", "TERM", "TZ", "PWD", "NOSLATE_WORKER_ID"]));
    }

    [SkippableFact]
    public async Task StdoutAndStderr_GoToTheWorkersOwnFiles()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("logs"));
        await node.CallAsync("logs");
        WorkerStatus worker = node.Node.GetStats()["logs"].Workers[0];
        Assert.Equal(Path.Combine(node.Directory, "logs", "workers", worker.Name), worker.LogDirectory);
        Assert.Equal("to stdout\n", File.ReadAllText(Path.Combine(worker.LogDirectory, "stdout.log")));
        Assert.Equal("to stderr\n", File.ReadAllText(Path.Combine(worker.LogDirectory, "stderr.log")));
    }

    [SkippableFact]
    public async Task ReduceCapacity_DrainsTheNamedWorker_ThenStopsIt()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("gate"));
        using RpcTestCall call = await node.OpenAsync(node.Request("gate", "/head/a"));
        await call.ReadAsync();
        WorkerStats worker = (await node.SnapshotAsync()).Brokers.Single().Workers.Single();
        Task<CapacityReductionResponse> reducing = node.Data.UnaryAsync<CapacityReductionResponse>(
            "/noslated.data.DataPlane/reduceCapacity",
            new CapacityReductionRequest
            {
                Brokers =
                {
                    new CapacityReductionBroker
                    {
                        FunctionName = "gate",
                        Workers =
                        {
                            new CapacityReductionWorker { Name = worker.Name, Credential = worker.Credential },
                            new CapacityReductionWorker { Name = worker.Name, Credential = "wrong" },
                        },
                    },
                },
            });
        await node.Node.WaitForAsync(it => it.OpenDataPlaneCalls == 2);
        Assert.False(reducing.IsCompleted);
        call.Cancel();
        Assert.Equal(worker.Credential, Assert.Single(Assert.Single((await reducing).Brokers).Workers).Credential);
        await node.Node.WaitForAsync(it => it["gate"].Workers.Count == 0);
    }

    [SkippableFact]
    public async Task HighLoad_OpensTheBreakerAfterFiveChecks_AndThreeGoodOnesCloseIt()
    {
        var clock = new ManualTimeProvider();
        double load = 11;
        await using TestNode node = await TestNode.StartAsync(clock, it => new() { Workdir = it, CircuitBreaker = true }, () => load);
        await node.SetAsync(TestNode.Function("hello"));
        clock.Advance(TimeSpan.FromSeconds(4));
        Assert.True((await HealthAsync()).Health);
        clock.Advance(TimeSpan.FromSeconds(1));
        PlaneHealthyResponse health = await HealthAsync();
        Assert.Equal((false, "Circuit Breaker Enabled"), (health.Health, health.Reason));
        Assert.Equal(9, (await node.CallAsync("hello")).Error?.Code);
        load = 1;
        clock.Advance(TimeSpan.FromSeconds(3));
        Assert.True((await HealthAsync()).Health);

        Task<PlaneHealthyResponse> HealthAsync() =>
            node.Data.UnaryAsync<PlaneHealthyResponse>("/noslated.data.DataPlane/checkHealth", new Empty());
    }

    [SkippableFact]
    public async Task InspectorMethods_AnswerEmpty()
    {
        await using TestNode node = await TestNode.StartAsync();
        foreach (string method in (string[])["useInspector", "getInspectorTargets", "startInspector", "setTracingCategories"])
            Assert.Equal(new Empty(), await node.Data.UnaryAsync<Empty>($"/noslated.data.DataPlane/{method}", new Empty()));
    }
}
