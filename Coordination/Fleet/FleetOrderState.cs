namespace NoslateFleet.Coordination.Fleet;

/// <summary>An order and what became of it.</summary>
/// <param name="Order">The order.</param>
/// <param name="Result">Its result; null while it is open.</param>
public sealed record FleetOrderState(FleetOrder Order, FleetOrderResult? Result)
{
    /// <summary>When this was read, by the clock that the order's times go by; null where that is the reader's own.</summary>
    public DateTimeOffset? AsOf { get; init; }

    /// <summary>Whether both tell the same, whenever they were read.</summary>
    /// <param name="other">The other.</param>
    public bool Equals(FleetOrderState? other) => other is not null && Order == other.Order && Result == other.Result;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Order, Result);
}
