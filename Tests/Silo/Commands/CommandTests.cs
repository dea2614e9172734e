using Microsoft.Extensions.DependencyInjection;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Silo.Commands;
using NoslateFleet.Silo.Dashboard;
using NoslateFleet.Silo.Redis;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Common.Fleet;
using NoslateFleet.Tests.Silo.Hosting;

namespace NoslateFleet.Tests.Silo.Commands;

/// <summary>Tools that are no instances, against a real Redis.</summary>
public sealed class CommandTests
{
    [Theory]
    [InlineData]
    [InlineData("a-1")]
    [InlineData("a-1", "explode")]
    [InlineData("--Redis:Endpoints=redis:6379", "drain")]
    [InlineData("a-1", "drain", "--id")]
    [InlineData("a-1", "drain", "--id", "not an id")]
    [InlineData("a-1", "drain", "--id=")]
    public async Task Order_WronglyUsed_SaysHow(params string[] args)
    {
        var (code, _, error) = await RunAsync(OrderCommand.RunAsync, args);
        Assert.Equal(2, code);
        Assert.Contains(args.Length > 2 ? "--id is followed by" : "use order INSTANCE drain", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithoutRedis_TheMissingKeyIsNamed()
    {
        var (code, _, error) = await RunAsync(FleetCommand.RunAsync, []);
        Assert.Equal(2, code);
        Assert.Contains("Redis:Endpoints", error, StringComparison.Ordinal);
        Assert.Contains(
            "Redis:Endpoints", Assert.Throws<ConfigurationErrorsException>(() => DashboardApplication.Build([DashboardApplication.Option])).Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task RedisAway_IsOneLine_AndTheExitCodeIs1()
    {
        await using var redis = await RedisServer.StartAsync();
        redis.Kill();
        var (code, _, error) = await RunAsync(FleetCommand.RunAsync, ["--Redis:Endpoints=" + redis.Endpoint]);
        Assert.Equal(1, code);
        Assert.Contains("can't be reached", Assert.Single(error.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Fleet_IsATable_OfWhatTheDirectoryHas()
    {
        await using var redis = await RedisServer.StartAsync();
        await PublishAsync(redis, "b-2");
        await PublishAsync(redis, "a-1");
        var (code, output, _) = await RunAsync(FleetCommand.RunAsync, ["--Redis:Endpoints=" + redis.Endpoint]);
        var lines = output.TrimEnd('\n').Split('\n');
        Assert.Equal((0, 3), (code, lines.Length));
        Assert.StartsWith("INSTANCE  STANDING  PHASE", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("a-1       Active    Ready  Island", lines[1], StringComparison.Ordinal);
        Assert.StartsWith("b-2 ", lines[2], StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Order_ToAnIslandThatIsSilent_StandsInTheDirectory()
    {
        await using var redis = await RedisServer.StartAsync();
        await PublishAsync(redis, "a-1");
        var (code, output, _) = await RunAsync(OrderCommand.RunAsync, ["a-1", "drain", "--Redis:Endpoints=" + redis.Endpoint]);
        Assert.Equal(0, code);
        Assert.Contains("is placed and has no result yet", output, StringComparison.Ordinal);
        await using var services = Services(redis);
        var order = Assert.Single(await services.GetRequiredService<IFleetOrders>().ListAsync("a-1", CancellationToken.None)).Order;
        Assert.Equal((FleetOrderKind.Drain, "a-1"), (order.Kind, order.InstanceId));
    }

    [SkippableFact]
    public async Task Order_ToAnUnknownInstance_IsRefused()
    {
        await using var redis = await RedisServer.StartAsync();
        var (code, _, error) = await RunAsync(OrderCommand.RunAsync, ["ghost", "drain", "--Redis:Endpoints=" + redis.Endpoint]);
        Assert.Equal(1, code);
        Assert.Contains("no instance ghost", error, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task InAMesh_OrdersAreOfTheAdminApisKind_AndWhoGivesThemJoinsAsAClientOnly()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var it = await SiloUnderTest.StartMeshAsync(redis, "one");
        await it.UpAsync();
        string[] mesh = ["--Silo:Topology=Mesh", "--Redis:Endpoints=" + redis.Endpoint];
        var lifecycle = it.Services.GetRequiredService<InstanceLifecycle>();
        Assert.Equal(0, (await RunAsync(OrderCommand.RunAsync, ["one", "drain", .. mesh])).Code);
        await Until.TrueAsync(() => lifecycle.State.Phase == InstancePhase.Stopped, "it does not drain");
        Assert.Equal(0, (await RunAsync(OrderCommand.RunAsync, ["one", "undrain", .. mesh])).Code);
        Assert.NotEqual(InstancePhase.Stopped, lifecycle.State.Phase);
        Assert.Equal(1, (await RunAsync(OrderCommand.RunAsync, ["one", "undrain", .. mesh])).Code);
        Assert.Equal(0, (await RunAsync(OrderCommand.RunAsync, ["one", "flush", "--id", "mine", .. mesh])).Code);
        Assert.Equal(0, (await RunAsync(OrderCommand.RunAsync, ["one", "flush", .. mesh, "--id=mine"])).Code);
        Assert.Equal(1, (await RunAsync(OrderCommand.RunAsync, ["one", "drain", "--id=mine", .. mesh])).Code);
        var placed = await it.Services.GetRequiredService<IFleetOrders>().ListAsync("one", CancellationToken.None);
        Assert.Equal(
            [FleetOrderKind.Drain, FleetOrderKind.Undrain, FleetOrderKind.Undrain, FleetOrderKind.Flush], placed.Select(static state => state.Order.Kind));
        Assert.Equal("mine", placed[^1].Order.Id);
        Assert.All(placed, static state => Assert.NotNull(state.Result));
        Assert.Single(lifecycle.Recorder.After(0), static flight => flight.Kind == "order" && flight.Detail?.StartsWith("Flush: ", StringComparison.Ordinal) == true);
        var (code, _, error) = await RunAsync(OrderCommand.RunAsync, ["two", "drain", .. mesh]);
        Assert.Equal(1, code);
        Assert.Contains("no instance two", error, StringComparison.Ordinal);
        var rows = await redis.CliAsync("HKEYS", "{noslatefleet}:members:noslatefleet");
        Assert.Single(rows.Split('\n'), row => row.StartsWith("S127.0.0.1", StringComparison.Ordinal));
    }

    private static ServiceProvider Services(RedisServer redis) => new ServiceCollection().AddLogging()
        .AddNoslateFleetRedis(new Microsoft.Extensions.Configuration.ConfigurationManager { ["Redis:Endpoints"] = redis.Endpoint })
        .BuildServiceProvider();

    private static async Task PublishAsync(RedisServer redis, string id)
    {
        await using var services = Services(redis);
        await services.GetRequiredService<IFleetDirectory>().PublishAsync(
            Snapshots.Of("boot", instance: id) with { AsOf = DateTimeOffset.UtcNow, Topology = FleetTopology.Island }, CancellationToken.None);
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(Func<string[], TextWriter, TextWriter, Task<int>> command, string[] args)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var errors = new StringWriter { NewLine = "\n" };
        return (await command(args, output, errors), output.ToString(), errors.ToString());
    }
}
