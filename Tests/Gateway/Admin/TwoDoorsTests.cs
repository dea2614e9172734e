using System.Globalization;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Admin;

/// <summary>The platform port and the admin port are two servers: what a request says of itself never leads through the other door.</summary>
public sealed class TwoDoorsTests(TwoDoorsTests.WithHealthPath fixture) : FixtureTests<TwoDoorsTests.WithHealthPath>(fixture)
{
    [SkippableTheory]
    [InlineData("/healthz")]
    [InlineData("/readyz")]
    [InlineData("/api/functions")]
    public async Task PlatformPort_WithTheAdminPortsHost_LeadsToAFunction(string path)
    {
        foreach (var target in new[] { path, $"http://127.0.0.1:{_gateway.AdminPort}{path}" })
        {
            var seen = Mirrored.Of(await _gateway.SendAsync("GET", target, HostOf(_gateway.AdminPort)));
            Assert.Equal(path, seen.Url);
        }

        Assert.Equal(new LedgerSnapshot(2, 2, 0, 0, 0, 0), await _gateway.SinceAsync(_before));
    }

    [SkippableTheory]
    [InlineData("/invoke/mirror", 404)]
    [InlineData("/", 302)]
    [InlineData("/ping", 404)]
    public async Task AdminPort_WithThePlatformPortsHost_NeverReachesAFunction(string path, int status)
    {
        using var connection = await RawConnection.OpenAsync(_gateway.AdminPort);
        await connection.SendAsync(GatewayRequests.Text("GET", path, HostOf(_gateway.Port), "x-noslate-target: mirror"));
        Assert.Equal(status, (await connection.ReadAsync()).Status);
        Assert.Equal(new LedgerSnapshot(0, 0, 0, 0, 0, 0), await _gateway.SinceAsync(_before));
    }

    [SkippableTheory]
    [InlineData("/ping")]
    [InlineData("/ping?from=platform")]
    public async Task HealthPath_IsAnsweredHere_Uncounted(string target)
    {
        var response = await _gateway.SendAsync("GET", target, "x-noslate-target: mirror");
        Assert.Equal((200, ""), (response.Status, response.Text));
        Assert.Equal(new LedgerSnapshot(0, 0, 0, 0, 0, 0), await _gateway.SinceAsync(_before));
    }

    [SkippableTheory]
    [InlineData("/ping/x")]
    [InlineData("/pin%67")]
    [InlineData("/Ping")]
    public async Task PathsLikeTheHealthPath_LeadToAFunction(string target)
    {
        Assert.Equal(target, Mirrored.Of(await _gateway.SendAsync("GET", target)).Url);
        Assert.Equal(new LedgerSnapshot(1, 1, 0, 0, 0, 0), await _gateway.SinceAsync(_before));
    }

    private static string HostOf(int port) => string.Create(CultureInfo.InvariantCulture, $"Host: 127.0.0.1:{port}");

    public sealed class WithHealthPath : GatewayFixture
    {
        private protected override Task<GatewayUnderTest> StartAsync() =>
            GatewayUnderTest.StartAsync(settings: [("Platform:HealthPath", "/ping"), ("Routing:Default", "mirror")]);
    }
}
