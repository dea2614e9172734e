using Microsoft.Extensions.Logging;

namespace NoslateFleet.Gateway.Hosting;

/// <summary>
/// The loggers of both ports' servers. A server tells one fault of a client as if it were ours: of a chunked body whose trailer has a NUL in it, it says at
/// Error, once the answer is out, that the reader of the body is in an invalid state. Anybody could fill the log with that, so it is told at Debug.
/// </summary>
internal sealed class ServerLogs(ILoggerFactory loggers) : ILoggerFactory
{
    private const string Server = "Microsoft.AspNetCore.Server.Kestrel";
    private const string DrainFailed = "RequestBodyDrainBodyReaderInvalidState";

    // Where the server's own parser threw; a reader that we left in an invalid state is told of by the pipe.
    private const string Parser = "Microsoft.AspNetCore.Server.Kestrel.Core";

    /// <summary>Whether a server's own parser threw over what a client sent.</summary>
    /// <param name="error">What was thrown while a body was read.</param>
    public static bool IsClients(Exception? error) => error is not null && Parser.Equals(error.Source, StringComparison.Ordinal);

    // Nothing that is told of each request bears this category, so that no request costs more for it.
    public ILogger CreateLogger(string categoryName)
    {
        var logger = loggers.CreateLogger(categoryName);
        return categoryName.Equals(Server, StringComparison.Ordinal) ? new ServerLogger(logger) : logger;
    }

    public void AddProvider(ILoggerProvider provider) => loggers.AddProvider(provider);

    // The loggers are their owner's.
    public void Dispose()
    {
    }

    private sealed class ServerLogger(ILogger inner) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => inner.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => inner.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var clients = logLevel == LogLevel.Error && DrainFailed.Equals(eventId.Name, StringComparison.Ordinal)
                && IsClients(exception);
            var level = clients ? LogLevel.Debug : logLevel;
            if (inner.IsEnabled(level))
            {
                inner.Log(level, eventId, state, exception, formatter);
            }
        }
    }
}
