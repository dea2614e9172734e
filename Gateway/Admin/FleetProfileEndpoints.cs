using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Gateway.Fleet;
using NoslateFleet.Gateway.Problems;
using NoslateFleet.Noslate.Profiles;

namespace NoslateFleet.Gateway.Admin;

/// <summary>The fleet's profiles on the admin port. Nothing is stored that an instance could not apply.</summary>
internal static class FleetProfileEndpoints
{
    private const string Path = "/api/fleet/profiles";

    public static void MapFleetProfiles(this WebApplication app)
    {
        app.MapGet(Path, static context => FleetRequest.RunAsync(context, ReadAsync))
            .Describe<FleetProfileAnswer>(ApiTags.Profiles, "readProfiles", "The fleet's profiles, with an ETag", problems: [400, 503])
            .WithQuery("version", "One of the last ten versions; the newest if not given", isNumber: true);
        app.MapPut(Path, static context => FleetRequest.RunAsync(context, PutAsync, changes: true))
            .Describe<ProfileVersionAnswer>(
                ApiTags.Profiles, "setProfiles", "Checks the profiles and sets them as a new version", problems: [400, 409, 413, 415, 422, 503])
            .WithChange()
            .WithBody<JsonElement>("A functions file");
        app.MapDelete(Path, static context => FleetRequest.RunAsync(context, DeleteAsync, changes: true))
            .Describe<ProfileVersionAnswer>(
                ApiTags.Profiles, "deleteProfiles", "A new version without text: each instance goes by its own file again", problems: [400, 409, 503])
            .WithChange();
        app.MapGet(Path + "/history", static context => FleetRequest.RunAsync(context, HistoryAsync))
            .Describe<ProfileHistoryAnswer>(ApiTags.Profiles, "listProfileVersions", "The last ten versions, newest first", problems: 503);
        app.MapPost(Path + "/validate", static context => FleetRequest.RunAsync(context, ValidateAsync))
            .Describe<ValidationAnswer>(ApiTags.Profiles, "validateProfiles", "Checks profiles and stores nothing", problems: [413, 415])
            .WithBody<JsonElement>("A functions file");
        app.MapPost(Path + "/rollback", static context => FleetRequest.RunAsync(context, RollbackAsync, changes: true))
            .Describe<ProfileVersionAnswer>(
                ApiTags.Profiles, "rollBackProfiles", "Sets an earlier version's text again, as a new version", problems: [400, 409, 413, 415, 422, 503])
            .WithBody<RollbackBody>("Which version");
    }

    private static IEndpointConventionBuilder WithChange(this IEndpointConventionBuilder endpoint) => endpoint
        .WithQuery("by", "Who it is, for people")
        .WithQuery("expectedVersion", "The version that must be there; 0: none was ever set", isNumber: true)
        .WithHeader("If-Match", "The same, as the ETag of a version");

    private static async Task ReadAsync(HttpContext context)
    {
        var profiles = context.RequestServices.GetRequiredService<IFleetProfiles>();
        var profile = FleetRequest.Number(context, "version", 1, long.MaxValue) is { } version
            ? await FindAsync(context, profiles, version)
            : await profiles.ReadAsync(context.RequestAborted);
        Tag(context, profile?.Version ?? 0);
        await FleetRequest.WriteAsync(
            context,
            200,
            new FleetProfileAnswer(profile?.Version ?? 0, profile?.Json, profile?.By, profile?.At, profile?.RolledBackTo),
            FleetApiJson.Default.FleetProfileAnswer);
    }

    private static async Task PutAsync(HttpContext context)
    {
        var expected = FleetRequest.ExpectedVersion(context);
        var by = FleetRequest.By(FleetRequest.Query(context, "by"));
        var body = await FleetRequest.BytesAsync(context, ProfileParser.MaxBytes);
        Check(context, body);
        await SetAsync(context, FleetRequest.Text(body), by, expected, rolledBackTo: null);
    }

    private static async Task DeleteAsync(HttpContext context)
    {
        var expected = FleetRequest.ExpectedVersion(context);
        await SetAsync(context, json: null, FleetRequest.By(FleetRequest.Query(context, "by")), expected, rolledBackTo: null);
    }

    private static async Task RollbackAsync(HttpContext context)
    {
        var body = await FleetRequest.BodyAsync(context, FleetApiJson.Default.RollbackBody);
        if (body.Version is not >= 1)
        {
            throw FleetRequest.Bad("version must be the number of one of the last versions, see /api/fleet/profiles/history");
        }

        var by = FleetRequest.By(body.By);
        var expected = FleetRequest.ExpectedVersion(context);
        if (body.ExpectedVersion is { } told)
        {
            expected = told >= 0 && (expected is null || expected == told)
                ? told
                : throw FleetRequest.Bad("expectedVersion must be the number of a version, or 0, and the same as that of If-Match");
        }

        var profile = await FindAsync(context, context.RequestServices.GetRequiredService<IFleetProfiles>(), body.Version.Value);
        if (profile.Json is { } json)
        {
            // By the rules of today: what was good for an older program may not be for this one.
            Check(context, System.Text.Encoding.UTF8.GetBytes(json));
        }

        await SetAsync(context, profile.Json, by, expected, profile.Version);
    }

    private static async Task HistoryAsync(HttpContext context)
    {
        var versions = await context.RequestServices.GetRequiredService<IFleetProfiles>().ListAsync(context.RequestAborted);
        await FleetRequest.WriteAsync(
            context, 200, new ProfileHistoryAnswer([.. versions.Select(ProfileVersionAnswer.Of)]), FleetApiJson.Default.ProfileHistoryAnswer);
    }

    private static async Task ValidateAsync(HttpContext context)
    {
        var body = await FleetRequest.BytesAsync(context, ProfileParser.MaxBytes);
        ValidationAnswer answer;
        try
        {
            var profiles = context.RequestServices.GetRequiredService<ProfileReader>().Parse(body);
            answer = new ValidationAnswer(true, [], profiles.Functions.Count, profiles.Services.Count);
        }
        catch (ProfileValidationException error)
        {
            answer = new ValidationAnswer(false, error.Errors, null, null);
        }

        await FleetRequest.WriteAsync(context, 200, answer, FleetApiJson.Default.ValidationAnswer);
    }

    private static void Check(HttpContext context, ReadOnlyMemory<byte> text)
    {
        try
        {
            context.RequestServices.GetRequiredService<ProfileReader>().Parse(text);
        }
        catch (ProfileValidationException error)
        {
            throw new FleetRequestException(ProblemTable.ProfilesInvalid, error.Message);
        }
    }

    private static async Task<FleetProfile> FindAsync(HttpContext context, IFleetProfiles profiles, long version) =>
        (await profiles.ListAsync(context.RequestAborted)).FirstOrDefault(profile => profile.Version == version)
        ?? throw new FleetRequestException(ProblemTable.UnknownVersion, null);

    private static async Task SetAsync(HttpContext context, string? json, string by, long? expected, long? rolledBackTo)
    {
        var profiles = context.RequestServices.GetRequiredService<IFleetProfiles>();
        if (await profiles.SetAsync(json, by, expected, rolledBackTo, context.RequestAborted) is not { } set)
        {
            throw new FleetRequestException(
                ProblemTable.VersionConflict, string.Create(CultureInfo.InvariantCulture, $"Version {expected} was expected."));
        }

        Tag(context, set.Version);
        await FleetRequest.WriteAsync(context, 200, ProfileVersionAnswer.Of(set), FleetApiJson.Default.ProfileVersionAnswer);
    }

    private static void Tag(HttpContext context, long version) =>
        context.Response.Headers.ETag = string.Create(CultureInfo.InvariantCulture, $"\"{version}\"");
}
