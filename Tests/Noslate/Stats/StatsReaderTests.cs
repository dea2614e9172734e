using System.Text.Json;
using Google.Protobuf;
using NoslateFleet.Noslate.Node;
using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Noslate.Stats;
using NoslateFleet.Noslate.Transport;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Noslate.Profiles;
using Control = NoslateFleet.Noslate.Protocol.Control;

namespace NoslateFleet.Tests.Noslate.Stats;

public class StatsReaderTests
{
    private readonly ManualTimeProvider time = new();
    private readonly FakeCaller control = new("cp-0");
    private readonly FakeCaller data = new("dp-0");
    private readonly NodeOptions options = new();

    private StatsReader Reader(params FakeCaller[] more) =>
        new([control, .. more.Where(plane => plane.Name.StartsWith('c'))], [data, .. more.Where(plane => plane.Name.StartsWith('d'))], options, time);

    private static Control.WorkerStats Worker(string name, int pid, int pulled = 0) => new()
    {
        Name = name, Pid = pid, Credential = "SECRET-" + name, RegisterTime = 1_700_000_000_123.5, Data = new Control.WorkerAdditionalData { ActiveRequestCount = pulled },
    };

    private static Control.BrokerStats Broker(int initiating, int active, params Control.WorkerStats[] workers) => new()
    {
        Name = "f", InitiatingWorkerCount = initiating, ActiveWorkerCount = active, Profile = new FunctionProfile { Name = "f", Runtime = "nodejs" }, Workers = { workers },
    };

    private static BrokerStats Live(params (string Name, int Active)[] workers) => new()
    {
        FunctionName = "f", Workers = { workers.Select(worker => new WorkerStats { Name = worker.Name, ActiveRequestCount = worker.Active }) },
    };

    private void Tell(Control.BrokerStats? broker, params BrokerStats[] live)
    {
        control.Snapshot = new Control.WorkerStatsSnapshotResponse();
        if (broker is not null)
            control.Snapshot.Brokers.Add(broker);
        data.Traffic = new WorkerTrafficStatsResponse { Brokers = { live } };
    }

    // pids: 0 = none yet. live: which of w1, w2, ... the data plane knows, with their requests.
    [Theory]
    [InlineData("being started", 1, 0, "0", "", "Created", 1, 0, 0)]
    [InlineData("started, counted no longer, no pid yet", 0, 0, "0", "", "Created", 1, 0, 0)]
    [InlineData("pid there, still counted as starting", 1, 0, "5", "", "Created", 1, 0, 0)]
    [InlineData("ready", 0, 1, "5", "w1=3", "Ready", 0, 1, 0)]
    [InlineData("ready, data plane silent about it", 0, 1, "5", "", "Ready", 0, 1, 0)]
    [InlineData("shrunk, still listed", 0, 0, "5", "", "PendingStop", 0, 0, 1)]
    [InlineData("one ready, one starting", 1, 1, "5,0", "w1=0", "Ready,Created", 1, 1, 0)]
    [InlineData("one ready, one stopping, told apart by the data plane", 0, 1, "5,6", "w2=1", "PendingStop,Ready", 0, 1, 1)]
    [InlineData("one ready, one stopping, both still known", 0, 1, "5,6", "w1=0,w2=1", "Unknown,Unknown", 0, 1, 1)]
    [InlineData("one ready, one stopping, none known", 0, 1, "5,6", "", "Unknown,Unknown", 0, 1, 1)]
    [InlineData("all three at once", 1, 1, "5,6,0", "w2=1", "PendingStop,Ready,Created", 1, 1, 1)]
    [InlineData("started with pid and ready mixed", 1, 1, "5,6", "w1=1", "Unknown,Unknown", 1, 1, 0)]
    [InlineData("more active than listed", 0, 3, "5", "w1=1", "Ready", 0, 3, 0)]
    public async Task States_AreInferred(
        string situation, int initiating, int active, string pids, string live, string states, int starting, int ready, int stopping)
    {
        var workers = pids.Split(',').Select((pid, i) => Worker($"w{i + 1}", int.Parse(pid, System.Globalization.CultureInfo.InvariantCulture))).ToArray();
        var known = live.Split(',', StringSplitOptions.RemoveEmptyEntries)
            .Select(item => (item[..2], int.Parse(item[3..], System.Globalization.CultureInfo.InvariantCulture))).ToArray();
        Tell(Broker(initiating, active, workers), Live(known));
        var function = Assert.Single((await Reader().ReadAsync(CancellationToken.None)).Functions);
        Assert.Equal((situation, states), (situation, string.Join(',', function.Workers.Select(worker => worker.State))));
        Assert.Equal((starting, ready, stopping), (function.Starting, function.Ready, function.Stopping));
    }

    [Fact]
    public async Task Worker_HasItsPidTimeAndLiveRequests()
    {
        Tell(Broker(0, 1, Worker("w", 42, pulled: 9)), Live(("w", 3)));
        var worker = Assert.Single(Assert.Single((await Reader().ReadAsync(CancellationToken.None)).Functions).Workers);
        Assert.Equal(new WorkerPicture("w", WorkerState.Ready, 42, DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123), 3), worker);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-5)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(1e300)]
    public async Task RegisterTime_Senseless_IsUnknown(double milliseconds)
    {
        var told = Worker("w", 42);
        told.RegisterTime = milliseconds;
        Tell(Broker(0, 1, told));
        Assert.Null((await Reader().ReadAsync(CancellationToken.None)).Functions[0].Workers[0].RegisteredAt);
    }

    [Fact]
    public async Task DataPlaneAway_OlderRequestCountsAreTaken_AndItIsTold()
    {
        Tell(Broker(0, 1, Worker("w", 42, pulled: 9)));
        data.Before = _ => throw FakeCaller.Fault(GrpcStatusCode.Unavailable, "no socket");
        var stats = await Reader().ReadAsync(CancellationToken.None);
        Assert.Equal(9, stats.Functions[0].Workers[0].ActiveRequests);
        Assert.Null(stats.TrafficAsOf);
        Assert.Equal(time.GetUtcNow(), stats.SnapshotAsOf);
        Assert.Equal(["dp-0 traffic: Unavailable: no socket"], stats.Errors);
    }

    [Fact]
    public async Task ControlPlaneAway_WorkersOfTheDataPlaneAreUnknown()
    {
        Tell(null, Live(("w", 2)));
        control.Before = _ => throw FakeCaller.Fault(GrpcStatusCode.DeadlineExceeded, "late");
        var stats = await Reader().ReadAsync(CancellationToken.None);
        var function = Assert.Single(stats.Functions);
        Assert.Equal(("f", (string?)null, (int?)null, (int?)null, (int?)null), (function.Name, function.Runtime, function.MaxActivateRequests, function.ReplicaCountLimit, function.ReservationCount));
        Assert.Equal(new WorkerPicture("w", WorkerState.Unknown, null, null, 2), Assert.Single(function.Workers));
        Assert.Null(stats.SnapshotAsOf);
        Assert.Equal(time.GetUtcNow(), stats.TrafficAsOf);
        Assert.Equal(["cp-0 profiles: DeadlineExceeded: late", "cp-0 workers: DeadlineExceeded: late"], stats.Errors);
    }

    [Fact]
    public async Task SeveralDataPlanes_RequestsAreSummedByWorker()
    {
        var second = new FakeCaller("dp-1") { Traffic = new WorkerTrafficStatsResponse { Brokers = { Live(("w", 4), ("v", int.MaxValue)) } } };
        Tell(Broker(0, 2, Worker("w", 1), Worker("v", 2)), Live(("w", 3), ("v", 1)));
        var function = Assert.Single((await Reader(second).ReadAsync(CancellationToken.None)).Functions);
        Assert.Equal([("v", int.MaxValue), ("w", 7)], function.Workers.Select(worker => (worker.Name, worker.ActiveRequests)));
    }

    [Fact]
    public async Task SeveralAnswers_AsOfIsTheOldest()
    {
        var second = new FakeCaller("dp-1");
        var release = new TaskCompletionSource();
        second.Before = _ => release.Task;
        var first = time.GetUtcNow();
        var reading = Reader(second).ReadAsync(CancellationToken.None);
        time.Advance(TimeSpan.FromSeconds(3));
        release.SetResult();
        Assert.Equal(first, (await reading).TrafficAsOf);
    }

    [Fact]
    public async Task InspectedWorkers_AreLeftOut()
    {
        var inspected = Broker(0, 1, Worker("i", 5));
        inspected.Inspector = true;
        var live = Live(("i", 3));
        live.Inspector = true;
        Tell(inspected, live);
        Assert.Empty((await Reader().ReadAsync(CancellationToken.None)).Functions);
    }

    [Fact]
    public async Task Limits_AreTheProfiles_OrTheNodesDefaults()
    {
        control.Functions =
        [
            new FunctionProfile { Name = "a", Runtime = "aworker" },
            new FunctionProfile { Name = "b", Runtime = "nodejs", Worker = new FunctionProfileWorker { MaxActivateRequests = 3, ReplicaCountLimit = 4, ReservationCount = 2 } },
        ];
        var stats = await Reader().ReadAsync(CancellationToken.None);
        Assert.Equal(
            [("a", "aworker", (int?)10, (int?)10, (int?)0), ("b", "nodejs", 3, 4, 2)],
            stats.Functions.Select(f => (f.Name, f.Runtime, f.MaxActivateRequests, f.ReplicaCountLimit, f.ReservationCount)));
    }

    [Fact]
    public async Task WorkerNoLongerListed_IsStoppedOnce()
    {
        var reader = Reader();
        Tell(Broker(0, 1, Worker("w", 5)));
        await reader.ReadAsync(CancellationToken.None);
        Tell(null);
        var gone = Assert.Single((await reader.ReadAsync(CancellationToken.None)).Functions);
        Assert.Equal(new WorkerPicture("w", WorkerState.Stopped, null, null, 0), Assert.Single(gone.Workers));
        Assert.Empty((await reader.ReadAsync(CancellationToken.None)).Functions);
    }

    [Fact]
    public async Task ControlPlaneAwayInBetween_StopsNoWorker()
    {
        var reader = Reader();
        Tell(Broker(0, 1, Worker("w", 5)));
        await reader.ReadAsync(CancellationToken.None);
        control.Before = _ => throw FakeCaller.Fault(GrpcStatusCode.Unavailable, "x");
        Assert.Empty((await reader.ReadAsync(CancellationToken.None)).Functions);
        control.Before = null;
        Assert.Equal(WorkerState.Ready, (await reader.ReadAsync(CancellationToken.None)).Functions[0].Workers[0].State);
    }

    [Fact]
    public async Task CallTimeout_IsUsed_AndCancellationEndsTheWait()
    {
        using var source = new CancellationTokenSource();
        data.Before = call => call.HangAsync();
        var reading = Reader().ReadAsync(source.Token);
        Assert.Equal(options.CallTimeout, (await data.WhenCalledAsync("getWorkerTrafficStats")).Timeout);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
    }

    [Fact]
    public async Task Credentials_AreNowhereInThePicture()
    {
        Tell(Broker(0, 1, Worker("w", 5)), Live(("w", 1)));
        var stats = await Reader().ReadAsync(CancellationToken.None);
        Assert.Contains("SECRET-w", control.Snapshot.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("SECRET", JsonSerializer.Serialize(stats), StringComparison.Ordinal);
        Assert.DoesNotContain("SECRET", string.Join(' ', stats.Functions[0].Workers), StringComparison.Ordinal);
        foreach (var type in new[] { typeof(NodeStats), typeof(FunctionPicture), typeof(WorkerPicture) })
        {
            Assert.DoesNotContain(type.GetProperties(), property => property.Name.Contains("redential", StringComparison.Ordinal));
            Assert.DoesNotContain(type.GetProperties(), property => typeof(IMessage).IsAssignableFrom(property.PropertyType));
        }
    }
}
