using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using NoslateFleet.Silo.Dashboard;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Silo.Dashboard;

/// <summary>A process that is nothing but a dashboard, inside the test's.</summary>
internal sealed class DashboardUnderTest : IAsyncDisposable
{
    private readonly WebApplication _app;

    private DashboardUnderTest(WebApplication app, int port)
    {
        _app = app;
        Client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
    }

    public HttpClient Client { get; }

    public IServiceProvider Services => _app.Services;

    public static async Task<DashboardUnderTest> StartAsync(RedisServer redis, params string[] settings)
    {
        var port = FreePort.Next();
        var app = DashboardApplication.Build(
        [
            DashboardApplication.Option, "--Platform:Mode=Open", $"--Admin:Port={port}", "--Logging:LogLevel:Default=None",
            "--Redis:Endpoints=" + redis.Endpoint, .. settings,
        ]);
        await app.StartAsync();
        return new DashboardUnderTest(app, port);
    }

    /// <summary>Asks, and reads the answer as JSON.</summary>
    public async Task<(HttpStatusCode Status, JsonElement Answer, HttpResponseMessage Response)> SendAsync(
        string method, string path, object? body = null, string? token = null, string? ifMatch = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Content = body is string text ? new StringContent(text) : body is null ? null : JsonContent.Create(body);
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        if (ifMatch is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        }

        var response = await Client.SendAsync(request);
        var content = await response.Content.ReadAsByteArrayAsync();
        if (content.Length == 0)
        {
            return (response.StatusCode, default, response);
        }

        using var document = JsonDocument.Parse(content);
        return (response.StatusCode, document.RootElement.Clone(), response);
    }

    /// <summary>Waits for an order's result, and tells its outcome.</summary>
    public async Task<string> OutcomeAsync(string instance, string order)
    {
        var outcome = "";
        await Until.TrueAsync(
            async () =>
            {
                var (_, answer, _) = await SendAsync("GET", $"/api/fleet/instances/{instance}/orders");
                var found = answer.GetProperty("orders").EnumerateArray().Single(one => one.GetProperty("id").GetString() == order);
                outcome = found.GetProperty("result") is { ValueKind: JsonValueKind.Object } result ? result.GetProperty("outcome").GetString()! : "";
                return outcome.Length > 0;
            },
            $"the order {order} has no result");
        return outcome;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
