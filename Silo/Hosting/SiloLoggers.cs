using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace NoslateFleet.Silo.Hosting;

/// <summary>The process's loggers as the silo's own host gets them: that a start failed is told by the supervisor, once, not by the host each time.</summary>
internal sealed class SiloLoggers(ILoggerFactory process) : ILoggerFactory
{
    private const string Host = "Microsoft.Extensions.Hosting.Internal.Host";

    public ILogger CreateLogger(string categoryName) => categoryName == Host ? NullLogger.Instance : process.CreateLogger(categoryName);

    public void AddProvider(ILoggerProvider provider) => process.AddProvider(provider);

    public void Dispose()
    {
        // The process's own go on.
    }
}
