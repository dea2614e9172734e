namespace NoslateFleet.Coordination.Fleet;

/// <summary>
/// An order to one instance. Fenced by its id, its expiry and the container's life, never by boot or epoch: it holds across a thaw and a
/// restart of the process, until it is done, undone or expired.
/// </summary>
/// <param name="Id">Its id, made by who places it: placing it twice is placing it once.</param>
/// <param name="InstanceId">The instance.</param>
/// <param name="ContainerLife">
/// The life of the container it is meant for, as <see cref="InstanceSnapshot.ContainerLife"/> tells; null: whichever bears the
/// instance's id.
/// </param>
/// <param name="Kind">What to do.</param>
/// <param name="By">Who ordered it, in words for people; never a credential.</param>
/// <param name="PlacedAt">When it was placed, by the directory's clock once it is read from there.</param>
/// <param name="ExpiresAt">When it lapses, by the same clock. A drain already begun by it is undone then.</param>
public sealed record FleetOrder(
    string Id,
    string InstanceId,
    string? ContainerLife,
    FleetOrderKind Kind,
    string By,
    DateTimeOffset PlacedAt,
    DateTimeOffset ExpiresAt)
{
    /// <summary>The longest id that callers may give.</summary>
    public const int MaxIdLength = 64;

    /// <summary>Whether a caller may give an order this id.</summary>
    /// <param name="text">The id.</param>
    public static bool IsId(string text) =>
        text.Length is > 0 and <= MaxIdLength && text.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
}
