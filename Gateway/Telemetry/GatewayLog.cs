using Microsoft.Extensions.Logging;
using NoslateFleet.Noslate.Invocation;

namespace NoslateFleet.Gateway.Telemetry;

/// <summary>The gateway's log lines about requests. Each bears the request's id.</summary>
internal static partial class GatewayLog
{
    [LoggerMessage(1001, LogLevel.Debug, "{RequestId} {Target}: {Status}, {Bytes} bytes")]
    public static partial void Answered(ILogger logger, string requestId, string target, int status, long bytes);

    [LoggerMessage(1002, LogLevel.Information, "{RequestId}: refused with {Status} {Reason}")]
    public static partial void Refused(ILogger logger, string requestId, int status, string reason);

    [LoggerMessage(1003, LogLevel.Warning,
        "{RequestId} {Target}: {Status} {Component} {Reason}, executed {Executed}, after head {AfterHead}: {Message} {Detail}")]
    public static partial void Failed(
        ILogger logger, string requestId, string target, int status, string component, string reason, Executed executed, bool afterHead, string message,
        string? detail);

    [LoggerMessage(1004, LogLevel.Information, "{RequestId} {Target}: {Status}, the client left")]
    public static partial void ClientGone(ILogger logger, string requestId, string target, int status);

    [LoggerMessage(1005, LogLevel.Warning, "{RequestId} {Target}: cut off by {Limit}")]
    public static partial void Expired(ILogger logger, string requestId, string target, string limit);

    [LoggerMessage(1006, LogLevel.Error, "{RequestId} {Target}: the gateway failed")]
    public static partial void Internal(ILogger logger, string requestId, string target, Exception error);

    [LoggerMessage(1010, LogLevel.Information, "Platform port: {Address} ({Mode})")]
    public static partial void PlatformListening(ILogger logger, string address, Platform.PlatformMode mode);

    [LoggerMessage(1011, LogLevel.Warning, "The configuration key {Key} means nothing and is passed over")]
    public static partial void UnknownKey(ILogger logger, string key);
}
