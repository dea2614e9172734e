using System.Net;
using System.Text;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Gateway.Forwarding;
using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Gateway.Requests;
using NoslateFleet.Gateway.Telemetry;

namespace NoslateFleet.Gateway.Platform;

/// <summary>The platform port's own server, apart from the admin port's.</summary>
internal sealed class PlatformServer : IHostedService, IDisposable
{
    private readonly KestrelServer _server;
    private readonly PlatformApplication _application;
    private readonly PlatformOptions _options;
    private readonly ILogger<PlatformServer> _logger;

    public PlatformServer(
        PlatformOptions options,
        ForwardingOptions forwarding,
        LimitOptions limits,
        PlatformApplication application,
        Connections connections,
        IServiceProvider services,
        ILoggerFactory loggers)
    {
        _options = options;
        _application = application;
        _logger = loggers.CreateLogger<PlatformServer>();
        var kestrel = new KestrelServerOptions
        {
            AddServerHeader = false,
            AllowSynchronousIO = false,
            ApplicationServices = services,

            // Header values are UTF-8 both ways: a function's own must not turn into question marks.
            RequestHeaderEncodingSelector = static name => name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase) ? StrictLength.Digits : Encoding.UTF8,
            ResponseHeaderEncodingSelector = static _ => Encoding.UTF8,
        };

        // After a thaw an overdue timer would close the very connection on which the first request arrives. Not infinite:
        // on HTTP/2 connections Kestrel 10 takes that for a time long past and closes them at once.
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromDays(1000);
        kestrel.Limits.MaxRequestBodySize = forwarding.MaxRequestBodyBytes;
        Apply(limits, kestrel.Limits);
        var address = IPAddress.Parse(options.Address);
        kestrel.Listen(address, options.Port, listen => Open(listen, connections, HttpProtocols.Http1));
        if (options.Http2Port is { } http2Port)
        {
            kestrel.Listen(address, http2Port, listen => Open(listen, connections, HttpProtocols.Http2));
        }

        _server = new KestrelServer(
            Options.Create(kestrel),

            // The web host's own options, not new ones: only these bear the pool of blocks that Kestrel is meant to run on. Without
            // it every larger body overflowed the shared array pool and allocated its own size again.
            new SocketTransportFactory(services.GetRequiredService<IOptions<SocketTransportOptions>>(), loggers),
            loggers);
    }

    /// <summary>Where the port listens, once started: the real port where 0 was configured.</summary>
    public string Address => _server.Features.Get<IServerAddressesFeature>()!.Addresses.First();

    /// <summary>Where HTTP/2 is spoken, once started; null if it is off.</summary>
    public string? Http2Address => _options.Http2Port is null ? null : _server.Features.Get<IServerAddressesFeature>()!.Addresses.Last();

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await _server.StartAsync(_application, cancellationToken);
        GatewayLog.PlatformListening(_logger, Address, _options.Mode);
    }

    public Task StopAsync(CancellationToken cancellationToken) => _server.StopAsync(cancellationToken);

    public void Dispose() => _server.Dispose();

    private static void Open(ListenOptions listen, Connections connections, HttpProtocols protocol)
    {
        listen.Protocols = protocol;
        listen.Use(next => connection => connections.TrackAsync(connection, next, protocol == HttpProtocols.Http2));
    }

    private static void Apply(LimitOptions limits, KestrelServerLimits kestrel)
    {
        kestrel.RequestHeadersTimeout = limits.RequestHeadersTimeout;
        kestrel.MinRequestBodyDataRate = Rate(limits.MinRequestBodyRate, limits.RateGracePeriod);
        kestrel.MinResponseDataRate = Rate(limits.MinResponseRate, limits.RateGracePeriod);
        kestrel.MaxRequestLineSize = limits.MaxRequestLineBytes;
        kestrel.MaxRequestHeadersTotalSize = limits.MaxRequestHeaderBytes;
        kestrel.MaxRequestHeaderCount = limits.MaxRequestHeaders;
        kestrel.Http2.MaxRequestHeaderFieldSize = limits.MaxRequestHeaderBytes;
    }

    private static MinDataRate? Rate(int? bytesPerSecond, TimeSpan gracePeriod) =>
        bytesPerSecond is { } rate ? new MinDataRate(rate, gracePeriod) : null;
}
