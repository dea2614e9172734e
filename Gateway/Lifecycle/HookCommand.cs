using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Microsoft.Extensions.Configuration;
using NoslateFleet.Gateway.Configuration;

namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>
/// <c>Gateway hook pre-stop|pre-freeze|undrain</c>: our own binary as an exec hook. It calls the admin port of the gateway beside it over loopback, with
/// the token from the environment, so that no image needs curl and no token stands in a pod's specification.
/// </summary>
internal static class HookCommand
{
    public const string Verb = "hook";
    private const int WrongUse = 2;
    private static readonly TimeSpan _slack = TimeSpan.FromSeconds(2);

    /// <summary>Runs the command.</summary>
    /// <param name="args">What follows the verb: the hook's name, then configuration as for the gateway itself.</param>
    /// <param name="output">Where the answer goes.</param>
    /// <param name="errors">Where it is told what went wrong.</param>
    /// <returns>0 when the hook answered 200; 1 when it did not; 2 for wrong use.</returns>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter errors)
    {
        var (method, path) = args.FirstOrDefault() switch
        {
            "pre-stop" => (HttpMethod.Post, HookPaths.PreStop),
            "pre-freeze" => (HttpMethod.Post, HookPaths.PreFreeze),
            "undrain" => (HttpMethod.Post, HookPaths.Undrain),
            _ => (HttpMethod.Post, ""),
        };
        if (path.Length == 0)
        {
            await errors.WriteLineAsync($"hook: \"{args.FirstOrDefault()}\" is none; use hook pre-stop, hook pre-freeze or hook undrain");
            return WrongUse;
        }

        var reader = new ConfigurationReader(GatewayConfiguration.Of(args[1..]));
        var port = reader.Integer("Admin:Port", 9001, 1, 65535);
        var budget = reader.Duration("Lifecycle:StopBudget", TimeSpan.FromSeconds(60), TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1));
        var address = IPAddress.TryParse(reader.Text("Admin:Address"), out var configured) && IPAddress.IsLoopback(configured) ? configured : IPAddress.Loopback;
        if (reader.Errors.Count > 0)
        {
            foreach (var error in reader.Errors)
            {
                await errors.WriteLineAsync("configuration: " + error);
            }

            return WrongUse;
        }

        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false }) { Timeout = budget + _slack };
        using var request = new HttpRequestMessage(method, new UriBuilder("http", address.ToString(), port, path).Uri);
        if (Token(reader) is { } token)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        try
        {
            using var response = await client.SendAsync(request);
            var body = await response.Content.ReadAsStringAsync();
            if (response.StatusCode == HttpStatusCode.OK)
            {
                await output.WriteLineAsync(body);
                return 0;
            }

            await errors.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"hook: {path} answered {(int)response.StatusCode}: {body}"));
        }
        catch (Exception error) when (error is HttpRequestException or TaskCanceledException)
        {
            await errors.WriteLineAsync($"hook: the gateway's admin port {address}:{port} can't be reached: {error.Message}");
        }

        return 1;
    }

    // The first one that may give orders: a hook is one.
    private static string? Token(ConfigurationReader reader) => reader.Text("Admin:Token")
        ?? reader.Children("Admin:Tokens")
            .Where(key => string.Equals(reader.Text(key + ":Role"), nameof(Admin.AdminRole.Operate), StringComparison.OrdinalIgnoreCase))
            .Select(key => reader.Text(key + ":Token"))
            .FirstOrDefault(static token => token is not null);
}
