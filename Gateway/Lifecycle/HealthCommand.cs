using System.Globalization;
using System.Net;
using NoslateFleet.Gateway.Configuration;

namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>
/// <c>Gateway health [ready|live]</c>: our own binary as a container's health check, so that no image needs curl. It asks the admin port of the gateway beside
/// it, which needs no token for this.
/// </summary>
internal static class HealthCommand
{
    public const string Verb = "health";
    private const int WrongUse = 2;

    // Less than the time-out that a container engine's check should have, so that it is told what is wrong before it gives up.
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(2);

    /// <summary>Runs the command.</summary>
    /// <param name="args">What follows the verb: <c>ready</c> (the default) or <c>live</c>, then configuration as for the gateway itself.</param>
    /// <param name="output">Where the answer goes.</param>
    /// <param name="errors">Where it is told what is wrong.</param>
    /// <returns>0 when the gateway answered 200; 1 when it did not; 2 for wrong use.</returns>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter errors)
    {
        var named = args is [{ } first, ..] && !first.StartsWith('-') ? first : null;
        var path = named switch
        {
            null or "ready" => "/readyz",
            "live" => "/healthz",
            _ => null,
        };
        if (path is null)
        {
            await errors.WriteLineAsync($"health: \"{named}\" is none; use health, health ready or health live");
            return WrongUse;
        }

        var reader = new ConfigurationReader(GatewayConfiguration.Of(named is null ? args : args[1..]));
        var port = reader.Integer("Admin:Port", 9001, 1, 65535);
        var address = Reachable(reader.Text("Admin:Address"));
        if (reader.Errors.Count > 0)
        {
            foreach (var error in reader.Errors)
            {
                await errors.WriteLineAsync("configuration: " + error);
            }

            return WrongUse;
        }

        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false }) { Timeout = _limit };
        try
        {
            using var response = await client.GetAsync(new UriBuilder("http", address.ToString(), port, path).Uri);
            var body = await response.Content.ReadAsStringAsync();
            if (response.StatusCode == HttpStatusCode.OK)
            {
                await output.WriteLineAsync(body);
                return 0;
            }

            await errors.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"health: {path} answered {(int)response.StatusCode}: {body}"));
        }
        catch (Exception error) when (error is HttpRequestException or TaskCanceledException)
        {
            await errors.WriteLineAsync($"health: the gateway's admin port {address}:{port} can't be reached: {error.Message}");
        }

        return 1;
    }

    // A port on all addresses is asked by loopback, one on an address of its own by that address.
    private static IPAddress Reachable(string? configured) =>
        !IPAddress.TryParse(configured, out var address) || address.Equals(IPAddress.Any) ? IPAddress.Loopback
        : address.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback
        : address;
}
