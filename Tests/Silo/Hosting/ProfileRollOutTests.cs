using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Silo.Hosting;

/// <summary>Profiles for the whole fleet, by the admin API, while Redis comes and goes.</summary>
public sealed class ProfileRollOutTests
{
    private const string Text = "{\"functions\":[]}";

    [SkippableFact]
    public async Task WhileRedisIsAway_ItIsAnsweredAsMaybeDone_AndNotSecretlyDoneLater_AndGivenAgainItIsApplied()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var it = await SiloUnderTest.StartAsync("--Silo:Topology=Island", "--Lifecycle:InstanceId=one", "--Redis:Endpoints=" + redis.Endpoint);
        using var admin = new HttpClient { BaseAddress = it.Admin };
        var (status, _) = await SetAsync(admin);
        Assert.Equal(HttpStatusCode.OK, status);
        var applied = it.Services.GetRequiredService<IFleetProfileState>();
        await Until.TrueAsync(() => applied.Version == 1, "the first is not applied");
        redis.Kill();

        (status, var told) = await SetAsync(admin);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.Equal(("directory-unavailable", "maybe"), (told.GetProperty("reason").GetString(), told.GetProperty("executed").GetString()));
        Assert.Equal(1, applied.Version);
        await redis.StartAgainAsync();
        var profiles = it.Services.GetRequiredService<IFleetProfiles>();
        IReadOnlyList<FleetProfile>? there = null;
        await Until.TrueAsync(
            async () =>
            {
                try
                {
                    there = await profiles.ListAsync(default);
                    return true;
                }
                catch (FleetDirectoryException)
                {
                    return false;
                }
            },
            "Redis does not come back");
        Assert.Empty(there!);
        await Until.TrueAsync(() => applied.Version is null, "the loss is not noticed");

        (status, told) = await SetAsync(admin);

        Assert.Equal((HttpStatusCode.OK, 1), (status, told.GetProperty("version").GetInt64()));
        await Until.TrueAsync(() => applied.Version == 1, "it is not applied");
    }

    private static async Task<(HttpStatusCode Status, JsonElement Told)> SetAsync(HttpClient admin)
    {
        using var answer = await admin.PutAsync("/api/fleet/profiles", new StringContent(Text, Encoding.UTF8, "application/json"));
        return (answer.StatusCode, JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement);
    }
}
