namespace NoslateFleet.Coordination.Admission;

/// <summary>
/// The id of a ticket, made by whoever asks for it before it asks: asking twice by the same id, by whatever way, is asking once.
/// </summary>
/// <param name="Desk">The desk at which it is asked for: a random number, another one for each process.</param>
/// <param name="Number">Its number there.</param>
public readonly record struct TicketId(long Desk, long Number);
