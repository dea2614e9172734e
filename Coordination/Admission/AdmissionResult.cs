using NoslateFleet.Coordination.Invocations;

namespace NoslateFleet.Coordination.Admission;

/// <summary>What admission decided.</summary>
public readonly struct AdmissionResult : IEquatable<AdmissionResult>
{
    private readonly RefusalReason _reason;

    internal AdmissionResult(Ticket ticket, TimeSpan expectedWait)
    {
        Accepted = true;
        Ticket = ticket;
        ExpectedWait = expectedWait;
    }

    private AdmissionResult(Ticket ticket, TimeSpan expectedWait, object? pass)
        : this(ticket, expectedWait) => Pass = pass;

    internal AdmissionResult(RefusalReason reason, TimeSpan? retryAfter, TimeSpan expectedWait)
    {
        _reason = reason;
        RetryAfter = retryAfter;
        ExpectedWait = expectedWait;
    }

    /// <summary>
    /// Whether the invocation was accepted: then <see cref="Ticket"/> is to be closed exactly once, else <see cref="Reason"/> tells why
    /// not.
    /// </summary>
    public bool Accepted { get; }

    /// <summary>The ticket of an accepted invocation; else one that ends nothing.</summary>
    public Ticket Ticket { get; }

    /// <summary>Why it was refused.</summary>
    /// <exception cref="InvalidOperationException">It was accepted.</exception>
    public RefusalReason Reason =>
        Accepted ? throw new InvalidOperationException("an accepted invocation has no reason of refusal") : _reason;

    /// <summary>
    /// When to try again: whole seconds, at least one, from <see cref="ExpectedWait"/> and no more than
    /// <see cref="AdmissionOptions.MaxRetryAfter"/>.
    /// Null if accepted, and where trying this instance again would not help.
    /// </summary>
    public TimeSpan? RetryAfter { get; }

    /// <summary>
    /// The wait for a slot as estimated when the request came (for a refusal after waiting: at the refusal): the queue ahead, times the
    /// moving
    /// mean of service time, by the slots. Zero if nobody was ahead or nothing is known yet.
    /// </summary>
    public TimeSpan ExpectedWait { get; }

    /// <summary>What the <see cref="IInvocationGate"/> that accepted it needs to find its way back at the end; means nothing to others.</summary>
    public object? Pass { get; }

    /// <summary>The same acceptance with a gate's pass.</summary>
    /// <param name="pass">The pass.</param>
    /// <exception cref="InvalidOperationException">It was refused.</exception>
    public AdmissionResult With(object? pass) =>
        Accepted ? new AdmissionResult(Ticket, ExpectedWait, pass) : throw new InvalidOperationException("a refused invocation has no end");

    /// <inheritdoc/>
    public bool Equals(AdmissionResult other) =>
        Accepted == other.Accepted && Ticket == other.Ticket && _reason == other._reason && RetryAfter == other.RetryAfter
        && ExpectedWait == other.ExpectedWait && ReferenceEquals(Pass, other.Pass);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is AdmissionResult other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Accepted, Ticket, _reason, RetryAfter, ExpectedWait);

    /// <summary>Whether both say the same.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator ==(AdmissionResult left, AdmissionResult right) => left.Equals(right);

    /// <summary>Whether they differ.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator !=(AdmissionResult left, AdmissionResult right) => !left.Equals(right);
}
