using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Fleet;

/// <summary>A gateway without a node, and the words in which tests speak to its fleet API.</summary>
internal sealed class FleetGateway : IAsyncDisposable
{
    private FleetGateway(GatewayUnderTest gateway) => Gateway = gateway;

    public GatewayUnderTest Gateway { get; }

    public static async Task<FleetGateway> StartAsync(
        IEnumerable<(string Key, string Value)>? settings = null, Action<IServiceCollection>? services = null) =>
        new(await GatewayUnderTest.StartAsync(withNode: false, settings: settings, registrations: services));

    public T Service<T>()
        where T : notnull => Gateway.Service<T>();

    public Task<(int Status, JsonElement Answer)> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    public Task<(int Status, JsonElement Answer)> PostAsync(string path, string body) => SendAsync(HttpMethod.Post, path, body);

    public async Task<(int Status, JsonElement Answer)> SendAsync(HttpMethod method, string path, string? body = null, string? ifMatch = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        }

        if (ifMatch is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        }

        using var response = await Gateway.Admin.SendAsync(request);
        return ((int)response.StatusCode, JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync()).RootElement.Clone());
    }

    /// <summary>What a request is refused with.</summary>
    public async Task<ProblemSeen> RefusedAsync(HttpMethod method, string path, string? body = null, string? ifMatch = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        }

        if (ifMatch is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        }

        using var response = await Gateway.Admin.SendAsync(request);
        return await ProblemSeen.OfAsync(response);
    }

    public ValueTask DisposeAsync() => Gateway.DisposeAsync();
}
