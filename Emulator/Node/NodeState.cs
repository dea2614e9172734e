using Microsoft.Extensions.Logging;

namespace NoslateFleet.Emulator.Node;

/// <summary>What both planes of one node share. Brokers and workers are changed only under <see cref="Gate"/>, never across an await.</summary>
internal sealed class NodeState
{
    public NodeState(EmulatorOptions options, TimeProvider clock, ILogger logger)
    {
        Options = options;
        Clock = clock;
        Logger = logger;
        Changes = new ChangeSignal();
        Faults = new EmulatorFaults(Changes.Pulse);
    }

    public Lock Gate { get; } = new();

    public EmulatorOptions Options { get; }

    public TimeProvider Clock { get; }

    public ILogger Logger { get; }

    public ChangeSignal Changes { get; }

    public EmulatorFaults Faults { get; }

    public double NowMs => (Clock.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMilliseconds;
}
