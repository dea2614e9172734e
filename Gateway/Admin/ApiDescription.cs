using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace NoslateFleet.Gateway.Admin;

/// <summary>What the OpenAPI document groups calls by.</summary>
internal static class ApiTags
{
    public const string Instance = "instance";
    public const string Fleet = "fleet";
    public const string Orders = "orders";
    public const string Profiles = "profiles";
}

/// <summary>Where a parameter of a call is.</summary>
internal enum ApiParameterPlace
{
    Query,
    Header,
    Path,
}

/// <summary>On an endpoint: a parameter of a call, for the OpenAPI document.</summary>
internal sealed record ApiParameter(string Name, ApiParameterPlace Place, string Text, bool IsNumber);

/// <summary>On an endpoint: the body of a call, for the OpenAPI document.</summary>
internal sealed record ApiBody(Type Type, string Text);

/// <summary>How endpoints get into the OpenAPI document of the admin port.</summary>
internal static class ApiDescription
{
    public const string Path = "/api/openapi.json";

    private const string ProblemType = "application/problem+json";

    // Any call may be refused so.
    private static readonly int[] _refusals = [401, 403, 404, 429, 500];

    // The endpoints take the request as it is; the document wants to see a method.
    private static readonly MethodInfo _method = typeof(ApiDescription).GetMethod(nameof(Answer), BindingFlags.NonPublic | BindingFlags.Static)!;

    public static void AddApiDescription(this IServiceCollection services) => services.AddSingleton<ApiDocument>();

    public static void MapApiDescription(this WebApplication app) => app.MapGet(Path, static async (HttpContext context) =>
    {
        var document = await context.RequestServices.GetRequiredService<ApiDocument>().ReadAsync();
        context.Response.ContentType = "application/json; charset=utf-8";
        context.Response.ContentLength = document.Length;
        await context.Response.BodyWriter.WriteAsync(document, context.RequestAborted);
    });

    /// <summary>Puts an endpoint into the document.</summary>
    /// <typeparam name="TAnswer">What it answers.</typeparam>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="tag">Its group.</param>
    /// <param name="name">The operation's name.</param>
    /// <param name="summary">What it does.</param>
    /// <param name="status">The status of success.</param>
    /// <param name="contentType">The answer's type.</param>
    /// <param name="problems">Statuses of problems beyond those that any call may be refused with.</param>
    public static IEndpointConventionBuilder Describe<TAnswer>(
        this IEndpointConventionBuilder endpoint,
        string tag,
        string name,
        string summary,
        int status = 200,
        string contentType = "application/json",
        params int[] problems) => endpoint
        .WithMetadata(_method)
        .WithName(name)
        .WithSummary(summary)
        .WithTags(tag)
        .WithMetadata(new ProducesResponseTypeMetadata(status, typeof(TAnswer), [contentType]))
        .WithMetadata([.. _refusals.Union(problems).Select(static problem => new ProducesResponseTypeMetadata(problem, typeof(ProblemAnswer), [ProblemType]))]);

    public static IEndpointConventionBuilder WithQuery(this IEndpointConventionBuilder endpoint, string name, string text, bool isNumber = false) =>
        endpoint.WithMetadata(new ApiParameter(name, ApiParameterPlace.Query, text, isNumber));

    public static IEndpointConventionBuilder WithHeader(this IEndpointConventionBuilder endpoint, string name, string text) =>
        endpoint.WithMetadata(new ApiParameter(name, ApiParameterPlace.Header, text, IsNumber: false));

    public static IEndpointConventionBuilder WithInstance(this IEndpointConventionBuilder endpoint) =>
        endpoint.WithMetadata(new ApiParameter("id", ApiParameterPlace.Path, "The instance; %2F stands for a slash", IsNumber: false));

    public static IEndpointConventionBuilder WithBody<TBody>(this IEndpointConventionBuilder endpoint, string text) =>
        endpoint.WithMetadata(new ApiBody(typeof(TBody), text));

    private static Task Answer(HttpContext context) => Task.FromException(new InvalidOperationException($"{context.Request.Path} is described by this, not answered"));
}
