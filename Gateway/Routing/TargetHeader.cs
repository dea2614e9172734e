using NoslateFleet.Noslate.Invocation;

namespace NoslateFleet.Gateway.Routing;

/// <summary>The headers by which a caller names a function or service.</summary>
internal static class TargetHeader
{
    public const string Target = "x-noslate-target";

    /// <summary>The header of Noslate's own example gateway; understood so that its callers need no change.</summary>
    public const string Dispatch = "x-noslated-dispatch";

    private const int MaxNameLength = 256;

    /// <summary>Reads <c>function|NAME</c>, <c>service|NAME</c>, <c>function:NAME</c>, <c>service:NAME</c> or <c>NAME</c>.</summary>
    public static bool TryParse(string value, out RouteTarget? target)
    {
        target = null;
        var text = value.AsSpan().Trim();
        var kind = InvocationTarget.Function;
        var separator = text.IndexOfAny('|', ':');
        if (separator >= 0)
        {
            if (text[..separator].SequenceEqual("service"))
            {
                kind = InvocationTarget.Service;
            }
            else if (!text[..separator].SequenceEqual("function"))
            {
                return false;
            }

            text = text[(separator + 1)..];
        }

        if (!IsName(text))
        {
            return false;
        }

        target = new RouteTarget(kind, text.ToString());
        return true;
    }

    /// <summary>Whether a text can be a function's or service's name: 1 to 256 characters, none of them a control character.</summary>
    public static bool IsName(ReadOnlySpan<char> name)
    {
        if (name.IsEmpty || name.Length > MaxNameLength)
        {
            return false;
        }

        foreach (var c in name)
        {
            if (char.IsControl(c))
            {
                return false;
            }
        }

        return true;
    }
}
