using System.Globalization;
using Microsoft.AspNetCore.Http;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Gateway.Requests;

namespace NoslateFleet.Gateway.Forwarding;

/// <summary>How long a request may take.</summary>
/// <param name="Head">Time to the response head.</param>
/// <param name="Total">Time to the body's end; null: none but the idle limit.</param>
internal readonly record struct Deadline(TimeSpan Head, TimeSpan? Total)
{
    /// <summary>What is left of it, of which the total counts from the request's arrival anyway.</summary>
    /// <param name="waited">Time gone by since the request came.</param>
    public Deadline After(TimeSpan waited) => this with { Head = Head > waited ? Head - waited : TimeSpan.Zero };
}

/// <summary>Finds the deadline of a request.</summary>
internal sealed class Deadlines(ForwardingOptions options, PlatformMode mode)
{
    public const string Header = "x-noslate-timeout-ms";

    /// <summary>Finds the deadline.</summary>
    /// <param name="headers">The request's headers.</param>
    /// <param name="ofRoute">The matched route's own timeout; null if it has none.</param>
    /// <param name="deadline">The deadline.</param>
    /// <returns>False if the caller's own wish is not understood.</returns>
    public bool TryFind(IHeaderDictionary headers, TimeSpan? ofRoute, out Deadline deadline)
    {
        var head = ofRoute ?? options.Timeout;
        TimeSpan? total = null;
        if (mode == PlatformMode.FunctionCompute && headers[PlatformHeaders.FunctionTimeout] is [{ } text]
            && double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds) && seconds is > 0 and <= 1e6)
        {
            var platform = TimeSpan.FromSeconds(seconds);

            // A function with a very short limit still gets half of it.
            platform = platform > options.TimeoutMargin * 2 ? platform - options.TimeoutMargin : platform / 2;
            total = platform;
            head = ofRoute is { } route && route < platform ? route : platform;
        }

        deadline = new Deadline(head, total);
        var wish = headers[Header];
        if (wish.Count == 0)
        {
            return true;
        }

        if (wish.Count > 1 || !long.TryParse(wish[0], NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds) || milliseconds == 0)
        {
            return false;
        }

        if (milliseconds < head.TotalMilliseconds)
        {
            deadline = deadline with { Head = TimeSpan.FromMilliseconds(milliseconds) };
        }

        return true;
    }
}
