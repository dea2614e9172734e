using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Gateway.Dashboard.Pages;
using NoslateFleet.Gateway.Fleet;
using NoslateFleet.Gateway.Problems;
using NoslateFleet.Noslate.Profiles;

namespace NoslateFleet.Gateway.Dashboard;

/// <summary>The pages that do something: sign-in, orders, profiles. Each asks once more, and takes only forms that are its own.</summary>
internal sealed partial class DashboardActions(
    DashboardPages pages,
    DashboardAccess access,
    DashboardSessions sessions,
    DashboardOptions options,
    TokenFailures failures,
    FleetView view,
    DashboardReadings readings,
    IFleetOrders orders,
    IFleetProfiles profiles,
    IServiceProvider services,
    TimeProvider time,
    ILogger<DashboardActions> logger)
{
    /// <summary>A form may be as large as a functions file, and that as large again by its encoding.</summary>
    private const int MaxForm = (3 * ProfileParser.MaxBytes) + 4096;

    /// <summary>A sign-in is small, and comes from anybody.</summary>
    private const int MaxSignIn = 8 * 1024;

    public async Task SignInPageAsync(HttpContext context)
    {
        DashboardPages.Protect(context.Response);
        if (!access.IsServed(context))
        {
            AdminRefusals.Write(context, ProblemTable.NoToken);
            return;
        }

        var back = ReturnTo(context.Request.Query["return"]);
        if (access.Find(context) is not null)
        {
            SeeOther(context, back);
            return;
        }

        await SignInPageAsync(context, null, back);
    }

    public async Task SignInAsync(HttpContext context)
    {
        DashboardPages.Protect(context.Response);
        if (!access.IsServed(context))
        {
            AdminRefusals.Write(context, ProblemTable.NoToken);
            return;
        }

        var texts = Texts.For(context.Request);
        var peer = context.Connection.RemoteIpAddress;
        if (failures.Wait(peer) is { Ticks: > 0 } wait)
        {
            await SignInPageAsync(context, texts.Format("sign-in.wait", DashboardPages.HasToWait(context, wait)), DashboardPages.Root);
            return;
        }

        if (await FormAsync(context, MaxSignIn) is not { } form)
        {
            return;
        }

        var back = ReturnTo(form["return"]);
        if (!access.IsOurs(context, "", form["token"]))
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            await SignInPageAsync(context, texts["form.foreign"], back);
            return;
        }

        if (sessions.SignIn(form["secret"].ToString().Trim()) is not { } id)
        {
            failures.Failed(peer);
            SignInFailed(logger, peer?.ToString());
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            await SignInPageAsync(context, texts["sign-in.wrong"], back);
            return;
        }

        context.Response.Cookies.Append(DashboardAccess.CookieName, id, new CookieOptions
        {
            HttpOnly = true,
            SameSite = SameSiteMode.Strict,
            Secure = RequestOrigin.IsSecure(context.Request),
            Path = DashboardPages.Root,
            MaxAge = options.SessionLifetime,
        });
        SignedIn(logger, peer?.ToString());
        SeeOther(context, back);
    }

    public async Task SignOutAsync(HttpContext context)
    {
        if (await ActAsync(context, needsOperate: false) is not var (reader, _))
        {
            return;
        }

        sessions.SignOut(reader.SessionId);
        context.Response.Cookies.Delete(DashboardAccess.CookieName, new CookieOptions { Path = DashboardPages.Root });
        SeeOther(context, DashboardPages.Root + "/sign-in");
    }

    public async Task OrderPageAsync(HttpContext context)
    {
        if (await pages.EnterAsync(context) is not { } reader || await RefuseReadersAsync(context, reader))
        {
            return;
        }

        var texts = Texts.For(context.Request);
        var picture = await view.LookAsync(context.RequestAborted);
        if (picture.Find(context.Request.Query["id"].ToString()) is not { } instance || Kind(context.Request.Query["kind"]) is not { } kind)
        {
            await pages.MissingAsync(context, reader, picture, "not-found.instance");
            return;
        }

        var frame = pages.Of(context, reader, texts.Of(kind), "instance", picture);
        await pages.WriteAsync(context, frame, FormParts.Confirm(frame, new ConfirmModel(
            texts.Format($"order.{kind}.ask", instance.Id),
            texts[$"order.{kind}.means"],
            DashboardPages.Root + "/order",

            // The order's id is made here: a form that is sent twice is one order.
            [("id", instance.Id), ("kind", kind.ToString()), ("order", Guid.NewGuid().ToString("N"))],
            texts.Of(kind),
            InstanceParts.Url(instance.Id),
            kind == FleetOrderKind.Drain)));
    }

    public async Task OrderAsync(HttpContext context)
    {
        if (await ActAsync(context) is not var (reader, form))
        {
            return;
        }

        var texts = Texts.For(context.Request);
        var picture = await view.LookAsync(context.RequestAborted);
        if (picture.Find(form["id"].ToString()) is not { } instance
            || Kind(form["kind"]) is not { } kind
            || !Guid.TryParseExact(form["order"], "N", out var order))
        {
            await pages.MissingAsync(context, reader, picture, "not-found.instance");
            return;
        }

        var now = time.GetUtcNow();
        var expiry = services.GetService<FleetOptions>()?.OrderExpiry ?? new FleetOptions().OrderExpiry;
        try
        {
            await orders.PlaceAsync(
                new FleetOrder(order.ToString("N"), instance.Id, instance.Snapshot.ContainerLife, kind, reader.Principal.Name, now, now + expiry),
                context.RequestAborted);
        }
        catch (FleetDirectoryException error)
        {
            await UnreachableAsync(context, reader, error);
            return;
        }

        OrderPlaced(logger, kind, instance.Id, reader.Principal.Name);
        SeeOther(context, InstanceParts.Url(instance.Id) + "&placed=" + order.ToString("N") + "#orders");
    }

    public async Task EditPageAsync(HttpContext context)
    {
        if (await pages.EnterAsync(context) is not { } reader || await RefuseReadersAsync(context, reader))
        {
            return;
        }

        var texts = Texts.For(context.Request);
        if (await VersionsAsync(context, reader) is not { } versions)
        {
            // An empty draft would look like what the fleet has.
            return;
        }

        var from = long.TryParse(context.Request.Query["from"], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? versions.FirstOrDefault(version => version.Version == number)
            : versions is [var newest, ..] ? newest : null;
        var present = versions is [var first, ..] ? first.Version : 0;
        var frame = pages.Of(context, reader, texts["profiles.new"], "profiles");
        await pages.WriteAsync(
            context, frame, ProfileParts.Edit(new DraftModel(from?.Json ?? "{\n  \"functions\": []\n}\n", present, null, null), frame));
    }

    public async Task CheckAsync(HttpContext context)
    {
        if (await ActAsync(context) is not var (reader, form))
        {
            return;
        }

        var texts = Texts.For(context.Request);
        var present = await readings.ProfilesAsync(context.RequestAborted) is [var newest, ..] ? newest : null;
        var draft = Check(form["json"].ToString(), Expected(form), present);
        context.Response.StatusCode = draft.Changes is null ? StatusCodes.Status422UnprocessableEntity : StatusCodes.Status200OK;
        var frame = pages.Of(context, reader, texts["profiles.new"], "profiles");
        await pages.WriteAsync(context, frame, ProfileParts.Edit(draft, frame));
    }

    public async Task SetAsync(HttpContext context)
    {
        if (await ActAsync(context) is not var (reader, form))
        {
            return;
        }

        // What a confirmation brings back was checked before, by this page or by nobody.
        var draft = Check(form["json"].ToString(), Expected(form), null);
        if (draft.Changes is null)
        {
            await InvalidAsync(context, reader, draft);
            return;
        }

        await SetAsync(context, reader, draft.Json, draft.Expected, null);
    }

    public async Task RollBackPageAsync(HttpContext context)
    {
        if (await pages.EnterAsync(context) is not { } reader || await RefuseReadersAsync(context, reader))
        {
            return;
        }

        var texts = Texts.For(context.Request);
        if (await VersionsAsync(context, reader) is not { } versions)
        {
            return;
        }

        if (Version(versions, context.Request.Query["to"]) is not { } to)
        {
            await pages.NoticeAsync(context, reader, StatusCodes.Status404NotFound, texts["not-found"], texts["not-found.version"]);
            return;
        }

        var frame = pages.Of(context, reader, texts["roll-back"], "profiles");
        await pages.WriteAsync(context, frame, FormParts.Confirm(frame, new ConfirmModel(
            texts.Format("roll-back.ask", to.Version),
            texts[to.Json is null ? "roll-back.means-own" : "roll-back.means"],
            DashboardPages.Root + "/profiles/roll-back",
            [("to", Number(to.Version)), ("expected", Number(versions[0].Version))],
            texts["roll-back"],
            DashboardPages.Root + "/profiles",
            Danger: false)));
    }

    public async Task RollBackAsync(HttpContext context)
    {
        if (await ActAsync(context) is not var (reader, form))
        {
            return;
        }

        var texts = Texts.For(context.Request);
        if (await VersionsAsync(context, reader) is not { } versions)
        {
            return;
        }

        if (Version(versions, form["to"]) is not { } to)
        {
            await pages.NoticeAsync(context, reader, StatusCodes.Status404NotFound, texts["not-found"], texts["not-found.version"]);
            return;
        }

        if (to.Json is { } json && Check(json, Expected(form), null) is { Changes: null } draft)
        {
            // By the rules of today: what was good for an older program may not be for this one.
            await InvalidAsync(context, reader, draft);
            return;
        }

        await SetAsync(context, reader, to.Json, Expected(form), to.Version);
    }

    /// <summary>The versions of the fleet's profiles; null, and answered so, while they can't be read.</summary>
    private async Task<IReadOnlyList<FleetProfile>?> VersionsAsync(HttpContext context, DashboardReader reader)
    {
        var versions = await readings.ProfilesAsync(context.RequestAborted);
        if (versions is null)
        {
            await pages.UnreadAsync(context, reader);
        }

        return versions;
    }

    private static FleetOrderKind? Kind(string? text) =>
        Enum.TryParse<FleetOrderKind>(text, out var kind) && kind is FleetOrderKind.Drain or FleetOrderKind.Undrain or FleetOrderKind.Flush ? kind : null;

    private static FleetProfile? Version(IReadOnlyList<FleetProfile> versions, string? text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? versions.FirstOrDefault(version => version.Version == number) : null;

    private static long Expected(IFormCollection form) =>
        long.TryParse(form["expected"], NumberStyles.None, CultureInfo.InvariantCulture, out var expected) ? expected : -1;

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    // Only to pages of ours.
    private static string ReturnTo(string? path) =>
        path is not null && (path == DashboardPages.Root || path.StartsWith(DashboardPages.Root + "/", StringComparison.Ordinal) || path.StartsWith(DashboardPages.Root + "?", StringComparison.Ordinal))
        && !path.StartsWith(DashboardPages.Root + "/sign-", StringComparison.Ordinal)
        && !path.AsSpan().ContainsAnyExceptInRange('!', '~')
        && !path.Contains('\\', StringComparison.Ordinal)
            ? path
            : DashboardPages.Root;

    private static void SeeOther(HttpContext context, string location)
    {
        context.Response.StatusCode = StatusCodes.Status303SeeOther;
        context.Response.Headers.Location = location;
    }

    private static DraftModel Check(string json, long expected, FleetProfile? present)
    {
        // A browser sends every line's end as CRLF.
        json = json.Replace("\r\n", "\n", StringComparison.Ordinal);
        try
        {
            var draft = Parse(json);
            ProfileSet? before = null;
            try
            {
                before = present?.Json is { } text ? Parse(text) : null;
            }
            catch (ProfileValidationException)
            {
                // What a version of other rules has set: everything counts as new.
            }

            return new DraftModel(json, expected, null, Compare(before, draft));
        }
        catch (ProfileValidationException error)
        {
            return new DraftModel(json, expected, error.Errors, null);
        }
    }

    // The fleet's instances have no folder in common, which relative urls could be relative to.
    private static ProfileSet Parse(string json) => ProfileParser.Parse(Encoding.UTF8.GetBytes(json), "/");

    private static ProfileChanges Compare(ProfileSet? before, ProfileSet after)
    {
        var old = TextsOf(before);
        var now = TextsOf(after);
        return new ProfileChanges(
            [.. now.Keys.Where(name => !old.ContainsKey(name)).Order(StringComparer.Ordinal)],
            [.. now.Where(entry => old.TryGetValue(entry.Key, out var text) && text != entry.Value).Select(static entry => entry.Key).Order(StringComparer.Ordinal)],
            [.. old.Keys.Where(name => !now.ContainsKey(name)).Order(StringComparer.Ordinal)],
            now.Count(entry => old.TryGetValue(entry.Key, out var text) && text == entry.Value));

        static Dictionary<string, string> TextsOf(ProfileSet? set) => (set?.Functions ?? [])
            .Select(static function => (function.Name, Text: function.ToString()))
            .Concat((set?.Services ?? []).Select(static service => (Name: "service " + service.Name, Text: service.ToString())))
            .Concat(set is { PlatformEnvironment.Count: > 0 } ? [(Name: "platformEnvironment", Text: string.Join('\n', set.PlatformEnvironment))] : [])
            .DistinctBy(static entry => entry.Name, StringComparer.Ordinal)
            .ToDictionary(static entry => entry.Name, static entry => entry.Text, StringComparer.Ordinal);
    }

    private Task InvalidAsync(HttpContext context, DashboardReader reader, DraftModel draft)
    {
        var frame = pages.Of(context, reader, Texts.For(context.Request)["profiles.new"], "profiles");
        context.Response.StatusCode = StatusCodes.Status422UnprocessableEntity;
        return pages.WriteAsync(context, frame, ProfileParts.Edit(draft, frame));
    }

    private async Task SetAsync(HttpContext context, DashboardReader reader, string? json, long expected, long? rolledBackTo)
    {
        FleetProfile? set;
        try
        {
            set = await profiles.SetAsync(json, reader.Principal.Name, expected, rolledBackTo, context.RequestAborted);
        }
        catch (FleetDirectoryException error)
        {
            await UnreachableAsync(context, reader, error);
            return;
        }

        readings.ProfilesChanged();
        if (set is null)
        {
            var texts = Texts.For(context.Request);
            await pages.NoticeAsync(context, reader, StatusCodes.Status409Conflict, texts["profiles.conflict"], texts["profiles.conflict.means"]);
            return;
        }

        ProfilesSet(logger, set.Version, reader.Principal.Name, rolledBackTo);
        SeeOther(context, DashboardPages.Root + "/profiles");
    }

    private Task UnreachableAsync(HttpContext context, DashboardReader reader, FleetDirectoryException error)
    {
        var texts = Texts.For(context.Request);
        return pages.NoticeAsync(
            context, reader, StatusCodes.Status503ServiceUnavailable, texts["action.unreachable"], texts.Format("action.unreachable.means", error.Message));
    }

    private Task SignInPageAsync(HttpContext context, string? error, string returnTo)
    {
        var frame = pages.Of(context, null, Texts.For(context.Request)["sign-in"], "sign-in");
        return pages.WriteAsync(context, frame, FormParts.SignIn(frame, error, returnTo));
    }

    private async Task<bool> RefuseReadersAsync(HttpContext context, DashboardReader reader)
    {
        if (reader.MayOperate)
        {
            return false;
        }

        var texts = Texts.For(context.Request);
        await pages.NoticeAsync(context, reader, StatusCodes.Status403Forbidden, texts["forbidden"], texts["forbidden.means"]);
        return true;
    }

    private async Task<(DashboardReader Reader, IFormCollection Form)?> ActAsync(HttpContext context, bool needsOperate = true)
    {
        if (await pages.EnterAsync(context) is not { } reader || await FormAsync(context, MaxForm) is not { } form)
        {
            return null;
        }

        if (!access.IsOurs(context, reader.SessionId, form["token"]))
        {
            var texts = Texts.For(context.Request);
            await pages.NoticeAsync(context, reader, StatusCodes.Status400BadRequest, texts["form.foreign"], texts["form.foreign.means"]);
            return null;
        }

        return needsOperate && await RefuseReadersAsync(context, reader) ? null : (reader, form);
    }

    private async Task<IFormCollection?> FormAsync(HttpContext context, int most)
    {
        try
        {
            if (context.Request.ContentLength > most)
            {
                context.Response.StatusCode = StatusCodes.Status413PayloadTooLarge;
                return null;
            }

            if (context.Request.HasFormContentType && context.Request.ContentLength is not null)
            {
                return await context.Request.ReadFormAsync(
                    new FormOptions { ValueLengthLimit = most, BufferBodyLengthLimit = most, ValueCountLimit = 32, MultipartBodyLengthLimit = most },
                    context.RequestAborted);
            }
        }
        catch (Exception error) when (error is InvalidDataException or BadHttpRequestException)
        {
            // No form, whatever it says.
        }

        var texts = Texts.For(context.Request);
        await pages.NoticeAsync(context, null, StatusCodes.Status400BadRequest, texts["form.broken"], texts["form.broken.means"]);
        return null;
    }

    [LoggerMessage(1242, LogLevel.Information, "Dashboard: a sign-in from {Peer} failed")]
    private static partial void SignInFailed(ILogger logger, string? peer);

    [LoggerMessage(1243, LogLevel.Information, "Dashboard: signed in from {Peer}")]
    private static partial void SignedIn(ILogger logger, string? peer);

    [LoggerMessage(1244, LogLevel.Information, "Dashboard: {Kind} of {Instance} ordered by {By}")]
    private static partial void OrderPlaced(ILogger logger, FleetOrderKind kind, string instance, string by);

    [LoggerMessage(1245, LogLevel.Information, "Dashboard: version {Version} of the fleet's profiles set by {By}, rolled back to {RolledBackTo}")]
    private static partial void ProfilesSet(ILogger logger, long version, string by, long? rolledBackTo);
}
