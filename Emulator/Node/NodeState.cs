using Microsoft.Extensions.Logging;

namespace NoslateFleet.Emulator.Node;

/// <summary>What both planes of one node share. Brokers and workers are changed only under <see cref="Gate"/>, never across an await.</summary>
internal sealed class NodeState(EmulatorOptions options, TimeProvider clock, ILogger logger)
{
    public Lock Gate { get; } = new();

    public EmulatorOptions Options { get; } = options;

    public TimeProvider Clock { get; } = clock;

    public ILogger Logger { get; } = logger;

    public ChangeSignal Changes { get; } = new();

    public double NowMs => (Clock.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMilliseconds;
}
