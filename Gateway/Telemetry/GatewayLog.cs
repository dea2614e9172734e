using Microsoft.Extensions.Logging;
using NoslateFleet.Gateway.Problems;
using NoslateFleet.Noslate.Invocation;

namespace NoslateFleet.Gateway.Telemetry;

/// <summary>The gateway's log lines about requests. Each bears the request's id.</summary>
internal static partial class GatewayLog
{
    [LoggerMessage(1001, LogLevel.Debug, "{RequestId} {Target}: {Status}, {Bytes} bytes")]
    public static partial void Answered(ILogger logger, string requestId, string target, int status, long bytes);

    [LoggerMessage(1002, LogLevel.Information, "{RequestId}: refused with {Status} {Reason}")]
    public static partial void Refused(ILogger logger, string requestId, int status, string reason);

    /// <summary>Tells of a failed invocation: a client's fault (4xx) is no reason for anybody to look, unless they look for it.</summary>
    public static void Failed(
        ILogger logger, string requestId, string target, Problem problem, Executed executed, bool afterHead, string message, string? detail) =>
        Failed(
            logger,
            problem.Status < 500 ? LogLevel.Information : LogLevel.Warning,
            requestId, target, problem.Status, problem.Component, problem.Reason, executed, afterHead, message, detail);

    [LoggerMessage(1004, LogLevel.Information, "{RequestId} {Target}: {Status}, the client left")]
    public static partial void ClientGone(ILogger logger, string requestId, string target, int status);

    [LoggerMessage(1005, LogLevel.Warning, "{RequestId} {Target}: cut off by {Limit}")]
    public static partial void Expired(ILogger logger, string requestId, string target, string limit);

    [LoggerMessage(1006, LogLevel.Error, "{RequestId} {Target}: the gateway failed")]
    public static partial void Internal(ILogger logger, string requestId, string target, Exception error);

    [LoggerMessage(EventId = 1003,
        Message = "{RequestId} {Target}: {Status} {Component} {Reason}, executed {Executed}, after head {AfterHead}: {Message} {Detail}")]
    private static partial void Failed(
        ILogger logger, LogLevel level, string requestId, string target, int status, string component, string reason, Executed executed, bool afterHead,
        string message, string? detail);

    [LoggerMessage(1010, LogLevel.Information, "Platform port: {Address} ({Mode})")]
    public static partial void PlatformListening(ILogger logger, string address, Platform.PlatformMode mode);

    [LoggerMessage(1011, LogLevel.Warning, "The configuration key {Key} means nothing and is passed over")]
    public static partial void UnknownKey(ILogger logger, string key);
}
