using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Silo.Hosting;

namespace NoslateFleet.Tests.Silo.Redis;

/// <summary>What an instance leaves in Redis: nothing that it was told in confidence, by its settings or by its callers.</summary>
public sealed class RedisSecretsTests
{
    private const string Password = "password-of-redis";
    private const string AdminToken = "token-of-the-admin";
    private const string ReaderToken = "token-of-a-reader";
    private const string OperatorToken = "token-of-an-operator";
    private const string WrongToken = "token-of-a-stranger";
    private const string Authorization = "authorization-of-a-caller";
    private const string Cookie = "cookie-of-a-caller";
    private const string ApiKey = "key-of-a-caller";
    private const string Query = "query-of-a-caller";
    private const string Body = "body-of-a-caller";

    private static readonly string[] _secrets =
        [Password, AdminToken, ReaderToken, OperatorToken, WrongToken, Authorization, Cookie, ApiKey, Query, Body];

    [SkippableFact]
    public async Task OfAllThatAnInstanceDoes_NoSecretIsInRedis()
    {
        await using var redis = await RedisServer.StartAsync("--requirepass", Password);
        await using var it = await SiloUnderTest.StartWithNodeAsync(
        [
            .. SiloUnderTest.MeshOf(redis.Endpoint, "one"), "--Redis:Password=" + Password, "--Admin:Token=" + AdminToken,
            "--Admin:Tokens:0:Name=wall", "--Admin:Tokens:0:Token=" + ReaderToken, "--Admin:Tokens:0:Role=read",
            "--Admin:Tokens:1:Name=ops", "--Admin:Tokens:1:Token=" + OperatorToken, "--Admin:Tokens:1:Role=operate",
            "--Fleet:HeartbeatInterval=100ms", "--Fleet:PublishInterval=50ms",
        ]);
        await it.UpAsync();
        using var client = new HttpClient { BaseAddress = it.Platform };
        using var admin = new HttpClient { BaseAddress = it.Admin };

        // One that is done, one that no function is for, and one that is seen at work.
        Assert.Equal(HttpStatusCode.OK, await CallAsync(client, "echo", new StringContent(Body)));
        Assert.NotEqual(HttpStatusCode.OK, await CallAsync(client, "nobody", new StringContent(Body)));
        var body = new OpenContent();
        var working = CallAsync(client, "echo", body);
        await body.WriteAsync(Encoding.UTF8.GetBytes(Body));
        var directory = it.Services.GetRequiredService<IFleetDirectory>();
        await Until.TrueAsync(async () => await directory.ReadAsync("one", default) is { Snapshot.InFlight: 1 }, "it is not seen at work");
        await NothingSecretAsync(redis, "\"(other)\"", "S127.0.0.1");
        body.Complete();
        Assert.Equal(HttpStatusCode.OK, await working);

        // What is done by those who have a token, and by one who has none.
        Assert.Equal(HttpStatusCode.OK, await AdminAsync(admin, AdminToken, HttpMethod.Put, "/api/fleet/profiles", "{\"functions\":[]}"));
        Assert.Equal(HttpStatusCode.OK, await AdminAsync(admin, ReaderToken, HttpMethod.Get, "/api/fleet"));
        Assert.Equal(HttpStatusCode.Forbidden, await AdminAsync(admin, ReaderToken, HttpMethod.Post, "/api/fleet/instances/one/orders", "{\"kind\":\"flush\"}"));
        Assert.Equal(HttpStatusCode.Unauthorized, await AdminAsync(admin, WrongToken, HttpMethod.Get, "/api/fleet"));
        Assert.Equal(HttpStatusCode.Accepted, await AdminAsync(admin, OperatorToken, HttpMethod.Post, "/api/fleet/instances/one/orders", "{\"kind\":\"drain\"}"));
        var orders = it.Services.GetRequiredService<IFleetOrders>();
        await Until.TrueAsync(async () => (await orders.ListAsync("one", default)) is [{ Result: not null }], "the order is not carried out");
        await NothingSecretAsync(redis, "\"(other)\"", "Drain", "{noslatefleet}:profiles");
        await it.StopAsync();
        await NothingSecretAsync(redis, "Stopped", "verdict");
    }

    private static async Task<HttpStatusCode> CallAsync(HttpClient client, string function, HttpContent body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/invoke/{function}/path?token={Query}") { Content = body };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Authorization);
        request.Headers.Add("cookie", "session=" + Cookie);
        request.Headers.Add("x-api-key", ApiKey);
        using var answer = await client.SendAsync(request);
        return answer.StatusCode;
    }

    private static async Task<HttpStatusCode> AdminAsync(HttpClient admin, string token, HttpMethod method, string path, string? body = null)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        }

        using var answer = await admin.SendAsync(request);
        return answer.StatusCode;
    }

    /// <summary>Looks through all of Redis, keys and values; what is told as there must be there, or the look was not good enough.</summary>
    private static async Task NothingSecretAsync(RedisServer redis, params string[] there)
    {
        var all = new StringBuilder();
        foreach (var key in (await CliAsync("KEYS", "*")).Split('\n'))
        {
            string[] read = await CliAsync("TYPE", key) switch
            {
                "string" => ["GET", key],
                "hash" => ["HGETALL", key],
                "list" => ["LRANGE", key, "0", "-1"],
                "set" => ["SMEMBERS", key],
                "zset" => ["ZRANGE", key, "0", "-1"],
                "stream" => ["XRANGE", key, "-", "+"],
                var other => throw new InvalidOperationException($"how is {key} read, which is a {other}?"),
            };
            all.AppendLine(key).AppendLine(await CliAsync(read));
        }

        var text = all.ToString();
        Assert.All(there, it => Assert.Contains(it, text, StringComparison.Ordinal));
        foreach (var secret in _secrets)
        {
            Assert.DoesNotContain(secret, text, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(Convert.ToBase64String(Encoding.UTF8.GetBytes(secret)), text, StringComparison.Ordinal);
        }

        Task<string> CliAsync(params string[] command) => redis.CliAsync(["-a", Password, "--no-auth-warning", .. command]);
    }
}
