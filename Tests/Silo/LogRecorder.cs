using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace NoslateFleet.Tests.Silo;

/// <summary>Keeps what is logged: level, number, words, and the exception if there is one.</summary>
internal sealed class LogRecorder(ConcurrentQueue<string> logged) : ILoggerProvider, ILogger
{
    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        logged.Enqueue($"{logLevel} {eventId.Id} {formatter(state, exception)} {exception}");

    public void Dispose()
    {
    }
}
