using System.Net;
using System.Text.Json;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Lifecycle;

/// <summary>/pre-freeze, and thaws with and without it.</summary>
public sealed class FreezeTests
{
    [SkippableFact]
    public async Task PreFreeze_OfAnIdleInstance_IsCleanAndFrozen_AndTheNextRequestIsServedInANewEpoch()
    {
        await using var gateway = await StartAsync();
        var receipt = PlatformCalls.Receipt(await gateway.CallAsync("/pre-freeze"));
        Assert.Equal(
            ("pre-freeze", "Clean", "Frozen", false, 1L),
            (receipt.Text("hook"), receipt.Text("verdict"), receipt.Text("phase"), receipt.Flag("calledOff"), receipt.GetProperty("epoch").GetInt64()));
        Assert.Equal(200, (await gateway.SendAsync("GET", "/")).Status);
        Assert.Equal((InstancePhase.Ready, 2L), (gateway.Lifecycle.State.Phase, gateway.Lifecycle.State.Epoch));
        Assert.Equal((1, 1L), ((await gateway.SettledAsync()).Completed, gateway.Lifecycle.Accounting.Read().Thaws));
    }

    [SkippableFact]
    public async Task ARequestDuringPreFreeze_IsServed_AndCallsItOff()
    {
        await using var gateway = await StartAsync();
        var going = gateway.Flag("going");
        var go = gateway.Flag("go");
        var running = gateway.Http.SendAsync(GatewayUnderTest.Scripted(["touch", going], ["await", go], ["end", "whole"]));
        await GatewayUnderTest.AppearsAsync(going);
        var freeze = gateway.CallAsync("/pre-freeze");
        await Until.TrueAsync(() => gateway.Lifecycle.State.Phase == InstancePhase.Freezing, "the freeze does not begin");
        Assert.Equal(200, (await gateway.SendAsync("GET", "/")).Status);
        var receipt = PlatformCalls.Receipt(await freeze);
        Assert.Equal((true, "Ready"), (receipt.Flag("calledOff"), receipt.Text("phase")));

        // The receipt is made out while the request that called it off is served, or after it.
        Assert.InRange(receipt.GetProperty("inFlight").GetInt32(), 1, 2);
        Assert.Equal((InstancePhase.Ready, 1L), (gateway.Lifecycle.State.Phase, gateway.Lifecycle.State.Epoch));
        await File.WriteAllTextAsync(go, "");
        using var response = await running;
        Assert.Equal("whole", await response.Content.ReadAsStringAsync());
        Assert.Equal(2, (await gateway.SettledAsync()).Completed);
    }

    [SkippableFact]
    public async Task PreFreeze_LetsWhatRunsEnd()
    {
        await using var gateway = await StartAsync();
        var going = gateway.Flag("going");
        var go = gateway.Flag("go");
        var running = gateway.Http.SendAsync(GatewayUnderTest.Scripted(["touch", going], ["await", go], ["end", "whole"]));
        await GatewayUnderTest.AppearsAsync(going);
        var freeze = gateway.CallAsync("/pre-freeze");
        await Until.TrueAsync(() => gateway.Lifecycle.State.Phase == InstancePhase.Freezing, "the freeze does not begin");
        await File.WriteAllTextAsync(go, "");
        var receipt = PlatformCalls.Receipt(await freeze);
        Assert.Equal(("Clean", "Frozen", 0), (receipt.Text("verdict"), receipt.Text("phase"), receipt.GetProperty("inFlight").GetInt32()));
        using var response = await running;
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [SkippableFact]
    public async Task PreFreeze_OverItsBudget_IsForced_AndAbandonsNothing()
    {
        await using var gateway = await StartAsync(
            ("Lifecycle:FreezeBudget", "2500ms"), ("Lifecycle:FlushBudget", "200ms"), ("Lifecycle:AnswerMargin", "1200ms"));
        var going = gateway.Flag("going");
        var go = gateway.Flag("go");
        var running = gateway.Http.SendAsync(GatewayUnderTest.Scripted(["touch", going], ["await", go], ["end", "whole"]));
        await GatewayUnderTest.AppearsAsync(going);
        var receipt = PlatformCalls.Receipt(await gateway.CallAsync("/pre-freeze"));
        Assert.Equal(("Forced", "Frozen", 1), (receipt.Text("verdict"), receipt.Text("phase"), receipt.GetProperty("inFlight").GetInt32()));
        Assert.InRange(receipt.GetProperty("ms").GetDouble(), 0, 2500);
        await File.WriteAllTextAsync(go, "");
        using var response = await running;
        Assert.Equal("whole", await response.Content.ReadAsStringAsync());
        Assert.Equal((1, 0), ((await gateway.SettledAsync()).Completed, (await gateway.SettledAsync()).Abandoned));
    }

    [SkippableFact]
    public async Task AStop_DuringPreFreeze_TakesOver()
    {
        await using var gateway = await StartAsync();
        var going = gateway.Flag("going");
        var go = gateway.Flag("go");
        var running = gateway.Http.SendAsync(GatewayUnderTest.Scripted(["touch", going], ["await", go], ["end", "whole"]));
        await GatewayUnderTest.AppearsAsync(going);
        var freeze = gateway.CallAsync("/pre-freeze");
        await Until.TrueAsync(() => gateway.Lifecycle.State.Phase == InstancePhase.Freezing, "the freeze does not begin");
        var stop = gateway.CallAsync("/pre-stop");
        Assert.True(PlatformCalls.Receipt(await freeze).Flag("calledOff"));
        await File.WriteAllTextAsync(go, "");
        Assert.Equal("Stopped", PlatformCalls.Receipt(await stop).Text("phase"));
        using var response = await running;
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    /// <summary>A frozen process sees only that time has passed, and that its data plane's connection may be gone.</summary>
    [SkippableTheory]
    [InlineData(12, false)]
    [InlineData(60, false)]
    [InlineData(60, true)]
    [InlineData(36 * 3600, true)]
    public async Task TheFirstRequestAfterAFreeze_IsServed_AtItsFirstTry(double seconds, bool planeRestarted)
    {
        var time = new JumpingTime();
        await using var gateway = await GatewayUnderTest.StartAsync(settings: PlatformCalls.Settings, time: time);
        Assert.Equal(200, (await gateway.CallAsync("/initialize")).Status);
        using var connection = await RawConnection.OpenAsync(gateway.Port);
        await connection.SendAsync(GatewayRequests.Text("GET", "/"));
        Assert.Equal(200, (await connection.ReadAsync()).Status);
        if (planeRestarted)
        {
            await gateway.Node!.StopDataPlaneAsync();
            await gateway.Node.StartDataPlaneAsync();
        }

        time.Jump(TimeSpan.FromSeconds(seconds));
        await connection.SendAsync(GatewayRequests.Text("GET", "/"));
        Assert.Equal(200, (await connection.ReadAsync()).Status);
        Assert.Equal((InstancePhase.Ready, 2L), (gateway.Lifecycle.State.Phase, gateway.Lifecycle.State.Epoch));
        await gateway.SettledAsync();

        // Told after the invocation's end.
        await Until.TrueAsync(() => gateway.Lifecycle.Accounting.Read().ThawToFirstAnswer.Sum() == 1, "the first answer after the thaw is not counted");
        var account = gateway.Lifecycle.Accounting.Read();
        Assert.Equal(1, account.Thaws);
        Assert.InRange(account.FrozenSeconds, seconds, seconds + 5);
        Assert.Equal((2, 2), ((await gateway.SettledAsync()).Accepted, (await gateway.SettledAsync()).Completed));
    }

    [SkippableFact]
    public async Task AHungDataPlane_HoldsTheFirstRequestUp_NoLongerThanTheCheckMay()
    {
        var time = new JumpingTime();
        await using var gateway = await GatewayUnderTest.StartAsync(settings: [.. PlatformCalls.Settings, ("Lifecycle:ThawCheck", "200ms")], time: time);
        Assert.Equal(200, (await gateway.CallAsync("/initialize")).Status);
        gateway.Node!.Faults.DataPlane = NoslateFleet.Emulator.Node.CallFault.Silence;
        time.Jump(TimeSpan.FromMinutes(1));
        Assert.Equal(200, (await gateway.SendAsync("GET", "/")).Status);
        Assert.Equal(2, gateway.Lifecycle.State.Epoch);
    }

    [SkippableFact]
    public async Task FrozenWithARequestRunning_ItSettlesOnce_InItsOwnEpoch()
    {
        var time = new JumpingTime();
        await using var gateway = await GatewayUnderTest.StartAsync(settings: PlatformCalls.Settings, time: time);
        Assert.Equal(200, (await gateway.CallAsync("/initialize")).Status);
        var going = gateway.Flag("going");
        var go = gateway.Flag("go");
        var running = gateway.Http.SendAsync(GatewayUnderTest.Scripted(["touch", going], ["await", go], ["end", "whole"]));
        await GatewayUnderTest.AppearsAsync(going);
        time.Jump(TimeSpan.FromSeconds(30));
        await Until.TrueAsync(() => gateway.Lifecycle.State.Epoch == 2, "the thaw is not noticed");
        Assert.Equal(1, gateway.Ledger.Snapshot().InFlightOfOlderEpochs);
        Assert.Equal(1, Assert.Single(gateway.Ledger.ListOpen()).Epoch);
        await File.WriteAllTextAsync(go, "");
        using var response = await running;
        Assert.Equal("whole", await response.Content.ReadAsStringAsync());
        Assert.Equal(1, (await gateway.SettledAsync()).Completed);
    }

    [SkippableFact]
    public async Task AFalseAlarm_HarmsNoRequest()
    {
        var time = new JumpingTime();
        await using var gateway = await GatewayUnderTest.StartAsync(settings: PlatformCalls.Settings, time: time);
        Assert.Equal(200, (await gateway.CallAsync("/initialize")).Status);
        using var stop = new CancellationTokenSource();
        var answered = new int[4];
        var load = Task.WhenAll(Enumerable.Range(0, answered.Length).Select(async i =>
        {
            while (!stop.IsCancellationRequested)
            {
                using var response = await gateway.Http.GetAsync("/");
                Assert.Equal(HttpStatusCode.OK, response.StatusCode);
                Interlocked.Increment(ref answered[i]);
            }
        }));
        for (var alarm = 2; alarm < 12; alarm++)
        {
            int[] before = [.. answered];
            time.Jump(TimeSpan.FromSeconds(20));

            // No request lives through more alarms than one: three are its deadline.
            await Until.TrueAsync(
                () => load.IsCompleted || (gateway.Lifecycle.State.Epoch >= alarm && before.Zip(answered).All(it => it.Second > it.First)), "no alarm, or no answer");
        }

        await stop.CancelAsync();
        await load;
        var sent = answered.Sum();
        var counts = await gateway.SettledAsync();
        Assert.Equal((sent, sent), (counts.Accepted, counts.Completed));
    }

    [SkippableFact]
    public async Task TheInstanceApi_TellsPhaseEpochReceiptAndTime()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(settings: [("Lifecycle:ThawThreshold", "10s")]);
        using (var hook = await gateway.Admin.PostAsync("/pre-freeze", null))
        {
            Assert.Equal(HttpStatusCode.OK, hook.StatusCode);
        }

        var instance = JsonDocument.Parse(await gateway.Admin.GetStringAsync("/api/instance")).RootElement;
        Assert.Equal(("Frozen", 1L), (instance.Text("phase"), instance.GetProperty("epoch").GetInt64()));
        Assert.Equal("pre-freeze", instance.GetProperty("lastReceipt").Text("hook"));
        Assert.True(instance.GetProperty("time").GetProperty("warmIdleSeconds").GetDouble() > 0);
        Assert.Contains(instance.GetProperty("events").EnumerateArray(), e => e.Text("kind") == "phase");
    }

    private static async Task<GatewayUnderTest> StartAsync(params (string Key, string Value)[] more)
    {
        var gateway = await GatewayUnderTest.StartAsync(settings: [.. PlatformCalls.Settings, .. more]);
        Assert.Equal(200, (await gateway.CallAsync("/initialize")).Status);
        return gateway;
    }
}
