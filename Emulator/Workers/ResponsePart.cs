namespace NoslateFleet.Emulator.Workers;

internal enum ResponsePartKind
{
    /// <summary>A piece of one write of the function.</summary>
    Data,

    /// <summary>The function ended its response.</summary>
    End,

    /// <summary>The function destroyed its response.</summary>
    PeerReset,

    /// <summary>The worker is gone.</summary>
    ConnectionClosed,
}

/// <summary>What a worker sends after the head. A buffer is rented from the shared pool and is the reader's to return.</summary>
internal readonly record struct ResponsePart(ResponsePartKind Kind, byte[]? Buffer = null, int Length = 0, bool More = false);

/// <summary>The head of a function's response.</summary>
internal sealed record ResponseHead(int Status, IReadOnlyList<KeyValuePair<string, string>> Headers);
