using Microsoft.Playwright;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Dashboard.Harness;
using static Microsoft.Playwright.Assertions;

namespace NoslateFleet.Tests.Dashboard.Pages;

/// <summary>What instances, functions and queries say is text, whatever it looks like.</summary>
[Collection(BrowserTests.Name)]
public sealed class HostileTests(Browser browser)
{
    private const string Evil = "<img src=x onerror=\"window.hacked=1\"><script>window.hacked=1</script>'\"</script>";

    [SkippableFact]
    public async Task NamesErrorsAndDetails_AreShownAsText_InPagesAndInChanges()
    {
        await using var dashboard = await DashboardUnderTest.StartAsync();
        await TellAsync(1);
        await dashboard.Fleet.AppendAsync(Evil, [Samples.Event(1, Evil, Evil), new InstanceRecord(RecordKind.Receipt, Evil, 1, default, "{\"hook\":null}"),
            new InstanceRecord(RecordKind.RecorderEvent, "b", 2, default, "not json " + Evil)], default);
        await dashboard.Fleet.PlaceAsync(new FleetOrder(Evil, Evil, Evil, FleetOrderKind.Flush, Evil, default, DateTimeOffset.UnixEpoch.AddDays(1)), default);
        await dashboard.Fleet.CompleteAsync(new FleetOrderResult(Evil, Evil, Evil, 1, default, FleetOrderOutcome.Failed, Evil, "{" + Evil), default);
        await ((IFleetProfiles)dashboard.Fleet).SetAsync("{}", Evil, null, null, default);
        var id = Uri.EscapeDataString(Evil);
        string[] paths =
        [
            "/dashboard", "/dashboard?q=" + id, "/dashboard?function=" + id + "&sort=" + id, "/dashboard/instance?id=" + id, "/dashboard/function?name=" + id,
            "/dashboard/profiles", "/dashboard/order?kind=Drain&id=" + id,
        ];
        await using var window = await browser.OpenAsync();
        var page = window.Page;
        for (var i = 0; i < paths.Length; i++)
        {
            await page.GotoAsync(dashboard.Address + paths[i]);
            if (i != 1 && i != 2)
            {
                await Expect(page.Locator("main")).ToContainTextAsync(Evil);
            }

            if (await page.Locator("#live").CountAsync() > 0)
            {
                await FleetPageTests.LiveAsync(page);
                await TellAsync(i + 2);
                await Expect(page.Locator("#status")).ToHaveCountAsync(1);
            }

            Assert.Equal(0, await page.EvaluateAsync<int>("window.hacked ?? 0"));
            Assert.Equal(0, await page.Locator("main img, main script").CountAsync());
        }

        await page.GotoAsync(dashboard.Address + "/dashboard/instance?id=" + id);
        await Expect(page.Locator("#timeline")).ToContainTextAsync("can't be read by this version");
        await window.ShootAsync("hostile");

        Task TellAsync(int sequence) => dashboard.Fleet.PublishAsync(
            Samples.Instance(Evil, sequence, functions: Samples.Function(Evil, worker: Evil)) with
            {
                Boot = Evil, FleetProfileError = Evil, LastReceiptJson = "{\"hook\":\"" + "<script>" + "\",\"steps\":[null]}", ContainerLife = Evil,
            },
            default);
    }

    [SkippableFact]
    public async Task WrongProfiles_AreToldAsText()
    {
        await using var dashboard = await DashboardUnderTest.StartAsync();
        await using var window = await browser.OpenAsync();
        window.MayComplain = true;
        var page = window.Page;
        await page.GotoAsync(dashboard.Address + "/dashboard/profiles/edit");
        var draft = "</textarea>" + Evil;
        await page.GetByLabel("Functions file").FillAsync(draft);
        await page.GetByRole(AriaRole.Button, new() { Name = "Check" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Alert)).ToBeVisibleAsync();
        await Expect(page.GetByLabel("Functions file")).ToHaveValueAsync(draft);
        Assert.Equal(0, await page.EvaluateAsync<int>("window.hacked ?? 0"));
    }

    [Fact]
    public async Task EveryAnswer_TellsTheBrowserWhatItMay()
    {
        await using var dashboard = await DashboardUnderTest.StartAsync(open: false, token: DashboardUnderTest.Token);
        foreach (var path in new[] { "/dashboard", "/dashboard/sign-in", "/dashboard/events", "/dashboard/assets/none.css" })
        {
            using var response = await dashboard.Http.GetAsync(path);
            var policy = response.Headers.GetValues("Content-Security-Policy").Single();
            Assert.StartsWith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';", policy, StringComparison.Ordinal);
            Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
            Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
            Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
            Assert.Equal("same-origin", response.Headers.GetValues("Referrer-Policy").Single());
            Assert.True(response.Headers.CacheControl!.NoStore);
        }
    }

    [Fact]
    public async Task Assets_BearTheirHash_AndMayBeKept_AndPagesNameNothingElse()
    {
        await using var dashboard = await DashboardUnderTest.StartAsync();
        var html = await dashboard.GetAsync("/dashboard");
        var links = System.Text.RegularExpressions.Regex.Matches(html, "(?:src|href)=\"([^\"]+)\"").Select(static match => match.Groups[1].Value).ToList();
        Assert.All(links, static link => Assert.True(link.StartsWith("/dashboard", StringComparison.Ordinal) || link.StartsWith('#'), link));
        var assets = links.Where(static link => link.StartsWith("/dashboard/assets/", StringComparison.Ordinal)).Distinct().ToList();
        Assert.Equal(3, assets.Count);
        foreach (var asset in assets)
        {
            using var response = await dashboard.Http.GetAsync(asset);
            Assert.Equal(200, (int)response.StatusCode);
            Assert.Contains("immutable", response.Headers.CacheControl!.ToString(), StringComparison.Ordinal);
            var hash = System.Buffers.Text.Base64Url.EncodeToString(System.Security.Cryptography.SHA256.HashData(await response.Content.ReadAsByteArrayAsync()).AsSpan(0, 9));
            Assert.Contains(hash, asset, StringComparison.Ordinal);
        }
    }

    /// <summary>In an outage, whoever follows a link to an instance must not be told that there is none of that id.</summary>
    [Theory]
    [InlineData("/dashboard/instance?id=i-1")]
    [InlineData("/dashboard/function?name=hello")]
    [InlineData("/dashboard/order?id=i-1&kind=Drain")]
    public async Task WhileTheDirectoryCantBeRead_NothingIsSaidNotToBeThere(string path)
    {
        await using var dashboard = await DashboardUnderTest.StartAsync();
        dashboard.Directory.Break();
        using (var response = await dashboard.Http.GetAsync(path))
        {
            Assert.Equal(503, (int)response.StatusCode);
            Assert.Equal("5", Assert.Single(response.Headers.GetValues("Refresh")));
            Assert.Contains("could not be read from the directory", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        dashboard.Directory.Heal();
        await Until.TrueAsync(
            async () =>
            {
                using var response = await dashboard.Http.GetAsync(path);
                return (int)response.StatusCode == 404;
            },
            "the page does not find out that the directory is read again");
    }

    [Fact]
    public async Task UnknownThings_AreNotFound()
    {
        await using var dashboard = await DashboardUnderTest.StartAsync();
        foreach (var path in new[] { "/dashboard/instance?id=none", "/dashboard/instance", "/dashboard/function?name=none", "/dashboard/order?id=none&kind=Drain", "/dashboard/profiles/roll-back?to=7" })
        {
            Assert.Equal(404, (int)(await dashboard.Http.GetAsync(path)).StatusCode);
        }

        await dashboard.Fleet.PublishAsync(Samples.Instance("i-1"), default);
        Assert.Equal(404, (int)(await dashboard.Http.GetAsync("/dashboard/order?id=i-1&kind=Unknown")).StatusCode);
    }
}
