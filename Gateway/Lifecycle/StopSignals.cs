using System.Runtime.InteropServices;

namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>
/// The signals that ask the process to leave, taken from its first moment on. The first process of a container does not die of a signal that nobody
/// takes: one that came before the host's own handler would be lost, and the container would stay until it is killed.
/// </summary>
internal sealed class StopSignals : IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly Lock _lock = new();
    private Action<PosixSignal> _taker;

    /// <summary>Takes SIGTERM, SIGINT and SIGQUIT.</summary>
    /// <param name="early">What is done with one that comes before anybody else takes them over.</param>
    public StopSignals(Action<PosixSignal> early)
    {
        _taker = early;
        foreach (var signal in new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT })
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, On));
        }
    }

    /// <summary>Those of a process that has begun nothing yet: it ends at once, with nothing to lose.</summary>
    /// <param name="name">The program's name, in what it says.</param>
    public static StopSignals OfAStart(string name) => new(signal =>
    {
        Console.Error.WriteLine($"{name}: {signal} before it had started");
        Environment.Exit(0);
    });

    /// <summary>From now on somebody else takes them.</summary>
    /// <param name="taker">Called for each. Must be quick and not throw.</param>
    public void HandTo(Action<PosixSignal> taker)
    {
        lock (_lock)
        {
            _taker = taker;
        }
    }

    public void Dispose() => _registrations.ForEach(registration => registration.Dispose());

    internal void On(PosixSignalContext context)
    {
        context.Cancel = true;

        // Under the lock: each signal has one taker, and nobody begins anything while an early one ends the process.
        lock (_lock)
        {
            _taker(context.Signal);
        }
    }
}
