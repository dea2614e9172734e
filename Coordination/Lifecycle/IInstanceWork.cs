namespace NoslateFleet.Coordination.Lifecycle;

/// <summary>
/// What the lifecycle needs done by the process around it. Every method may take as long as its token allows; a method that throws
/// makes its step fail, never the hook.
/// </summary>
public interface IInstanceWork
{
    /// <summary>Waits until the instance can serve: the node connected, its profiles set, reserved workers Ready.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null once it can serve; what is missing, in words, if the wait was ended before.</returns>
    Task<string?> PrepareAsync(CancellationToken cancellationToken);

    /// <summary>Makes sure that the data plane's connection is alive, or has it opened again.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    Task CheckDataPlaneAsync(CancellationToken cancellationToken);

    /// <summary>
    /// The processor ran not for a while: what rests on time or on old connections is to be looked at, in the background. Returns at once.
    /// </summary>
    /// <param name="gap">How long it did not run.</param>
    void Thawed(TimeSpan gap);

    /// <summary>Waits until the workers report no active request.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    Task WorkersIdleAsync(CancellationToken cancellationToken);

    /// <summary>Sends out what is held back: telemetry, log lines.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    Task FlushAsync(CancellationToken cancellationToken);

    /// <summary>Gives a snapshot of the instance and its last words to the fleet directory: a freeze or an end may follow at once.</summary>
    /// <param name="receipt">What the hook has done so far: all but this step.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    Task PublishAsync(Receipt receipt, CancellationToken cancellationToken);

    /// <summary>
    /// The instance begins to leave: what outlives this process is to know. Called before the phase changes; must be quick.
    /// </summary>
    /// <param name="drain">Why, and until when.</param>
    void DrainBegins(DrainBeginning drain);

    /// <summary>The instance has left, or will stay after all: what <see cref="DrainBegins"/> wrote down is to go.</summary>
    void DrainOver();
}

/// <summary>The beginning of a drain.</summary>
/// <param name="Cause">What began it.</param>
/// <param name="Budget">How long it may take.</param>
public sealed record DrainBeginning(string Cause, TimeSpan Budget);
