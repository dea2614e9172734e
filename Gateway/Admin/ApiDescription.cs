using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;

namespace NoslateFleet.Gateway.Admin;

/// <summary>What the OpenAPI document groups calls by.</summary>
internal static class ApiTags
{
    public const string Instance = "instance";
    public const string Fleet = "fleet";
    public const string Orders = "orders";
    public const string Profiles = "profiles";
}

/// <summary>On an endpoint: a parameter of a call, for the OpenAPI document.</summary>
internal sealed record ApiParameter(string Name, ParameterLocation Location, string Text, bool IsNumber);

/// <summary>On an endpoint: the body of a call, for the OpenAPI document.</summary>
internal sealed record ApiBody(Type Type, string Text);

/// <summary>The OpenAPI document of the admin port, and how endpoints get into it.</summary>
internal static class ApiDescription
{
    public const string Path = "/api/openapi.json";

    private const string SchemeName = "token";
    private const string ProblemType = "application/problem+json";

    // Any call may be refused so.
    private static readonly int[] _refusals = [401, 403, 404, 429, 500];

    // The endpoints take the request as it is; the document wants to see a method.
    private static readonly MethodInfo _method = typeof(ApiDescription).GetMethod(nameof(Answer), BindingFlags.NonPublic | BindingFlags.Static)!;

    public static void AddApiDescription(this IServiceCollection services)
    {
        services.ConfigureHttpJsonOptions(static json =>
            json.SerializerOptions.Converters.Add(new System.Text.Json.Serialization.JsonStringEnumConverter()));
        services.AddOpenApi(static options =>
        {
            options.ShouldInclude = static api => api.RelativePath?.StartsWith("api/", StringComparison.Ordinal) == true;

            // Two things of one name.
            options.CreateSchemaReferenceId = static type => type.Type == typeof(Coordination.Functions.WorkerState)
                ? "HeldWorkerState"
                : OpenApiOptions.CreateDefaultSchemaReferenceId(type);
            options.AddDocumentTransformer(static (document, _, _) =>
            {
                document.Info = new OpenApiInfo
                {
                    Title = "NoslateFleet admin API",
                    Version = "1",
                    Description = "One instance, and the fleet as its directory knows it. Tokens have the role read (GET) or operate (everything).",
                };

                // Wherever it was asked, which is nobody's business but the asker's.
                document.Servers = [];
                document.Components ??= new OpenApiComponents();
                document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
                {
                    [SchemeName] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "Admin:Token or one of Admin:Tokens" },
                };
                document.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(SchemeName, document)] = [] }];
                return Task.CompletedTask;
            });
            options.AddOperationTransformer(static async (operation, context, cancellationToken) =>
            {
                foreach (var metadata in context.Description.ActionDescriptor.EndpointMetadata)
                {
                    if (metadata is ApiParameter parameter)
                    {
                        operation.Parameters ??= [];
                        operation.Parameters.Add(new OpenApiParameter
                        {
                            Name = parameter.Name,
                            In = parameter.Location,
                            Required = parameter.Location == ParameterLocation.Path,
                            Description = parameter.Text,
                            Schema = new OpenApiSchema { Type = parameter.IsNumber ? JsonSchemaType.Integer : JsonSchemaType.String },
                        });
                    }
                    else if (metadata is ApiBody body)
                    {
                        operation.RequestBody = new OpenApiRequestBody
                        {
                            Required = true,
                            Description = body.Text,
                            Content = new Dictionary<string, OpenApiMediaType>
                            {
                                ["application/json"] = new() { Schema = await context.GetOrCreateSchemaAsync(body.Type, null, cancellationToken) },
                            },
                        };
                    }
                }
            });
        });
    }

    public static void MapApiDescription(this WebApplication app) => app.MapOpenApi(Path);

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
        endpoint.WithMetadata(new ApiParameter(name, ParameterLocation.Query, text, isNumber));

    public static IEndpointConventionBuilder WithHeader(this IEndpointConventionBuilder endpoint, string name, string text) =>
        endpoint.WithMetadata(new ApiParameter(name, ParameterLocation.Header, text, IsNumber: false));

    public static IEndpointConventionBuilder WithInstance(this IEndpointConventionBuilder endpoint) =>
        endpoint.WithMetadata(new ApiParameter("id", ParameterLocation.Path, "The instance; %2F stands for a slash", IsNumber: false));

    public static IEndpointConventionBuilder WithBody<TBody>(this IEndpointConventionBuilder endpoint, string text) =>
        endpoint.WithMetadata(new ApiBody(typeof(TBody), text));

    private static Task Answer(HttpContext context) => Task.FromException(new InvalidOperationException($"{context.Request.Path} is described by this, not answered"));
}
