namespace NoslateFleet.Emulator.Workers;

/// <summary>Kinds of frames between the emulator and a worker; the header is u32 length, u8 kind, u8 flags, u32 stream, little endian.</summary>
internal enum WorkerFrameKind : byte
{
    Hello = 1,
    Init = 2,
    InitDone = 3,
    InitFailed = 4,
    Invoke = 5,
    Body = 6,
    BodyEnd = 7,
    BodyAbort = 8,
    Head = 9,
    HeadFailed = 10,
    Data = 11,
    End = 12,
    Credit = 13,
}

/// <summary>Sizes of the worker protocol; bootstrap.js has the same numbers.</summary>
internal static class WorkerFrame
{
    public const int HeaderSize = 10;

    /// <summary>The largest payload either side may send; a worker that sends more is cut off.</summary>
    public const int MaxPayload = 16 * 1024 * 1024;

    /// <summary>Bytes of body that may be under way per stream and direction.</summary>
    public const int Window = 1024 * 1024;

    /// <summary>The largest piece of body in one frame.</summary>
    public const int Piece = 256 * 1024;

    public const byte MoreFlag = 1;

    public const byte PeerErrorFlag = 1;
}
