using System.Globalization;

namespace NoslateFleet.Emulator.DataPlane;

/// <summary>Deadlines in epoch milliseconds, with the arithmetic of a JavaScript timer.</summary>
internal static class Deadline
{
    /// <summary>A request that names no deadline gets this much.</summary>
    public const double DefaultMs = 10_000;

    /// <summary>The time left. A timer that is due, or set for more than 2^31 - 1 ms, fires at once.</summary>
    public static TimeSpan Left(double deadline, double now)
    {
        double left = deadline - now;
        return left is >= 1 and <= int.MaxValue ? TimeSpan.FromMilliseconds(left) : TimeSpan.FromMilliseconds(1);
    }

    /// <summary>The number as JavaScript prints it in an error text.</summary>
    public static string Print(double value) =>
        Math.Abs(value) < 1e21 && Math.Floor(value).Equals(value)
            ? value.ToString("F0", CultureInfo.InvariantCulture)
            : value.ToString("R", CultureInfo.InvariantCulture);
}
