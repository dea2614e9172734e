namespace NoslateFleet.Emulator.Node;

/// <summary>The kinds of <see cref="CallFault"/>.</summary>
internal enum CallFaultKind
{
    Delay,
    Cut,
    Refuse,
    Garbage,
    Silence,
}
