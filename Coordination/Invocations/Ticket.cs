namespace NoslateFleet.Coordination.Invocations;

/// <summary>
/// What an admission hands out and an outcome closes, exactly once. A small handle: copies stand for the same ticket, and a copy
/// kept past the end is harmless.
/// </summary>
public readonly struct Ticket : IEquatable<Ticket>
{
    private readonly TicketSlot? _slot;
    private readonly long _life;

    internal Ticket(TicketSlot slot, long life, long epoch)
    {
        _slot = slot;
        _life = life;
        Epoch = epoch;
    }

    /// <summary>The instance's epoch in which the invocation was accepted. It settles in that epoch, whenever it ends.</summary>
    public long Epoch { get; }

    /// <summary>Closes the ticket, if nobody has yet. Safe from any thread.</summary>
    /// <param name="outcome">How the invocation ended.</param>
    /// <returns>True for the one call that closed it.</returns>
    public bool TryEnd(Outcome outcome) => _slot is not null && _slot.Stripe.Ledger.TryEnd(_slot, _life, outcome);

    /// <inheritdoc/>
    public bool Equals(Ticket other) => ReferenceEquals(_slot, other._slot) && _life == other._life;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Ticket other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_slot, _life);

    /// <summary>Whether both stand for the same ticket.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator ==(Ticket left, Ticket right) => left.Equals(right);

    /// <summary>Whether they stand for different tickets.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator !=(Ticket left, Ticket right) => !left.Equals(right);
}
