namespace NoslateFleet.Coordination.Supervision;

/// <summary>
/// The rules by which a part of the process is started, watched, restarted and stopped. Does nothing itself: told what happened, it says what to do.
/// There is never more than one of the part, and after a stop was asked for there is never another. Not for several threads at once.
/// </summary>
/// <param name="options">The pace.</param>
/// <param name="random">Spreads the pauses.</param>
public sealed class SupervisorMachine(SupervisorOptions options, Random random)
{
    /// <summary>Where it stands.</summary>
    public SupervisorState State { get; private set; } = SupervisorState.Initial;

    /// <summary>Takes in what happened.</summary>
    /// <param name="what">What happened.</param>
    /// <param name="now">When, by a clock that never goes back.</param>
    /// <returns>What to do now.</returns>
    public SupervisorAction On(SupervisorEvent what, TimeSpan now) => what.Kind switch
    {
        SupervisorEventKind.Begin => Begin(),
        SupervisorEventKind.StopAsked => StopAsked(),
        SupervisorEventKind.Thawed => Thawed(),
        SupervisorEventKind.Lost => what.Number == State.Life ? Lost(what.Detail ?? "it was lost") : SupervisorAction.None,
        _ => what.Number == State.Turn ? Answer(what, now) : SupervisorAction.None,
    };

    private SupervisorAction Answer(SupervisorEvent what, TimeSpan now) => (State.Phase, what.Kind) switch
    {
        (SupervisedPhase.Starting, SupervisorEventKind.Started) => Started(),
        (SupervisedPhase.Starting, SupervisorEventKind.StartFailed) => StartFailed(what.Detail),
        (SupervisedPhase.Verifying, SupervisorEventKind.Verified) => Verified(now),
        (SupervisedPhase.Verifying, SupervisorEventKind.Unsure) => LookAgain(breaks: 0, what.Detail),
        (SupervisedPhase.Verifying, SupervisorEventKind.Broken) => Broken(what.Detail ?? "it does not answer"),
        (SupervisedPhase.Stopping, SupervisorEventKind.Ended) => Ended(now),
        (SupervisedPhase.Waiting, SupervisorEventKind.PauseOver) => Start(),
        _ => SupervisorAction.None,
    };

    private SupervisorAction Begin() => State is { Phase: SupervisedPhase.Down, StopAsked: false } ? Start() : SupervisorAction.None;

    private SupervisorAction Start()
    {
        State = State with { Phase = SupervisedPhase.Starting, Life = State.Life + 1, Turn = State.Turn + 1, Breaks = 0, Leaving = null, UpSince = null };
        return new SupervisorAction(SupervisorActionKind.Start, State.Turn, State.Life);
    }

    private SupervisorAction Started() => State.StopAsked || State.Leaving is not null ? Stop() : Verify(TimeSpan.Zero);

    private SupervisorAction StartFailed(string? detail)
    {
        State = State with { Trouble = State.Leaving ?? detail ?? "it did not start" };
        return State.StopAsked ? Finish() : PauseAfter(State.Failures + 1);
    }

    private SupervisorAction Verify(TimeSpan delay)
    {
        State = State with { Phase = SupervisedPhase.Verifying, Turn = State.Turn + 1 };
        return new SupervisorAction(SupervisorActionKind.Verify, State.Turn, State.Life, delay);
    }

    private SupervisorAction Verified(TimeSpan now)
    {
        State = State with { Phase = SupervisedPhase.Up, Breaks = 0, UpSince = State.UpSince ?? now };
        return SupervisorAction.None;
    }

    private SupervisorAction Broken(string detail) =>
        State.Breaks + 1 >= options.BreaksAllowed ? Leave(detail) : LookAgain(State.Breaks + 1, detail);

    // The pause is that of the first failure: what can't be found out now is not found out by force, and nobody is waiting.
    private SupervisorAction LookAgain(int breaks, string? detail)
    {
        State = State with { Breaks = breaks, Trouble = detail ?? State.Trouble };
        return Verify(Backoff(1));
    }

    private SupervisorAction Lost(string detail)
    {
        switch (State.Phase)
        {
            case SupervisedPhase.Starting when State.Leaving is null:
                State = State with { Leaving = detail };
                return new SupervisorAction(SupervisorActionKind.CancelStart, State.Turn, State.Life);
            case SupervisedPhase.Verifying or SupervisedPhase.Up:
                return Leave(detail);
            default:
                return SupervisorAction.None;
        }
    }

    private SupervisorAction Leave(string detail)
    {
        State = State with { Leaving = detail, Trouble = detail };
        return Stop();
    }

    private SupervisorAction Stop()
    {
        State = State with { Phase = SupervisedPhase.Stopping, Turn = State.Turn + 1, Trouble = State.Leaving ?? State.Trouble };
        return new SupervisorAction(SupervisorActionKind.Stop, State.Turn, State.Life, Graceful: State.Leaving is null);
    }

    private SupervisorAction Ended(TimeSpan now)
    {
        if (State.StopAsked)
        {
            return Finish();
        }

        var lasted = State.UpSince is { } since && now - since >= options.StableAfter;
        return PauseAfter(lasted ? 0 : State.Failures + 1);
    }

    private SupervisorAction PauseAfter(int failures)
    {
        State = State with { Phase = SupervisedPhase.Waiting, Turn = State.Turn + 1, Failures = failures, UpSince = null };
        return new SupervisorAction(
            SupervisorActionKind.Pause, State.Turn, State.Life, failures == 0 ? options.RestartSpread * random.NextDouble() : Backoff(failures));
    }

    private SupervisorAction Thawed() => State.Phase is SupervisedPhase.Up or SupervisedPhase.Verifying ? Verify(TimeSpan.Zero) : SupervisorAction.None;

    private SupervisorAction StopAsked()
    {
        if (State.StopAsked)
        {
            return SupervisorAction.None;
        }

        State = State with { StopAsked = true };
        return State.Phase switch
        {
            SupervisedPhase.Starting => new SupervisorAction(SupervisorActionKind.CancelStart, State.Turn, State.Life),
            SupervisedPhase.Verifying or SupervisedPhase.Up => Stop(),
            SupervisedPhase.Waiting or SupervisedPhase.Down => Finish(),
            _ => SupervisorAction.None,
        };
    }

    private SupervisorAction Finish()
    {
        State = State with { Phase = SupervisedPhase.Down, Turn = State.Turn + 1, UpSince = null };
        return new SupervisorAction(SupervisorActionKind.Finish, State.Turn, State.Life);
    }

    private TimeSpan Backoff(int failures)
    {
        // Beyond 20 doublings every allowed pause is the longest.
        var longest = options.RetryMin * Math.Pow(2, Math.Min(failures - 1, 20));
        return (longest < options.RetryMax ? longest : options.RetryMax) * (0.5 + (random.NextDouble() / 2));
    }
}
