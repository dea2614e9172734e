namespace NoslateFleet.Gateway.Fleet;

/// <summary>How many invocations began in each of the last steps of time. A value: never changed once made.</summary>
internal sealed class Trend
{
    /// <summary>How long a step is.</summary>
    public static readonly TimeSpan Step = TimeSpan.FromSeconds(5);

    /// <summary>Steps kept: two minutes.</summary>
    public const int Kept = 24;

    /// <summary>Steps whose mean is the present rate: instances publish at intervals, and one step alone would flicker.</summary>
    private const int Recent = 6;

    private readonly float[] _rates;

    private Trend(float[] rates) => _rates = rates;

    /// <summary>Nothing known yet.</summary>
    public static Trend None { get; } = new([]);

    /// <summary>Invocations a second in each step, the oldest first.</summary>
    public IReadOnlyList<float> Rates => _rates;

    /// <summary>Invocations a second at present; null while nothing is known.</summary>
    public double? Rate => _rates.Length == 0 ? null : _rates.TakeLast(Recent).Average();

    /// <summary>The trend with one step more.</summary>
    /// <param name="count">Invocations in it.</param>
    /// <param name="took">How long it was.</param>
    public Trend With(long count, TimeSpan took)
    {
        var rate = (float)(count / took.TotalSeconds);

        // An idle fleet's trends are one object, not thousands.
        if (rate == 0 && _rates.Length == Kept && Array.TrueForAll(_rates, static earlier => earlier == 0))
        {
            return this;
        }

        return new Trend([.. _rates.Skip(_rates.Length - Kept + 1), rate]);
    }
}
