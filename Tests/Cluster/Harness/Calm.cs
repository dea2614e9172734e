namespace NoslateFleet.Tests.Cluster.Harness;

/// <summary>How quickly an instance answers while nothing goes wrong, to compare with.</summary>
/// <param name="P99">The median of three times within which 99 of 100 requests were answered.</param>
internal readonly record struct Calm(TimeSpan P99)
{
    private const int Windows = 3;

    /// <summary>
    /// What may come on top where that is more than half as much again. 10 ms can be told on a machine that does nothing else; elsewhere other work comes and goes
    /// by more, and what is looked for is a request that waits for a silo, which takes seconds.
    /// </summary>
    private static readonly TimeSpan _least = TimeSpan.FromMilliseconds(Outage.Long ? 10 : 500);

    /// <summary>Measures.</summary>
    public static async Task<Calm> OfAsync(Load load)
    {
        var times = new List<TimeSpan>();
        while (times.Count < Windows)
        {
            times.Add(await load.P99OfAsync(Load.Window));
        }

        return new Calm(times.Order().ElementAt(Windows / 2));
    }

    /// <summary>What others go through is no more than half as much again, or what <see cref="_least"/> says, where that is more.</summary>
    public void Holds(Calm disturbed)
    {
        var most = P99 * 1.5 > P99 + _least ? P99 * 1.5 : P99 + _least;
        Assert.True(disturbed.P99 <= most, $"99 of 100 within {disturbed.P99.TotalMilliseconds:0.0} ms, undisturbed {P99.TotalMilliseconds:0.0} ms");
    }
}
