using System.Globalization;

namespace NoslateFleet.Bench.Compare;

/// <summary>One load: a body size and a concurrency.</summary>
internal readonly record struct Cell(int Size, int Concurrency)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Size / 1024} KB c={Concurrency}");
}
