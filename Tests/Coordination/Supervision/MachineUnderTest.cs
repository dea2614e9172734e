using NoslateFleet.Coordination.Supervision;

namespace NoslateFleet.Tests.Coordination.Supervision;

/// <summary>A machine with a clock of its own, told and asked step by step.</summary>
internal sealed class MachineUnderTest
{
    private readonly SupervisorMachine _machine;

    public MachineUnderTest(SupervisorOptions? options = null, int seed = 1)
    {
        Options = options ?? new SupervisorOptions();
        _machine = new SupervisorMachine(Options, new Random(seed));
    }

    public SupervisorOptions Options { get; }

    public TimeSpan Now { get; set; }

    public SupervisorState State => _machine.State;

    public SupervisorAction Last { get; private set; }

    /// <summary>Tells it what happened, as an answer to the last action where it is one.</summary>
    public SupervisorAction Tell(SupervisorEventKind kind, string? detail = null) => Tell(
        new SupervisorEvent(
            kind,
            kind switch
            {
                SupervisorEventKind.Lost => State.Life,
                SupervisorEventKind.Begin or SupervisorEventKind.StopAsked or SupervisorEventKind.Thawed => 0,
                _ => State.Turn,
            },
            detail));

    public SupervisorAction Tell(SupervisorEvent what)
    {
        var action = _machine.On(what, Now);
        if (action.Kind != SupervisorActionKind.None)
        {
            Last = action;
        }

        return action;
    }

    /// <summary>A machine whose part runs and is relied on.</summary>
    public static MachineUnderTest Up(SupervisorOptions? options = null)
    {
        var it = new MachineUnderTest(options);
        it.Tell(SupervisorEventKind.Begin);
        it.Tell(SupervisorEventKind.Started);
        it.Tell(SupervisorEventKind.Verified);
        Assert.Equal(SupervisedPhase.Up, it.State.Phase);
        return it;
    }
}
