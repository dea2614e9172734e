using System.Text;

namespace NoslateFleet.Emulator.PlatformBox;

/// <summary>What a request is, and so how it must end on an instance that is left alone.</summary>
internal enum RequestKind
{
    /// <summary>Answered at once.</summary>
    Short,

    /// <summary>Answered after a while.</summary>
    Slow,

    /// <summary>Answered line by line.</summary>
    Stream,

    /// <summary>A body that the function reads to its end.</summary>
    Upload,

    /// <summary>The platform's event call, POST /invoke.</summary>
    Event,

    /// <summary>The function answers 500 itself.</summary>
    Status,

    /// <summary>The function throws.</summary>
    Throw,

    /// <summary>The function throws after its head has left.</summary>
    Cut,

    /// <summary>The worker exits.</summary>
    Exit,

    /// <summary>The client leaves while the function runs and has said nothing yet.</summary>
    LeaveBeforeHead,

    /// <summary>The client leaves in the middle of the answer.</summary>
    LeaveMidResponse,

    /// <summary>The client leaves in the middle of its upload.</summary>
    LeaveMidUpload,
}

/// <summary>One request of a schedule.</summary>
/// <param name="Number">Which one of the whole schedule, from 1.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Size">
/// Milliseconds of a function that runs for a while, lines of a stream, bytes of a body; 0 where there is nothing to size.
/// </param>
/// <param name="Offset">When it is sent, in milliseconds after its step has begun.</param>
internal sealed record ScheduledRequest(int Number, RequestKind Kind, int Size, int Offset)
{
    /// <summary>Milliseconds between two lines of a stream; the function load has the same number.</summary>
    public const int LinePause = 30;

    /// <summary>Whether it takes a connection that is open already, if there is one, and leaves it open.</summary>
    public bool Kept { get; init; }

    /// <summary>Whether its body is sent without a told length.</summary>
    public bool Chunked { get; init; }

    /// <summary>Whether a client that leaves resets its connection instead of closing it.</summary>
    public bool Abrupt { get; init; }

    public bool ClientLeaves => Kind >= RequestKind.LeaveBeforeHead;

    /// <summary>Which function it is for. One whose worker exits has its own, so that it takes no other request along.</summary>
    public string Function => Kind == RequestKind.Exit ? BoxFunctions.Exit : BoxFunctions.Load;

    /// <summary>About how long it takes, in milliseconds.</summary>
    public int Estimate => Kind switch
    {
        RequestKind.Slow => Size,
        RequestKind.Stream => Size * LinePause,
        RequestKind.LeaveBeforeHead => LeaveAfter,
        RequestKind.LeaveMidResponse => 2 * LinePause,
        RequestKind.Exit => 150,
        _ => 10,
    };

    /// <summary>How long the client waits, in milliseconds, before it leaves a function that says nothing.</summary>
    public int LeaveAfter => Size / 4;

    public override string ToString()
    {
        var text = new StringBuilder($"#{Number} {Words.Of(Kind)}");
        if (Size > 0)
            text.Append($" {Size}");
        text.Append($" +{Offset}");
        if (Kept)
            text.Append(" kept");
        if (Chunked)
            text.Append(" chunked");
        if (Abrupt)
            text.Append(" abrupt");
        return text.ToString();
    }
}

/// <summary>Enumerations as people read them: LeaveMidUpload is leave-mid-upload.</summary>
internal static class Words
{
    public static string Of(Enum value)
    {
        var text = new StringBuilder();
        foreach (char c in value.ToString())
        {
            if (char.IsUpper(c) && text.Length > 0)
                text.Append('-');
            text.Append(char.ToLowerInvariant(c));
        }

        return text.ToString();
    }
}
