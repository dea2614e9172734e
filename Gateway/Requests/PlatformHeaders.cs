using System.Collections.Frozen;

namespace NoslateFleet.Gateway.Requests;

/// <summary>
/// What Function Compute puts on a request (https://www.alibabacloud.com/help/doc-detail/425057.htm). Some of it is secret.
/// </summary>
internal static class PlatformHeaders
{
    public const string Prefix = "x-fc-";
    public const string RequestId = "x-fc-request-id";
    public const string ControlPath = "x-fc-control-path";
    public const string FunctionTimeout = "x-fc-function-timeout";
    public const string Status = "x-fc-status";

    /// <summary>Credentials. The tracing endpoint counts as one because its path usually bears a token.</summary>
    private static readonly FrozenSet<string> _credentials = new[]
    {
        "x-fc-access-key-id",
        "x-fc-access-key-secret",
        "x-fc-security-token",
        "x-fc-tracing-jaeger-endpoint",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    public static bool IsCredential(string name) => _credentials.Contains(name);
}
