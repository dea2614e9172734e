using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Silo.Configuration;
using NoslateFleet.Silo.Orders;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Silo.Hosting;
using NoslateFleet.Tests.Silo.Redis;

namespace NoslateFleet.Tests.Silo.Dashboard;

/// <summary>Orders of a Mesh where one of their two ways is closed.</summary>
public sealed class MeshFleetOrdersTests
{
    [SkippableFact]
    public async Task DirectoryAway_TheGrainBringsIt_AndASecondTimeChangesNothing()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var instance = await SiloUnderTest.StartMeshAsync(redis, "one");
        await instance.UpAsync();
        var lifecycle = instance.Services.GetRequiredService<InstanceLifecycle>();
        await using var client = new MeshClient(Settings(instance));
        var away = Away();
        var orders = new MeshFleetOrders(away.Parts.Orders, away.Directory, Settings(instance), client.ConnectAsync, NullLogger<MeshFleetOrders>.Instance);
        var drain = Order("o-1", "one", FleetOrderKind.Drain);

        Assert.Null((await orders.PlaceAsync(drain, default)).Result);
        Assert.NotNull(lifecycle.Stopping);
        await orders.PlaceAsync(drain, default);
        await orders.PlaceAsync(Order("o-2", "one", FleetOrderKind.Undrain), default);
        Assert.Equal(InstancePhase.Starting, lifecycle.State.Phase);

        // It was carried out: coming late, it does not undo what came after.
        await orders.PlaceAsync(drain, default);
        Assert.Equal(InstancePhase.Starting, lifecycle.State.Phase);
        Assert.Single(lifecycle.Recorder.After(0), static flight => flight.Detail?.StartsWith("drain, by ", StringComparison.Ordinal) == true);
    }

    [SkippableFact]
    public async Task RedisAway_AnInstancesAdminPortOrdersAnother_AndTheOrderIsInTheDirectoryLater()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var one = await SiloUnderTest.StartMeshAsync(redis, "one");
        await using var two = await SiloUnderTest.StartMeshAsync(redis, "two");
        await Task.WhenAll(one.UpAsync(), two.UpAsync());
        using var client = new HttpClient { BaseAddress = one.Admin };
        redis.Freeze();
        try
        {
            using var answer = await client.PostAsync(
                "/api/fleet/instances/two/orders", new StringContent("{\"kind\":\"drain\",\"id\":\"o-1\"}", null, "application/json"));
            Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
            Assert.NotNull(two.Services.GetRequiredService<InstanceLifecycle>().Stopping);
            using var unknown = await client.PostAsync(
                "/api/fleet/instances/three/orders", new StringContent("{\"kind\":\"drain\"}", null, "application/json"));
            Assert.Equal(HttpStatusCode.ServiceUnavailable, unknown.StatusCode);
        }
        finally
        {
            redis.Thaw();
        }

        var orders = one.Services.GetRequiredService<IFleetOrders>();
        await Until.TrueAsync(
            async () =>
            {
                try
                {
                    return await orders.ListAsync("two", default) is [{ Order.Id: "o-1", Result: not null }];
                }
                catch (FleetDirectoryException)
                {
                    return false;
                }
            },
            "the order does not come to the directory");
    }

    [SkippableFact]
    public async Task NeitherWayOpen_IsTheDirectorysError()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var instance = await SiloUnderTest.StartMeshAsync(redis, "one");
        await instance.UpAsync();
        await using var client = new MeshClient(Settings(instance));
        var away = Away();
        var orders = new MeshFleetOrders(away.Parts.Orders, away.Directory, Settings(instance), client.ConnectAsync, NullLogger<MeshFleetOrders>.Instance);
        await Assert.ThrowsAsync<FleetDirectoryException>(() => orders.PlaceAsync(Order("o-1", "two", FleetOrderKind.Flush), default));
    }

    [SkippableFact]
    public async Task Client_ConnectsWhenNeeded_AfterAFailureAnew_AndIsReused()
    {
        await using var redis = await RedisServer.StartAsync();
        var client = new MeshClient(
            new SiloSettings { Topology = FleetTopology.Mesh, Redis = { Endpoints = [redis.Endpoint] } }, TimeSpan.FromSeconds(2));
        await using (client)
        {
            await Assert.ThrowsAnyAsync<Exception>(() => client.ConnectAsync(default));
            await using var instance = await SiloUnderTest.StartMeshAsync(redis, "one");
            await instance.UpAsync();

            // A busy machine may take longer than one try may.
            await Until.TrueAsync(async () => await client.ConnectAsync(default).ContinueWith(static c => c.IsCompletedSuccessfully, TaskScheduler.Default), "it does not connect");
            var both = await Task.WhenAll(client.ConnectAsync(default), client.ConnectAsync(default));
            Assert.Same(both[0], both[1]);
            Assert.Same(both[0], await client.ConnectAsync(default));
        }

        await client.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.ConnectAsync(default));
    }

    private static SiloSettings Settings(SiloUnderTest instance) => instance.Services.GetRequiredService<SiloSettings>();

    private static RedisFleet Away() => new($"127.0.0.1:{FreePort.Next()}");

    private static FleetOrder Order(string id, string instance, FleetOrderKind kind) =>
        new(id, instance, null, kind, "tests", DateTimeOffset.UtcNow, DateTimeOffset.UtcNow + TimeSpan.FromHours(1));
}
