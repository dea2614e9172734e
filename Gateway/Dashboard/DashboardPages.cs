using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Gateway.Dashboard.Pages;
using NoslateFleet.Gateway.Fleet;
using NoslateFleet.Gateway.Problems;

namespace NoslateFleet.Gateway.Dashboard;

/// <summary>The pages that show something. Each is complete without a script.</summary>
internal sealed class DashboardPages(
    FleetView view,
    DashboardReadings readings,
    DashboardAccess access,
    DashboardSessions sessions,
    DashboardAssets assets,
    DashboardOptions options,
    OwnSettings own,
    PageRenderer renderer)
{
    /// <summary>Where the dashboard is.</summary>
    public const string Root = "/dashboard";

    /// <summary>Where a browser arrives that was told the port alone; leads to <see cref="Root"/>.</summary>
    public const string Door = "/";

    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

    // Seconds.
    private const string UnreadRefresh = "5";

    public Task AssetAsync(HttpContext context)
    {
        Protect(context.Response);
        return assets.WriteAsync(context, (string)context.Request.RouteValues["name"]!);
    }

    public async Task FleetAsync(HttpContext context)
    {
        if (await EnterAsync(context) is not { } reader)
        {
            return;
        }

        var texts = Texts.For(context.Request);
        var model = new FleetModel(
            await view.LookAsync(context.RequestAborted), FleetQuery.Of(context.Request.Query, options.RowsPerPage), options.RowsPerPage);
        await WriteAsync(context, Of(context, reader, texts["fleet"], "fleet", model.Picture, live: true), FleetParts.Page(model, texts));
    }

    public async Task FunctionAsync(HttpContext context)
    {
        if (await EnterAsync(context) is not { } reader)
        {
            return;
        }

        var texts = Texts.For(context.Request);
        var picture = await view.LookAsync(context.RequestAborted);
        if (FunctionModel.Of(picture, context.Request.Query["name"].ToString()) is not { } model)
        {
            await MissingAsync(context, reader, picture, "not-found.function");
            return;
        }

        await WriteAsync(context, Of(context, reader, model.Function.Name, "function", picture, live: true), FunctionParts.Page(model, texts));
    }

    public async Task InstanceAsync(HttpContext context)
    {
        if (await EnterAsync(context) is not { } reader)
        {
            return;
        }

        var texts = Texts.For(context.Request);
        var picture = await view.LookAsync(context.RequestAborted);
        if (picture.Find(context.Request.Query["id"].ToString()) is not { } instance)
        {
            await MissingAsync(context, reader, picture, "not-found.instance");
            return;
        }

        var timeline = readings.TimelineAsync(instance.Id, context.RequestAborted);
        var orders = readings.OrdersAsync(instance.Id, context.RequestAborted);
        var model = new InstanceModel(instance, await timeline, await orders, context.Request.Query["placed"], own.Of(instance.Id));
        await WriteAsync(
            context, Of(context, reader, instance.Id, "instance", picture, live: true), InstanceParts.Page(model, reader.MayOperate, texts));
    }

    public async Task ProfilesAsync(HttpContext context)
    {
        if (await EnterAsync(context) is not { } reader)
        {
            return;
        }

        var texts = Texts.For(context.Request);
        var picture = await view.LookAsync(context.RequestAborted);
        var model = new ProfilesModel(picture, await readings.ProfilesAsync(context.RequestAborted));
        await WriteAsync(
            context, Of(context, reader, texts["profiles"], "profiles", picture, live: true), ProfileParts.Page(model, reader.MayOperate, texts));
    }

    /// <summary>A page that there is none of.</summary>
    public async Task NothingAsync(HttpContext context)
    {
        if (await EnterAsync(context) is not { } reader)
        {
            return;
        }

        var texts = Texts.For(context.Request);
        await NoticeAsync(context, reader, StatusCodes.Status404NotFound, texts["not-found"], texts["not-found.page"]);
    }

    /// <summary>Lets a reader in, or sends them to the sign-in.</summary>
    /// <param name="context">The request.</param>
    /// <returns>Null if the request is answered already.</returns>
    public async Task<DashboardReader?> EnterAsync(HttpContext context)
    {
        Protect(context.Response);
        if (!access.IsServed(context))
        {
            AdminRefusals.Write(context, ProblemTable.NoToken);
            return null;
        }

        if (access.Find(context) is { } reader)
        {
            return reader;
        }

        var texts = Texts.For(context.Request);
        if (access.Failed(context) is { Ticks: > 0 } wait)
        {
            var seconds = HasToWait(context, wait);
            await NoticeAsync(context, null, StatusCodes.Status429TooManyRequests, texts["sign-in.wrong"], texts.Format("sign-in.wait", seconds));
            return null;
        }

        if (HttpMethods.IsGet(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status303SeeOther;
            context.Response.Headers.Location = Root + "/sign-in" + QueryString.Create("return", context.Request.Path + context.Request.QueryString);
            return null;
        }

        await NoticeAsync(context, null, StatusCodes.Status401Unauthorized, texts["signed-out"], texts["signed-out.means"]);
        return null;
    }

    /// <summary>What is around a page.</summary>
    public Frame Of(HttpContext context, DashboardReader? reader, string title, string section, FleetPicture? picture = null, bool live = false) => new(
        Texts.For(context.Request),
        assets,
        reader,
        sessions.FormToken(reader?.SessionId ?? ""),
        title,
        section,
        picture,
        live ? Root + "/events" + context.Request.QueryString.Add("view", section) : null);

    /// <summary>Answers with a plain page.</summary>
    public Task NoticeAsync(HttpContext context, DashboardReader? reader, int status, string heading, string text)
    {
        context.Response.StatusCode = status;
        var frame = Of(context, reader, heading, "notice");
        return WriteAsync(context, frame, FormParts.Notice(frame, heading, text));
    }

    /// <summary>Answers that something is not there; or, if the directory can't be read, that nobody knows: a page that is there no more is no outage.</summary>
    public Task MissingAsync(HttpContext context, DashboardReader reader, FleetPicture picture, string text) =>
        picture.IsRead && picture.Outage is null
            ? NoticeAsync(context, reader, StatusCodes.Status404NotFound, Texts.For(context.Request)["not-found"], Texts.For(context.Request)[text])
            : UnreadAsync(context, reader, picture);

    /// <summary>Answers that the directory can't be read just now. The page asks again by itself, also without a script.</summary>
    public Task UnreadAsync(HttpContext context, DashboardReader reader, FleetPicture? picture = null)
    {
        context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        if (HttpMethods.IsGet(context.Request.Method))
        {
            context.Response.Headers["Refresh"] = UnreadRefresh;
        }

        var texts = Texts.For(context.Request);
        var frame = Of(context, reader, texts["not-known"], "notice", picture);
        return WriteAsync(context, frame, FormParts.Notice(frame, texts["not-known"], texts["unread"]));
    }

    /// <summary>Answers with a page.</summary>
    public async Task WriteAsync(HttpContext context, Frame frame, RenderFragment content)
    {
        // Whole before its first byte leaves: what breaks on the way is an error, never half a page.
        var html = Encoding.UTF8.GetBytes(await renderer.RenderAsync(Shell.Document(frame, content)));
        context.Response.ContentType = "text/html; charset=utf-8";
        context.Response.ContentLength = html.Length;
        context.Response.Headers.ContentLanguage = frame.Texts.Tag;
        context.Response.Headers.Vary = "Accept-Language";
        await context.Response.Body.WriteAsync(html, context.RequestAborted);
    }

    /// <summary>Tells a reader to wait.</summary>
    /// <param name="context">The request.</param>
    /// <param name="wait">How long.</param>
    /// <returns>The same in whole seconds.</returns>
    public static int HasToWait(HttpContext context, TimeSpan wait)
    {
        var seconds = (int)Math.Ceiling(wait.TotalSeconds);
        context.Response.StatusCode = StatusCodes.Status429TooManyRequests;
        context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return seconds;
    }

    /// <summary>What every answer tells the browser.</summary>
    /// <param name="response">The answer.</param>
    public static void Protect(HttpResponse response)
    {
        response.Headers.ContentSecurityPolicy = Policy;
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers.CacheControl = "no-store";
        response.Headers["Referrer-Policy"] = "same-origin";
        response.Headers["Cross-Origin-Opener-Policy"] = "same-origin";
        response.Headers["Cross-Origin-Resource-Policy"] = "same-origin";
    }
}
