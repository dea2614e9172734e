using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Gateway.Fleet;
using NoslateFleet.Noslate.Node;
using NoslateFleet.Noslate.Profiles;

namespace NoslateFleet.Gateway.Hosting;

/// <summary>Starts the node's client, and watches the functions file for it.</summary>
internal sealed partial class NodeService : IHostedService, IAsyncDisposable
{
    private const string DefaultFile = "functions.json";

    private readonly INoslateNode _node;
    private readonly FunctionsFile? _file;

    public NodeService(INoslateNode node, ProfileChoice profiles, GatewayOptions options, TimeProvider time, ILoggerFactory loggers)
    {
        _node = node;
        var path = options.Functions.Path ?? (System.IO.File.Exists(DefaultFile) ? DefaultFile : null);
        if (path is null)
        {
            NoFile(loggers.CreateLogger<NodeService>(), DefaultFile);
            return;
        }

        _file = new FunctionsFile(Path.GetFullPath(path), time, loggers.CreateLogger<FunctionsFile>());
        _file.Changed += profiles.SetOwn;
    }

    /// <summary>The functions file; null where none is used.</summary>
    public FunctionsFile? File => _file;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (_file is not null)
        {
            await _file.StartAsync(cancellationToken);
        }

        (_node as NoslateNode)?.Start();
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_file is not null)
        {
            await _file.DisposeAsync();
        }
    }

    [LoggerMessage(1020, LogLevel.Information, "No functions file: {File} is not in the working directory and Functions:Path is not set; the node keeps the profiles it has")]
    private static partial void NoFile(ILogger logger, string file);
}
