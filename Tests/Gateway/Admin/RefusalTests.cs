using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Admin;

/// <summary>Whatever the admin port refuses, it says why in the same words as everything else.</summary>
public sealed class RefusalTests
{
    [Theory]
    [InlineData("POST", "/", "405 gateway wrong-method never")]
    [InlineData("GET", "/favicon.ico", "404 gateway not-found never")]
    [InlineData("GET", "/api", "404 gateway not-found never")]
    [InlineData("GET", "/api/nothing", "404 gateway not-found never")]
    [InlineData("GET", "/api/fleet/instances/", "404 gateway not-found never")]
    [InlineData("GET", "/api/fleet/instances/a/b/c", "404 gateway not-found never")]
    [InlineData("GET", "/api/../../etc/passwd", "404 gateway not-found never")]
    [InlineData("GET", "/dashboard/assets/nothing.js", "404 gateway not-found never")]
    [InlineData("POST", "/nothing", "404 gateway not-found never")]
    [InlineData("POST", "/api/instance", "405 gateway wrong-method never")]
    [InlineData("GET", "/api/drain", "405 gateway wrong-method never")]
    [InlineData("PATCH", "/api/fleet/profiles", "405 gateway wrong-method never")]
    [InlineData("DELETE", "/healthz", "405 gateway wrong-method never")]
    [InlineData("PUT", "/metrics", "405 gateway wrong-method never")]
    [InlineData("POST", "/api/openapi.json", "405 gateway wrong-method never")]
    [InlineData("GET", "/api/fleet?limit=0", "400 gateway bad-argument never")]
    [InlineData("GET", "/api/fleet?limit=1001", "400 gateway bad-argument never")]
    [InlineData("GET", "/api/fleet?limit=ten", "400 gateway bad-argument never")]
    [InlineData("GET", "/api/fleet?limit=", "400 gateway bad-argument never")]
    [InlineData("GET", "/api/fleet?limit=1&limit=2", "400 gateway bad-argument never")]
    [InlineData("GET", "/api/fleet?changesSince=x", "400 gateway bad-argument never")]
    [InlineData("GET", "/api/fleet?changesSince=none&after=a", "400 gateway bad-argument never")]
    [InlineData("GET", "/api/fleet/events?changesSince=1.x", "400 gateway bad-argument never")]
    [InlineData("GET", "/api/recorder?after=-1", "400 gateway bad-argument never")]
    [InlineData("GET", "/api/fleet/profiles?version=0", "400 gateway bad-argument never")]
    [InlineData("GET", "/api/fleet/profiles?version=77", "404 gateway unknown-version never")]
    [InlineData("GET", "/api/fleet/instances/nobody", "404 gateway unknown-instance never")]
    [InlineData("DELETE", "/api/fleet/profiles?expectedVersion=x", "400 gateway bad-argument never")]
    [InlineData("DELETE", "/api/fleet/profiles?expectedVersion=9", "409 gateway version-conflict never")]
    public async Task EveryRefusal_IsAProblem(string method, string path, string problem)
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false);
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        using var response = await gateway.Admin.SendAsync(request);
        Assert.Equal(problem, (await ProblemSeen.OfAsync(response)).ToString());
        if (response.StatusCode == HttpStatusCode.MethodNotAllowed)
        {
            Assert.NotEmpty(response.Content.Headers.Allow);
        }
    }

    [Theory]
    [InlineData("POST", "/api/fleet/instances/a/orders", "", "400 gateway bad-argument never")]
    [InlineData("POST", "/api/fleet/instances/a/orders", "null", "400 gateway bad-argument never")]
    [InlineData("POST", "/api/fleet/instances/a/orders", "[]", "400 gateway bad-argument never")]
    [InlineData("POST", "/api/fleet/instances/a/orders", "{ \"kind\": \"drain\"", "400 gateway bad-argument never")]
    [InlineData("POST", "/api/fleet/instances/a/orders", "{ \"kind\": 3 }", "400 gateway bad-argument never")]
    [InlineData("POST", "/api/fleet/instances/a/orders", "{ \"kind\": \"kill\" }", "400 gateway bad-argument never")]
    [InlineData("POST", "/api/fleet/instances/a/orders", "{ \"kind\": \"drain\", \"expirySeconds\": 0 }", "400 gateway bad-argument never")]
    [InlineData("POST", "/api/fleet/instances/nobody/orders", "{ \"kind\": \"drain\" }", "404 gateway unknown-instance never")]
    [InlineData("POST", "/api/fleet/profiles/rollback", "{ \"version\": \"one\" }", "400 gateway bad-argument never")]
    [InlineData("POST", "/api/fleet/instances/a/orders", "{ \"kind\": \"drain\", \"expirySecond\": 60 }", "400 gateway bad-argument never")]
    [InlineData("POST", "/api/fleet/instances/a/orders", "{ \"kind\": \"flush\", \"kind\": \"drain\" }", "400 gateway bad-argument never")]
    [InlineData("POST", "/api/fleet/profiles/rollback", "{ \"version\": 1 }", "404 gateway unknown-version never")]
    [InlineData("PUT", "/api/fleet/profiles", "not json", "422 gateway profiles-invalid never")]
    [InlineData("PUT", "/api/fleet/profiles", "", "422 gateway profiles-invalid never")]
    public async Task BodyThatIsNotWhatIsWanted_IsAProblem_WithWhatIsWrong(string method, string path, string body, string problem)
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false);
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        using var response = await gateway.Admin.SendAsync(request);
        var seen = await ProblemSeen.OfAsync(response);
        Assert.Equal(problem, seen.ToString());
        if (response.StatusCode != HttpStatusCode.NotFound)
        {
            Assert.Contains("\"detail\"", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("POST", "/api/fleet/instances/a/orders", 16 * 1024)]
    [InlineData("POST", "/api/fleet/profiles/rollback", 16 * 1024)]
    [InlineData("PUT", "/api/fleet/profiles", 4 * 1024 * 1024)]
    [InlineData("POST", "/api/fleet/profiles/validate", 4 * 1024 * 1024)]
    public async Task BodyThatIsTooLarge_OrCompressed_IsAProblem(string method, string path, int most)
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false);
        foreach (var chunked in new[] { false, true })
        {
            using var large = new HttpRequestMessage(new HttpMethod(method), path) { Content = new ByteArrayContent(new byte[most + 1]) };
            large.Headers.TransferEncodingChunked = chunked;
            using var tooLarge = await gateway.Admin.SendAsync(large);
            Assert.Equal("413 gateway body-too-large never", (await ProblemSeen.OfAsync(tooLarge)).ToString());
        }

        using var packed = new HttpRequestMessage(new HttpMethod(method), path) { Content = new ByteArrayContent([0x1f, 0x8b]) { Headers = { ContentEncoding = { "gzip" } } } };
        using var unread = await gateway.Admin.SendAsync(packed);
        Assert.Equal("415 gateway unsupported-encoding never", (await ProblemSeen.OfAsync(unread)).ToString());
    }

    [Fact]
    public async Task UnknownPath_TellsNothingToWhoHasNoToken()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false, settings: [("Platform:Mode", "Kubernetes"), ("Admin:Token", "the-only-one")]);
        foreach (var (method, path) in new[] { ("GET", "/nothing"), ("GET", "/api/drain"), ("POST", "/api/instance") })
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), path);
            using var response = await gateway.Admin.SendAsync(request);
            Assert.Equal("401 gateway unauthorized never", (await ProblemSeen.OfAsync(response)).ToString());
        }
    }

    [Fact]
    public async Task DashboardWithoutAToken_SaysWhatIsMissing()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(withNode: false, settings: [("Platform:Mode", "Kubernetes")]);
        foreach (var path in new[] { "/dashboard", "/dashboard/sign-in", "/dashboard/events", "/dashboard/nothing" })
        {
            using var response = await gateway.Admin.GetAsync(path);
            Assert.Equal("404 gateway no-token never", (await ProblemSeen.OfAsync(response)).ToString());
        }
    }

    [Theory]
    [InlineData(413, "413 gateway body-too-large never")]
    [InlineData(408, "408 gateway request-timeout maybe")]
    [InlineData(400, "400 gateway bad-request maybe")]
    [InlineData(0, "500 gateway internal maybe")]
    public async Task WhatAnEndpointThrows_IsAProblem_AndOnlyAFaultOfOursIsLogged(int status, string problem)
    {
        var logs = new LogWatch();
        using var factory = new LoggerFactory([logs]);
        await using var body = new MemoryStream();
        var context = new DefaultHttpContext { Response = { Body = body } };
        context.Response.ContentType = "text/plain";
        await AdminRefusals.RunAsync(
            context,
            _ => throw (status == 0 ? new InvalidOperationException("the token is 123") : new BadHttpRequestException("no", status)),
            factory.CreateLogger("test"));
        await context.Response.BodyWriter.FlushAsync();
        var told = Encoding.UTF8.GetString(body.ToArray());
        Assert.Equal(problem, $"{context.Response.StatusCode} {context.Response.Headers["x-noslate-component"]} {context.Response.Headers["x-noslate-reason"]} {context.Response.Headers["x-noslate-executed"]}");
        Assert.Equal("application/problem+json", context.Response.ContentType);
        Assert.DoesNotContain("123", told, StringComparison.Ordinal);
        Assert.Equal(status == 0 ? 1 : 0, logs.Errors.Count());
    }
}
