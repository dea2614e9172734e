using System.Buffers.Text;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace NoslateFleet.Gateway.Dashboard;

/// <summary>The stylesheet, the script and the icon. The name of each holds the hash of its content, so that browsers may keep it for good.</summary>
internal sealed class DashboardAssets
{
    /// <summary>Where they are.</summary>
    public const string Folder = "/dashboard/assets/";

    private readonly Dictionary<string, Asset> _byName = new(StringComparer.Ordinal);

    public DashboardAssets()
    {
        Stylesheet = Add("dashboard", "css", "text/css; charset=utf-8");
        Script = Add("dashboard", "js", "text/javascript; charset=utf-8");
        Icon = Add("icon", "svg", "image/svg+xml");
    }

    /// <summary>The stylesheet's path.</summary>
    public string Stylesheet { get; }

    /// <summary>The script's path.</summary>
    public string Script { get; }

    /// <summary>The icon's path.</summary>
    public string Icon { get; }

    /// <summary>Answers with an asset, or 404.</summary>
    /// <param name="context">The request.</param>
    /// <param name="name">The asset's name.</param>
    public Task WriteAsync(HttpContext context, string name)
    {
        if (!_byName.TryGetValue(name, out var asset))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        }

        context.Response.ContentType = asset.Type;
        context.Response.ContentLength = asset.Content.Length;
        context.Response.Headers.CacheControl = "public, max-age=31536000, immutable";
        return context.Response.Body.WriteAsync(asset.Content, context.RequestAborted).AsTask();
    }

    private string Add(string name, string extension, string type)
    {
        using var stream = typeof(DashboardAssets).Assembly.GetManifestResourceStream($"dashboard/assets/{name}.{extension}")!;
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        var full = $"{name}.{Base64Url.EncodeToString(SHA256.HashData(content).AsSpan(0, 9))}.{extension}";
        _byName[full] = new Asset(content, type);
        return Folder + full;
    }

    private sealed record Asset(byte[] Content, string Type);
}
