namespace NoslateFleet.Coordination.Lifecycle;

/// <summary>One lifecycle event.</summary>
/// <param name="Sequence">Its number within the boot, from 1.</param>
/// <param name="At">When, by the wall clock.</param>
/// <param name="Epoch">The epoch in which it happened.</param>
/// <param name="Kind">What happened, in one word or a few: <c>phase</c>, <c>thaw</c>, <c>receipt</c>.</param>
/// <param name="Detail">The rest, in words; never a credential.</param>
public sealed record FlightEvent(long Sequence, DateTimeOffset At, long Epoch, string Kind, string Detail);

/// <summary>
/// The last lifecycle events of an instance, oldest first. Bounded: a new event takes the place of the oldest.
/// Safe under concurrent callers.
/// </summary>
/// <param name="capacity">How many events are kept.</param>
/// <param name="time">The clock.</param>
public sealed class FlightRecorder(int capacity, TimeProvider time)
{
    /// <summary>Events kept by default: a day of a busy instance, in some 30 KB.</summary>
    public const int DefaultCapacity = 256;

    private readonly Lock _lock = new();
    private readonly FlightEvent?[] _ring =
        new FlightEvent?[capacity > 0 ? capacity : throw new ArgumentOutOfRangeException(nameof(capacity), capacity, "must be at least 1")];
    private long _sequence;

    /// <summary>Adds an event.</summary>
    /// <param name="epoch">The epoch in which it happened.</param>
    /// <param name="kind">What happened, in one word or a few.</param>
    /// <param name="detail">The rest, in words.</param>
    public void Record(long epoch, string kind, string detail)
    {
        lock (_lock)
        {
            _sequence++;
            _ring[_sequence % _ring.Length] = new FlightEvent(_sequence, time.GetUtcNow(), epoch, kind, detail);
        }
    }

    /// <summary>The events after a number, oldest first.</summary>
    /// <param name="sequence">The last number that the reader has; 0 for all. Any number will do.</param>
    public IReadOnlyList<FlightEvent> After(long sequence)
    {
        lock (_lock)
        {
            var seen = Math.Clamp(sequence, Math.Max(0, _sequence - _ring.Length), _sequence);
            var events = new List<FlightEvent>();
            for (var number = seen + 1; number <= _sequence; number++)
            {
                events.Add(_ring[number % _ring.Length]!);
            }

            return events;
        }
    }
}
