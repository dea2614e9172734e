namespace NoslateFleet.Coordination.Admission;

/// <summary>What is decided, at once, about a ticket asked for.</summary>
public enum AdmissionDecision
{
    /// <summary>
    /// Nobody asks for a ticket of this id here: not this process, not any more, or it was given up. Nothing was opened, and nothing will
    /// be.
    /// </summary>
    Unknown,

    /// <summary>It is open.</summary>
    Accepted,

    /// <summary>It waits in line for a slot.</summary>
    Queued,

    /// <summary>It was refused.</summary>
    Refused,
}
