using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Gateway.Dashboard;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Dashboard.Harness;
using NoslateFleet.Tests.Gateway.Harness;
using static Microsoft.Playwright.Assertions;

namespace NoslateFleet.Tests.Dashboard.Pages;

/// <summary>Who gets in, and how.</summary>
[Collection(BrowserTests.Name)]
public sealed class SignInTests(Browser browser)
{
    [SkippableFact]
    public async Task Token_OpensThePageAskedFor_AndSignOutClosesIt()
    {
        await using var dashboard = await DashboardUnderTest.StartAsync(open: false, token: DashboardUnderTest.Token);
        await dashboard.Fleet.PublishAsync(Samples.Instance("i-1"), default);
        await using var window = await browser.OpenAsync();
        var page = window.Page;
        await page.GotoAsync(dashboard.Address + "/dashboard/instance?id=i-1");
        await Expect(page).ToHaveURLAsync(new System.Text.RegularExpressions.Regex("/dashboard/sign-in"));
        await window.ShootAsync("sign-in");
        await page.GetByLabel("Token").FillAsync(DashboardUnderTest.Token);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Expect(page).ToHaveURLAsync(dashboard.Address + "/dashboard/instance?id=i-1");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "i-1" })).ToBeVisibleAsync();

        var cookie = Assert.Single(await window.Context.CookiesAsync());
        Assert.True(cookie is { HttpOnly: true, SameSite: SameSiteAttribute.Strict, Path: "/dashboard", Secure: false });
        Assert.DoesNotContain(DashboardUnderTest.Token, cookie.Value, StringComparison.Ordinal);

        await page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await Expect(page).ToHaveURLAsync(new System.Text.RegularExpressions.Regex("/dashboard/sign-in"));
        Assert.Empty(await window.Context.CookiesAsync());

        // The session is gone, not only its cookie.
        using var again = await SendAsync(dashboard, HttpMethod.Get, "/dashboard", cookie: cookie.Value);
        Assert.Equal(HttpStatusCode.SeeOther, again.StatusCode);
    }

    [SkippableFact]
    public async Task WrongToken_IsTold_AndOpensNothing()
    {
        await using var dashboard = await DashboardUnderTest.StartAsync(open: false, token: DashboardUnderTest.Token);
        await using var window = await browser.OpenAsync();
        window.MayComplain = true;
        var page = window.Page;
        await page.GotoAsync(dashboard.Address + "/dashboard");
        await page.GetByLabel("Token").FillAsync("wrong");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("This token opens nothing here.");
        await Expect(page.GetByLabel("Token")).ToHaveAttributeAsync("aria-invalid", "true");
        Assert.Empty(await window.Context.CookiesAsync());
        Assert.DoesNotContain(dashboard.Log, line => line.Contains("wrong", StringComparison.Ordinal));
        await window.ShootAsync("sign-in-wrong");
    }

    [Fact]
    public async Task WithoutSession_PagesLeadToSignIn_AndAllElseIsRefused()
    {
        await using var dashboard = await DashboardUnderTest.StartAsync(open: false, token: DashboardUnderTest.Token);
        foreach (var path in new[] { "/dashboard", "/dashboard/function?name=f", "/dashboard/profiles", "/dashboard/profiles/edit", "/dashboard/order?id=i&kind=Drain" })
        {
            using var response = await dashboard.Http.GetAsync(path);
            Assert.Equal(HttpStatusCode.SeeOther, response.StatusCode);
            Assert.Equal("/dashboard/sign-in?return=" + Uri.EscapeDataString(path), response.Headers.Location!.OriginalString);
        }

        Assert.Equal(HttpStatusCode.Unauthorized, (await dashboard.Http.GetAsync("/dashboard/events?view=fleet")).StatusCode);
        foreach (var path in new[] { "/dashboard/order", "/dashboard/profiles/set", "/dashboard/profiles/check", "/dashboard/profiles/roll-back", "/dashboard/sign-out" })
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await PostAsync(dashboard, path, [])).StatusCode);
        }
    }

    [Fact]
    public async Task SharedNetworkWithoutAToken_ServesNothing()
    {
        await using var dashboard = await DashboardUnderTest.StartAsync(open: false);
        foreach (var path in new[] { "/dashboard", "/dashboard/sign-in", "/dashboard/profiles", "/dashboard/events" })
        {
            Assert.Equal(HttpStatusCode.NotFound, (await dashboard.Http.GetAsync(path)).StatusCode);
        }

        Assert.Equal(HttpStatusCode.NotFound, (await PostAsync(dashboard, "/dashboard/sign-in", [("secret", "x")])).StatusCode);
    }

    [Theory]
    [InlineData("evil.example:9001", HttpStatusCode.NotFound)]
    [InlineData("localhost:9001", HttpStatusCode.OK)]
    [InlineData("127.0.0.1", HttpStatusCode.OK)]
    public async Task OpenLoopback_IsBelievedByANameThatIsNobodys(string host, HttpStatusCode status)
    {
        await using var dashboard = await DashboardUnderTest.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/dashboard") { Headers = { Host = host } };
        using var response = await dashboard.Http.SendAsync(request);
        Assert.Equal(status, response.StatusCode);
    }

    [Fact]
    public async Task BearerToken_OpensAPage()
    {
        await using var dashboard = await DashboardUnderTest.StartAsync(open: false, token: DashboardUnderTest.Token);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/dashboard") { Headers = { { "Authorization", "Bearer " + DashboardUnderTest.Token } } };
        using var response = await dashboard.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Theory]
    [InlineData("/dashboard/profiles", "/dashboard/profiles")]
    [InlineData("/dashboard?q=a", "/dashboard?q=a")]
    [InlineData("https://evil.example/", "/dashboard")]
    [InlineData("//evil.example/dashboard", "/dashboard")]
    [InlineData("/dashboardx", "/dashboard")]
    [InlineData("/dashboard/\\evil.example", "/dashboard")]
    [InlineData("/dashboard/\r\nx: y", "/dashboard")]
    [InlineData("/dashboard/sign-out", "/dashboard")]
    public async Task SignIn_LeadsOnlyToPagesOfItsOwn(string wanted, string location)
    {
        await using var dashboard = await DashboardUnderTest.StartAsync(open: false, token: DashboardUnderTest.Token);
        using var response = await PostAsync(
            dashboard, "/dashboard/sign-in", [("secret", DashboardUnderTest.Token), ("return", wanted), ("token", await FormTokenAsync(dashboard, "/dashboard/sign-in"))]);
        Assert.Equal((HttpStatusCode.SeeOther, location), (response.StatusCode, response.Headers.Location!.OriginalString));
        Assert.Contains(response.Headers.GetValues("Set-Cookie"), cookie =>
            cookie.Contains("httponly", StringComparison.OrdinalIgnoreCase) && cookie.Contains("samesite=strict", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task FormThatIsNotOurs_IsRefused()
    {
        await using var dashboard = await DashboardUnderTest.StartAsync(open: false, token: DashboardUnderTest.Token);
        var token = await FormTokenAsync(dashboard, "/dashboard/sign-in");
        (string, string) secret = ("secret", DashboardUnderTest.Token);
        Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync(dashboard, "/dashboard/sign-in", [secret])).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync(dashboard, "/dashboard/sign-in", [secret, ("token", token[..^1])])).StatusCode);
        Assert.Equal(
            HttpStatusCode.BadRequest, (await PostAsync(dashboard, "/dashboard/sign-in", [secret, ("token", token)], header: ("Origin", "https://evil.example"))).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync(dashboard, "/dashboard/sign-in", [secret, ("token", token)], header: ("Origin", "null"))).StatusCode);
        Assert.Equal(
            HttpStatusCode.BadRequest, (await PostAsync(dashboard, "/dashboard/sign-in", [secret, ("token", token)], header: ("Sec-Fetch-Site", "cross-site"))).StatusCode);
        Assert.Equal(HttpStatusCode.SeeOther, (await PostAsync(dashboard, "/dashboard/sign-in", [secret, ("token", token)])).StatusCode);
    }

    /// <summary>As behind an ingress: the browser's page is of https, and this end sees http.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData("same-origin")]
    public async Task BehindAProxyThatEndsTls_OneSignsIn_AndTheCookieIsSecure(string? site)
    {
        await using var dashboard = await DashboardUnderTest.StartAsync(open: false, token: DashboardUnderTest.Token);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/dashboard/sign-in")
        {
            Content = new FormUrlEncodedContent([
                KeyValuePair.Create("secret", DashboardUnderTest.Token), KeyValuePair.Create("token", await FormTokenAsync(dashboard, "/dashboard/sign-in"))]),
        };
        request.Headers.Add("Origin", "https://fleet.example.com");
        request.Headers.Host = "fleet.example.com";
        if (site is not null)
        {
            request.Headers.Add("Sec-Fetch-Site", site);
        }

        using var response = await dashboard.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.SeeOther, response.StatusCode);
        Assert.Contains("; secure", response.Headers.GetValues("Set-Cookie").Single(), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task ActionWithAnotherSessionsFormToken_IsRefused()
    {
        await using var dashboard = await DashboardUnderTest.StartAsync(open: false, token: DashboardUnderTest.Token);
        await dashboard.Fleet.PublishAsync(Samples.Instance("i-1"), default);
        var (one, two) = (await SignInAsync(dashboard), await SignInAsync(dashboard));
        var token = await FormTokenAsync(dashboard, "/dashboard/order?id=i-1&kind=Drain", one);
        (string, string)[] form = [("id", "i-1"), ("kind", "Drain"), ("order", Guid.NewGuid().ToString("N")), ("token", token)];
        Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync(dashboard, "/dashboard/order", form, two)).StatusCode);
        Assert.Empty(await dashboard.Fleet.ListAsync("i-1", default));
        Assert.Equal(HttpStatusCode.SeeOther, (await PostAsync(dashboard, "/dashboard/order", form, one)).StatusCode);

        // Sent twice is ordered once.
        Assert.Equal(HttpStatusCode.SeeOther, (await PostAsync(dashboard, "/dashboard/order", form, one)).StatusCode);
        Assert.Equal("admin", Assert.Single(await dashboard.Fleet.ListAsync("i-1", default)).Order.By);
    }

    [Fact]
    public async Task ManyFailures_HaveToWait_AlsoWithTheRightToken()
    {
        await using var dashboard = await DashboardUnderTest.StartAsync(open: false, token: DashboardUnderTest.Token);
        var token = await FormTokenAsync(dashboard, "/dashboard/sign-in");
        for (var i = 0; i < TokenFailures.OfOne; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await PostAsync(dashboard, "/dashboard/sign-in", [("secret", "no" + i), ("token", token)])).StatusCode);
        }

        using var refused = await PostAsync(dashboard, "/dashboard/sign-in", [("secret", DashboardUnderTest.Token), ("token", token)]);
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value, TimeSpan.FromSeconds(1), TokenFailures.Refill);
    }

    [Fact]
    public async Task WrongTokensOfRequests_AndOfSignIns_AreCountedTogether()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false, settings: [("Platform:Mode", "Kubernetes"), ("Admin:Token", DashboardUnderTest.Token)]);
        for (var i = 0; i < TokenFailures.OfOne; i++)
        {
            Assert.Equal(i % 2 == 0 ? HttpStatusCode.Unauthorized : HttpStatusCode.SeeOther, await AskAsync(i % 2 == 0 ? "/api/fleet" : "/dashboard", "wrong"));
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, await AskAsync("/api/fleet", "wrong"));
        Assert.Equal(HttpStatusCode.TooManyRequests, await AskAsync("/dashboard", "wrong"));
        Assert.Equal(HttpStatusCode.TooManyRequests, await AskAsync("/dashboard/events?view=fleet", "wrong"));
        using var refused = await gateway.Admin.PostAsync("/dashboard/sign-in", new FormUrlEncodedContent([KeyValuePair.Create("secret", "wrong")]));
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.Equal(HttpStatusCode.OK, await AskAsync("/api/fleet", DashboardUnderTest.Token));
        Assert.Equal(HttpStatusCode.OK, await AskAsync("/dashboard", DashboardUnderTest.Token));

        async Task<HttpStatusCode> AskAsync(string path, string token)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { Authorization = new("Bearer", token) } };
            using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
            request.RequestUri = new Uri($"http://127.0.0.1:{gateway.AdminPort}{path}");
            using var response = await client.SendAsync(request);
            return response.StatusCode;
        }
    }

    [Fact]
    public async Task TokenThatMayOnlyLook_SeesEverything_AndActsOnNothing()
    {
        await using var dashboard = await DashboardUnderTest.StartAsync(
            open: false, configure: services => services.AddSingleton<IAdminAuthenticator>(new FixedAuthenticator(AdminRole.Read)));
        await dashboard.Fleet.PublishAsync(Samples.Instance("i-1"), default);
        var session = await SignInAsync(dashboard, "good");
        using var instance = await SendAsync(dashboard, HttpMethod.Get, "/dashboard/instance?id=i-1", session);
        var html = await instance.Content.ReadAsStringAsync();
        Assert.DoesNotContain("/dashboard/order", html, StringComparison.Ordinal);
        foreach (var path in new[] { "/dashboard/order?id=i-1&kind=Drain", "/dashboard/profiles/edit", "/dashboard/profiles/roll-back?to=1" })
        {
            using var response = await SendAsync(dashboard, HttpMethod.Get, path, session);
            Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        }

        var token = System.Text.RegularExpressions.Regex.Match(html, "name=\"token\" value=\"([^\"]+)\"").Groups[1].Value;
        var actions = dashboard.Endpoints.Where(static one => one.Method != "GET" && one.Path is not ("/dashboard/sign-in" or "/dashboard/sign-out" or "/dashboard/{**rest}")).ToArray();
        Assert.Equal(4, actions.Length);
        foreach (var (method, path) in actions)
        {
            Assert.Equal("POST", method);
            (string, string)[] form = [("token", token), ("id", "i-1"), ("kind", "Drain"), ("order", Guid.NewGuid().ToString("N")), ("json", "{}"), ("to", "1"), ("expected", "0")];
            Assert.Equal(HttpStatusCode.Forbidden, (await PostAsync(dashboard, path, form, session)).StatusCode);
        }

        Assert.Null(await ((IFleetProfiles)dashboard.Fleet).ReadAsync(default));

        Assert.Empty(await dashboard.Fleet.ListAsync("i-1", default));
    }

    [Fact]
    public async Task PageThatThereIsNoneOf_IsToldByAPage_AndOnlyToWhoIsIn()
    {
        await using var dashboard = await DashboardUnderTest.StartAsync(open: false, token: DashboardUnderTest.Token);
        using var outside = await dashboard.Http.GetAsync("/dashboard/nothing/here?a=b");
        Assert.Equal(HttpStatusCode.SeeOther, outside.StatusCode);
        using var inside = await SendAsync(dashboard, HttpMethod.Get, "/dashboard/nothing/here?a=b", await SignInAsync(dashboard));
        Assert.Equal(HttpStatusCode.NotFound, inside.StatusCode);
        Assert.Contains("There is no such page.", await inside.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Contains("default-src 'none'", inside.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
    }

    [Fact]
    public void Session_EndsWithItsTime_AndWithItsToken()
    {
        var time = new ManualTimeProvider();
        var tokens = new FixedAuthenticator(AdminRole.Operate);
        var options = new DashboardOptions();
        var sessions = new DashboardSessions(tokens, options, time);
        var id = sessions.SignIn("good")!;
        Assert.Null(sessions.SignIn("bad"));
        time.Advance(options.SessionLifetime - TimeSpan.FromSeconds(1));
        Assert.Equal(AdminRole.Operate, sessions.Find(id)!.Role);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(sessions.Find(id));

        var other = sessions.SignIn("good")!;
        tokens.Withdrawn = true;
        Assert.Null(sessions.Find(other));
        tokens.Withdrawn = false;
        Assert.Null(sessions.Find(other));
    }

    [Fact]
    public void Sessions_AreBounded_TheOldestGoes()
    {
        var time = new ManualTimeProvider();
        var sessions = new DashboardSessions(new FixedAuthenticator(AdminRole.Read), new DashboardOptions { MaxSessions = 2 }, time);
        var ids = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            ids.Add(sessions.SignIn("good")!);
            time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal([false, true, true], ids.Select(id => sessions.Find(id) is not null));
        Assert.Equal(3, ids.Distinct().Count());
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("multipart/form-data; boundary=x")]
    public async Task BodyThatIsNoForm_IsRefused(string type)
    {
        await using var dashboard = await DashboardUnderTest.StartAsync(open: false, token: DashboardUnderTest.Token);
        using var content = new StringContent("--x\r\n%%%=\0&&&", System.Text.Encoding.UTF8);
        content.Headers.ContentType = System.Net.Http.Headers.MediaTypeHeaderValue.Parse(type);
        using var response = await dashboard.Http.PostAsync("/dashboard/sign-in", content);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        using var large = new ByteArrayContent(new byte[64 * 1024]);
        large.Headers.ContentType = System.Net.Http.Headers.MediaTypeHeaderValue.Parse(type);
        using var tooLarge = await dashboard.Http.PostAsync("/dashboard/sign-in", large);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, tooLarge.StatusCode);
    }

    private static async Task<string> SignInAsync(DashboardUnderTest dashboard, string secret = DashboardUnderTest.Token)
    {
        using var response = await PostAsync(dashboard, "/dashboard/sign-in", [("secret", secret), ("token", await FormTokenAsync(dashboard, "/dashboard/sign-in"))]);
        Assert.Equal(HttpStatusCode.SeeOther, response.StatusCode);
        var cookie = response.Headers.GetValues("Set-Cookie").Single();
        return cookie[(cookie.IndexOf('=', StringComparison.Ordinal) + 1)..cookie.IndexOf(';', StringComparison.Ordinal)];
    }

    private static async Task<string> FormTokenAsync(DashboardUnderTest dashboard, string path, string? cookie = null)
    {
        using var response = await SendAsync(dashboard, HttpMethod.Get, path, cookie);
        return System.Text.RegularExpressions.Regex.Match(await response.Content.ReadAsStringAsync(), "name=\"token\" value=\"([^\"]+)\"").Groups[1].Value;
    }

    private static Task<HttpResponseMessage> SendAsync(DashboardUnderTest dashboard, HttpMethod method, string path, string? cookie = null, HttpContent? content = null)
    {
        var request = new HttpRequestMessage(method, path) { Content = content };
        if (cookie is not null)
        {
            request.Headers.Add("Cookie", $"{DashboardAccess.CookieName}={cookie}");
        }

        return dashboard.Http.SendAsync(request);
    }

    private static Task<HttpResponseMessage> PostAsync(
        DashboardUnderTest dashboard, string path, (string Name, string Value)[] form, string? cookie = null, (string Name, string Value)? header = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new FormUrlEncodedContent(form.Select(f => KeyValuePair.Create(f.Name, f.Value))) };
        if (cookie is not null)
        {
            request.Headers.Add("Cookie", $"{DashboardAccess.CookieName}={cookie}");
        }

        if (header is var (name, value))
        {
            request.Headers.Add(name, value);
        }

        return dashboard.Http.SendAsync(request);
    }

    private sealed class FixedAuthenticator(AdminRole role) : IAdminAuthenticator
    {
        public bool Withdrawn { get; set; }

        public bool HasTokens => true;

        public AdminPrincipal? Recall(ReadOnlySpan<byte> tokenHash) =>
            !Withdrawn && tokenHash.SequenceEqual(System.Security.Cryptography.SHA256.HashData("good"u8)) ? new AdminPrincipal("tester", role) : null;
    }
}
