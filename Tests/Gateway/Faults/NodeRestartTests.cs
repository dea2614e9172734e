using System.Net;
using System.Text.Json;
using NoslateFleet.Emulator.Node;
using NoslateFleet.Noslate.Node;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Faults;

/// <summary>Planes that go and come back: what the gateway does by itself.</summary>
public sealed class NodeRestartTests
{
    private static readonly object[] _services =
    [
        new { name = "front", type = "default", selector = new { functionName = "mirror" } },
    ];

    [SkippableFact]
    public async Task DataPlaneComesBack_ServiceProfilesArePushedAgain_AndCallsWaitForTheProfiles()
    {
        var clock = NodeClock.Standing();
        await using var gateway = await GatewayUnderTest.StartAsync(services: _services, node: NodeClock.Options, nodeClock: clock);
        await AssertServedAsync(gateway, "service|front");
        await gateway.Node!.KillDataPlaneAsync();
        await Until.TrueAsync(() => !gateway.Client.Status.Reachable, "the loss was not seen");
        await gateway.Node.StartDataPlaneAsync();
        await Until.TrueAsync(() => gateway.Client.Status.Reachable, "the plane was not found again");

        // It can't be sent twice, so it tells that the plane really does not have the function yet.
        using (var connection = await RawConnection.OpenAsync(gateway.Port))
        {
            await connection.SendAsync("POST /invoke/mirror HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
            var refused = await connection.ReadAsync();
            Assert.Equal("503 data-plane resyncing never", ProblemSeen.Of(refused).ToString());
            Assert.Equal("2", refused.Header("retry-after"));
        }

        var calls = Task.WhenAll(AssertServedAsync(gateway, "mirror"), AssertServedAsync(gateway, "service|front"));
        await gateway.Node.WaitForAsync(it => it.OpenDataPlaneCalls > 1);
        Assert.False(calls.IsCompleted);
        clock.Advance(gateway.Node.Options.ProfileSyncDelay);
        await calls;
        using (var unknown = await gateway.Http.GetAsync(new Uri("/invoke/nobody", UriKind.Relative)))
        {
            Assert.Equal("404 data-plane unknown-function never", (await ProblemSeen.OfAsync(unknown)).ToString());
        }

        await gateway.Node.WaitForAsync(it => it.OpenDataPlaneCalls == 1);
    }

    [SkippableFact]
    public async Task ControlPlaneComesBack_FunctionProfilesArePushedAgain_AndCallsGoOnMeanwhile()
    {
        await using var gateway = await GatewayUnderTest.StartAsync();
        await AssertServedAsync(gateway, "mirror");
        await gateway.Node!.KillControlPlaneAsync();
        await Until.TrueAsync(() => !gateway.Client.Status.ControlPlanes[0].Connected, "the loss was not seen");
        await AssertServedAsync(gateway, "mirror");
        await gateway.Node.StartControlPlaneAsync();
        await Until.TrueAsync(
            () => gateway.Log.Count(line => line.Contains("are set on cp-0", StringComparison.Ordinal)) == 2, "the profiles were not pushed again");

        // Only a control plane that knows the function can start the first worker of it.
        using var answer = await gateway.Http.SendAsync(GatewayUnderTest.Scripted(["end", "x"]));
        Assert.Equal("x", await answer.Content.ReadAsStringAsync());
    }

    [SkippableFact]
    public async Task SeveralDataPlanes_CallsGoToThoseThatAreUp_AndALostOneIsFoundAgain()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(
            settings: [("Node:DataPlanes", "2")], node: directory => new EmulatorOptions { Workdir = directory, DataPlaneCount = 2 });
        await Until.TrueAsync(() => AllUp(gateway.Client), "not every plane was found");
        await AssertServedAsync(gateway, "mirror");
        await gateway.Node!.KillDataPlaneAsync(0);
        await Until.TrueAsync(() => !gateway.Client.Status.DataPlanes[0].Connected, "the loss was not seen");
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => AssertServedAsync(gateway, "mirror")));
        await gateway.Node.StartDataPlaneAsync(0);
        await Until.TrueAsync(() => AllUp(gateway.Client), "the plane was not found again");
        await gateway.Node.StopDataPlaneAsync(1);
        await Until.TrueAsync(() => !gateway.Client.Status.DataPlanes[1].Connected, "the loss was not seen");
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => AssertServedAsync(gateway, "mirror")));
    }

    [SkippableFact]
    public async Task FunctionTakenAwayWhileItsWorkerStarts_TheSetWaitsForTheWorker()
    {
        await using var gateway = await GatewayUnderTest.StartAsync();
        gateway.Node!.Faults.WorkerStartsHang = true;
        var waiting = gateway.Http.SendAsync(GatewayUnderTest.Scripted(["end", "x"]));
        await gateway.Node.WaitForAsync(it => it["script"].Workers.Count == 1);
        await WriteFunctionsAsync(gateway, GatewayUnderTest.Function("mirror"));
        await Until.TrueAsync(() => gateway.Client.Status.Profiles.State == ProfilesState.Pending, "the new file was not read");

        // The publisher looks at the workers again and again, and is bound to say so when that takes too long.
        await Until.TrueAsync(
            () => gateway.Client.Status.Profiles.Error?.Contains("workers are still being started", StringComparison.Ordinal) == true,
            "it did not say why the set is not sent");
        Assert.Equal(0, gateway.Node.EarlyRemovals);

        // However long that takes, all else is served as before, and nobody shall take the instance out of service for it.
        using (var ready = await gateway.Admin.GetAsync(new Uri("/readyz", UriKind.Relative)))
        {
            Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
        }

        gateway.Node.Faults.WorkerStartsHang = false;
        try
        {
            (await waiting).Dispose();
        }
        catch (HttpRequestException)
        {
            // The set takes the function away as soon as its worker has come up, under the very call that it was started for.
        }

        await Until.TrueAsync(() => gateway.Client.Status.Profiles.State == ProfilesState.Applied, "the set was not sent in the end");
        Assert.Equal(0, gateway.Node.EarlyRemovals);
        using var gone = await gateway.Http.SendAsync(GatewayUnderTest.Scripted(["end", "x"]));
        Assert.Equal(HttpStatusCode.NotFound, gone.StatusCode);
    }

    private static bool AllUp(INoslateNode client) => client.Status.DataPlanes.All(plane => plane.Connected);

    private static Task WriteFunctionsAsync(GatewayUnderTest gateway, params object[] functions) => File.WriteAllTextAsync(
        Path.Combine(gateway.Directory, "functions.json"), JsonSerializer.Serialize(new { functions, services = Array.Empty<object>() }));

    private static async Task AssertServedAsync(GatewayUnderTest gateway, string target)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/x") { Content = new StringContent("body"), Headers = { { "x-noslate-target", target } } };
        if (!target.Contains('|', StringComparison.Ordinal))
        {
            request.RequestUri = new Uri("/invoke/" + target, UriKind.Relative);
            request.Headers.Remove("x-noslate-target");
        }

        using var answer = await gateway.Http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, text);
        Assert.Equal("body", System.Text.Encoding.UTF8.GetString(Mirrored.Parse(System.Text.Encoding.UTF8.GetBytes(text)).Body));
    }
}
