using Microsoft.Playwright;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Dashboard.Harness;
using NoslateFleet.Tests.Gateway.Harness;
using static Microsoft.Playwright.Assertions;

namespace NoslateFleet.Tests.Dashboard.Pages;

/// <summary>Orders and profiles, by button.</summary>
[Collection(BrowserTests.Name)]
public sealed class ActionTests(Browser browser)
{
    private const string Good = """{"functions":[{"name":"resize","runtime":"nodejs","url":"file:///code/resize","signature":"1","handler":"index.handler"}]}""";

    [SkippableFact]
    public async Task Drain_IsAskedOnceMore_Ordered_AndItsResultShown()
    {
        await using var dashboard = await DashboardUnderTest.StartAsync();
        await dashboard.Fleet.PublishAsync(Samples.Instance("i-1") with { ContainerLife = "life-7" }, default);
        await using var window = await browser.OpenAsync();
        var page = window.Page;
        await page.GotoAsync(dashboard.Address + "/dashboard/instance?id=i-1");
        await page.GetByRole(AriaRole.Link, new() { Name = "Drain", Exact = true }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Drain i-1?" })).ToBeVisibleAsync();
        Assert.Empty(await dashboard.Fleet.ListAsync("i-1", default));
        await window.ShootAsync("confirm");
        await page.GetByRole(AriaRole.Button, new() { Name = "Drain" }).ClickAsync();
        await Expect(page.Locator("#orders")).ToContainTextAsync("A frozen one takes it when it thaws.");
        var order = Assert.Single(await dashboard.Fleet.ListAsync("i-1", default)).Order;
        Assert.Equal((FleetOrderKind.Drain, "life-7", "loopback"), (order.Kind, order.ContainerLife, order.By));
        Assert.Equal(new FleetOptions().OrderExpiry, order.ExpiresAt - order.PlacedAt);

        await FleetPageTests.LiveAsync(page);
        await dashboard.Fleet.CompleteAsync(
            new FleetOrderResult(order.Id, "i-1", "boot-1", 1, DateTimeOffset.UnixEpoch, FleetOrderOutcome.Done, "drained, nothing was cut off", Samples.Receipt(hook: "pre-stop")),
            default);
        await dashboard.Fleet.PublishAsync(Samples.Instance("i-1", 2, InstancePhase.Stopped), default);
        await Expect(page.Locator("#orders")).ToContainTextAsync("drained, nothing was cut off");
        await Expect(page.Locator("#orders .verdict")).ToHaveTextAsync("Clean");
        await Expect(page.Locator("#summary")).ToContainTextAsync("It said that it has stopped.");
        await window.ShootAsync("drained");
    }

    [SkippableFact]
    public async Task Drain_OfARealInstance_IsDoneByIt()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(settings: [("Lifecycle:InstanceId", "real-one")]);
        await using var window = await browser.OpenAsync();
        var page = window.Page;
        await page.GotoAsync($"http://127.0.0.1:{gateway.AdminPort}/dashboard/order?id=real-one&kind=Drain");
        await page.GetByRole(AriaRole.Button, new() { Name = "Drain" }).ClickAsync();
        await Expect(page.Locator("#orders .outcome")).ToHaveTextAsync("Done");
        await Expect(page.Locator("#orders .verdict")).ToHaveTextAsync("Clean");
        await Expect(page.Locator("#summary")).ToContainTextAsync("It said that it has stopped.");
        Assert.Equal(InstancePhase.Stopped, gateway.Lifecycle.State.Phase);
        await window.ShootAsync("drained-for-real");
    }

    [SkippableFact]
    public async Task Cancel_OrdersNothing()
    {
        await using var dashboard = await DashboardUnderTest.StartAsync();
        await dashboard.Fleet.PublishAsync(Samples.Instance("i-1"), default);
        await using var window = await browser.OpenAsync();
        await window.Page.GotoAsync(dashboard.Address + "/dashboard/order?id=i-1&kind=Flush");
        await window.Page.GetByRole(AriaRole.Link, new() { Name = "Cancel" }).ClickAsync();
        await Expect(window.Page).ToHaveURLAsync(dashboard.Address + "/dashboard/instance?id=i-1");
        Assert.Empty(await dashboard.Fleet.ListAsync("i-1", default));
    }

    [SkippableFact]
    public async Task Profiles_AreChecked_RolledOut_FollowedAndRolledBack()
    {
        await using var dashboard = await DashboardUnderTest.StartAsync();
        var profiles = (IFleetProfiles)dashboard.Fleet;
        await dashboard.Fleet.PublishAsync(Samples.Instance("i-1"), default);
        await dashboard.Fleet.PublishAsync(Samples.Instance("i-2"), default);
        await using var window = await browser.OpenAsync();
        window.MayComplain = true;
        var page = window.Page;
        await page.GotoAsync(dashboard.Address + "/dashboard/profiles");
        await Expect(page.Locator("#progress")).ToContainTextAsync("each instance goes by its own functions file");
        await page.GetByRole(AriaRole.Link, new() { Name = "New version" }).ClickAsync();

        // What is wrong is told, all of it, and nothing is set.
        await page.GetByLabel("Functions file").FillAsync("""{"functions":[{"name":"resize","runtime":"cobol"}]}""");
        await page.GetByRole(AriaRole.Button, new() { Name = "Check" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("runtime");
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Roll out" })).ToHaveCountAsync(0);
        await window.ShootAsync("profiles-wrong");

        await page.GetByLabel("Functions file").FillAsync(Good);
        await page.GetByRole(AriaRole.Button, new() { Name = "Check" }).ClickAsync();
        await Expect(page.GetByText("It is valid.")).ToBeVisibleAsync();
        Assert.Null(await profiles.ReadAsync(default));
        await window.ShootAsync("profiles-checked");
        await page.GetByRole(AriaRole.Button, new() { Name = "Roll out to the fleet" }).ClickAsync();
        await Expect(page).ToHaveURLAsync(dashboard.Address + "/dashboard/profiles");
        await Expect(page.Locator("#progress")).ToContainTextAsync("0 / 2");
        Assert.Equal(Good, (await profiles.ReadAsync(default))!.Json);

        await FleetPageTests.LiveAsync(page);
        await dashboard.Fleet.PublishAsync(Samples.Instance("i-1", 2) with { FleetProfileVersion = 1 }, default);
        await Expect(page.Locator("#progress")).ToContainTextAsync("1 / 2");
        await dashboard.Fleet.PublishAsync(Samples.Instance("i-2", 2) with { FleetProfileError = "version 1: <b>no</b> such code" }, default);
        await Expect(page.Locator("#progress")).ToContainTextAsync("version 1: <b>no</b> such code");
        await window.ShootAsync("profiles");

        await profiles.SetAsync("""{"functions":[]}""", "somebody", 1, null, default);
        await page.ReloadAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Roll back v1" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Roll back" }).ClickAsync();
        await Expect(page.Locator("#versions")).ToContainTextAsync("as v1");
        var present = (await profiles.ReadAsync(default))!;
        Assert.Equal((3, Good, 1), (present.Version, present.Json, present.RolledBackTo));
    }

    [SkippableFact]
    public async Task ProfilesSetMeanwhile_AreNotReplaced()
    {
        await using var dashboard = await DashboardUnderTest.StartAsync();
        var profiles = (IFleetProfiles)dashboard.Fleet;
        await using var window = await browser.OpenAsync();
        window.MayComplain = true;
        var page = window.Page;
        await page.GotoAsync(dashboard.Address + "/dashboard/profiles/edit");
        await page.GetByLabel("Functions file").FillAsync(Good);
        await page.GetByRole(AriaRole.Button, new() { Name = "Check" }).ClickAsync();
        await profiles.SetAsync("{}", "somebody", 0, null, default);
        await page.GetByRole(AriaRole.Button, new() { Name = "Roll out" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Somebody was faster" })).ToBeVisibleAsync();
        Assert.Equal("{}", (await profiles.ReadAsync(default))!.Json);
    }

    /// <summary>By the rules of today, as the API does it: what an older program could apply may stop this one.</summary>
    [SkippableFact]
    public async Task RollBack_ToAVersionThatIsValidNoMore_SetsNothing_AndSaysWhy()
    {
        await using var dashboard = await DashboardUnderTest.StartAsync();
        var profiles = (IFleetProfiles)dashboard.Fleet;
        await profiles.SetAsync("""{"functions":[{"name":"resize","runtime":"cobol"}]}""", "an older program", 0, null, default);
        await profiles.SetAsync(Good, "somebody", 1, null, default);
        await using var window = await browser.OpenAsync();
        window.MayComplain = true;
        await window.Page.GotoAsync(dashboard.Address + "/dashboard/profiles/roll-back?to=1");
        await window.Page.GetByRole(AriaRole.Button, new() { Name = "Roll back" }).ClickAsync();
        await Expect(window.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("runtime");
        Assert.Equal(2, (await profiles.ReadAsync(default))!.Version);
    }
}
