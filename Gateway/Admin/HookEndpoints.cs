using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Gateway.Requests;

namespace NoslateFleet.Gateway.Admin;

/// <summary>The lifecycle's hooks on the admin port: for Kubernetes, for <c>Gateway hook</c>, and for a person. In FunctionCompute the platform port has them.</summary>
internal static class HookEndpoints
{
    private static readonly string[] _getAndPost = ["GET", "POST"];

    public static void MapHooks(this WebApplication app)
    {
        app.MapPost(HookPaths.Undrain, static context => UndrainAsync(context));
        if (app.Services.GetRequiredService<PlatformOptions>().Mode == PlatformMode.FunctionCompute)
        {
            return;
        }

        // A kubelet's httpGet hook can't post.
        var operate = new NeedsRole(AdminRole.Operate);
        app.MapMethods(HookPaths.PreFreeze, _getAndPost, static context => RunAsync(context, Hook.PreFreeze)).WithMetadata(operate);
        app.MapMethods(HookPaths.PreStop, _getAndPost, static context => RunAsync(context, Hook.PreStop)).WithMetadata(operate);
        app.MapPost(HookPaths.Initialize, static context => RunAsync(context, Hook.Initialize));
    }

    private static async Task RunAsync(HttpContext context, Hook hook)
    {
        var requestId = RequestIds.Of(context.Request.Headers, believePlatform: false);
        var hooks = context.RequestServices.GetRequiredService<HookRunner>();
        context.RequestServices.GetRequiredService<InstanceLifecycle>().Tick();
        var answer = await hooks.RunAsync(hook, context.Request.Headers, requestId, context.RequestAborted);
        context.Response.StatusCode = answer.Status;
        context.Response.Headers[RequestIds.Header] = requestId;
        answer.Write(context.Response.Headers, context.Response.BodyWriter, requestId);
    }

    private static Task UndrainAsync(HttpContext context)
    {
        var lifecycle = context.RequestServices.GetRequiredService<InstanceLifecycle>();
        var undone = lifecycle.Undrain("order");
        context.Response.Headers.CacheControl = "no-store";
        return context.Response.WriteAsJsonAsync(
            new UndrainAnswer(undone, lifecycle.State.Phase), LifecycleJson.Default.UndrainAnswer, contentType: null, context.RequestAborted);
    }
}
