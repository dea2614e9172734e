using System.Text.Json.Serialization;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.OpenApi;

namespace NoslateFleet.Gateway.Admin;

/// <summary>
/// The OpenAPI document of the admin port. It is made when it is first asked for, with services of its own: what it is made with would cost every
/// process some memory and a part of its start, and hardly any is ever asked.
/// </summary>
/// <param name="services">The process's services; the endpoints are among them.</param>
internal sealed class ApiDocument(IServiceProvider services)
{
    private const string Name = "v1";
    private const string SchemeName = "token";

    private readonly Lock _lock = new();
    private Task<byte[]>? _document;

    /// <summary>The document, as JSON of OpenAPI 3.1.</summary>
    public Task<byte[]> ReadAsync()
    {
        lock (_lock)
        {
            // Made anew after a failure only: the endpoints don't change.
            return _document is null or { IsFaulted: true } or { IsCanceled: true } ? _document = Task.Run(MakeAsync) : _document;
        }
    }

    private async Task<byte[]> MakeAsync()
    {
        var own = new ServiceCollection();
        own.AddLogging();
        own.AddRouting();
        own.AddSingleton(services.GetRequiredService<EndpointDataSource>());
        own.AddSingleton(services.GetRequiredService<IHostEnvironment>());
        own.ConfigureHttpJsonOptions(static json => json.SerializerOptions.Converters.Add(new JsonStringEnumConverter()));
        own.AddOpenApi(Name, Configure);
        await using var provider = own.BuildServiceProvider();
        await using var scope = provider.CreateAsyncScope();
        var document = await scope.ServiceProvider.GetRequiredKeyedService<IOpenApiDocumentProvider>(Name).GetOpenApiDocumentAsync();
        using var stream = new MemoryStream();
        await document.SerializeAsJsonAsync(stream, OpenApiSpecVersion.OpenApi3_1);
        return stream.ToArray();
    }

    private static void Configure(OpenApiOptions options)
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
                        In = parameter.Place switch
                        {
                            ApiParameterPlace.Path => ParameterLocation.Path,
                            ApiParameterPlace.Header => ParameterLocation.Header,
                            _ => ParameterLocation.Query,
                        },
                        Required = parameter.Place == ApiParameterPlace.Path,
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
    }
}
