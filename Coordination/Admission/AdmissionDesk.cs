using NoslateFleet.Coordination.Invocations;

namespace NoslateFleet.Coordination.Admission;

/// <summary>
/// Where tickets are asked for and closed by their ids, by ways that may lose a message, deliver it twice or long after its sender has
/// gone by another way. Whatever arrives, in whatever order: each id is decided about at most once, and closed at most once. Safe under
/// concurrent callers.
/// </summary>
/// <remarks>
/// Who asks takes a <see cref="Passage"/> first. Only what has a passage under way is decided about; so a message that arrives after its
/// sender has given up opens nothing, and no memory of ids gone by is needed.
/// </remarks>
public sealed class AdmissionDesk
{
    /// <summary>The most passages of a desk. More than can be in flight and in line together, by the highest limits that can be set.</summary>
    public const int MaxPassages = 1 << PlaceBits;

    private const int PlaceBits = 21;

    private readonly Lock _lock = new();
    private volatile Passage[] _passages = [];
    private int _count;

    /// <summary>A desk before an admission.</summary>
    /// <param name="admission">The admission, which decides.</param>
    /// <param name="random">Draws the desk's id.</param>
    /// <param name="time">The clock for deadlines.</param>
    public AdmissionDesk(AdmissionController admission, Random random, TimeProvider time)
    {
        Admission = admission;
        Time = time;
        Id = random.NextInt64();
    }

    /// <summary>The desk's part of its tickets' ids.</summary>
    public long Id { get; }

    internal AdmissionController Admission { get; }

    internal TimeProvider Time { get; }

    /// <summary>Makes a passage, which serves one request after another and is never given back.</summary>
    /// <param name="completed">
    /// Called, outside all locks, each time somebody has closed the ticket of this id by <see cref="Complete"/>, or has found it closed;
    /// null: nobody wants to know.
    /// </param>
    /// <returns>Null if there are <see cref="MaxPassages"/> already.</returns>
    public Passage? NewPassage(Action<TicketId>? completed)
    {
        lock (_lock)
        {
            if (_count == MaxPassages)
            {
                return null;
            }

            var passages = _passages;
            if (_count == passages.Length)
            {
                Array.Resize(ref passages, Math.Max(16, 2 * _count));
            }

            var passage = new Passage(this, _count, completed);
            passages[_count++] = passage;

            // Only now: whoever has an id of it finds it.
            _passages = passages;
            return passage;
        }
    }

    /// <summary>Decides about a ticket, or tells what was decided. It never waits.</summary>
    /// <param name="ticket">The ticket's id.</param>
    public AdmissionDecision Admit(TicketId ticket) => Find(ticket)?.Admit(ticket) ?? AdmissionDecision.Unknown;

    /// <summary>Closes a ticket, if nobody has yet.</summary>
    /// <param name="ticket">The ticket's id.</param>
    /// <param name="outcome">How the invocation ended.</param>
    /// <returns>True for the one call that closed it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The outcome is none.</exception>
    public bool Complete(TicketId ticket, Outcome outcome) => Find(ticket)?.Complete(ticket, outcome) ?? false;

    internal static long NumberOf(int place, long life) => (life << PlaceBits) | (uint)place;

    private Passage? Find(TicketId ticket)
    {
        if (ticket.Desk != Id)
        {
            return null;
        }

        var passages = _passages;
        var place = (int)(ticket.Number & (MaxPassages - 1));
        return place < passages.Length ? passages[place] : null;
    }
}
