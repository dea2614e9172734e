namespace NoslateFleet.Bench.Compare;

/// <summary>All that was measured.</summary>
internal sealed class Measurements
{
    private readonly Dictionary<(string Contender, Cell Cell), List<Sample>> _samples = [];

    /// <summary>From start to the first 200 of the published gateway, in seconds; null if not measured.</summary>
    public double? FirstAnswerSeconds { get; set; }

    /// <summary>Its resident memory after ten thousand requests, in MiB; null if not measured.</summary>
    public double? ResidentMebibytes { get; set; }

    public void Add(string contender, Cell cell, Sample sample)
    {
        if (!_samples.TryGetValue((contender, cell), out var list))
        {
            _samples[(contender, cell)] = list = [];
        }

        list.Add(sample);
    }

    /// <summary>The median; null if that was not measured.</summary>
    public Sample? Of(string contender, Cell cell) => _samples.TryGetValue((contender, cell), out var list) ? Sample.Median(list) : null;
}
