using FsCheck;
using FsCheck.Fluent;
using NoslateFleet.Coordination.Invocations;

namespace NoslateFleet.Tests.Coordination.Invocations;

public sealed class ServiceTimeWindowTests
{
    [Fact]
    public void Mean_OfAnySplitAmongStripes_IsThatOfTheLastTwoWindows() =>
        Prop.ForAll(
            Gen.Choose(0, 999).ArrayOf().Resize(60).ToArbitrary(),
            steps =>
            {
                var stripes = new ServiceTimeWindow[3];
                var seen = new List<(long Number, long Time)>();
                long number = 1000;
                foreach (var step in steps)
                {
                    // Mostly in the same window, at times one further, seldom far.
                    number += (step % 10) switch { 0 => 1, 1 => 1, 2 => 5, _ => 0 };
                    stripes[step % 3].Add(number, step);
                    seen.Add((number, step));
                }

                var merged = default(ServiceTimeWindow);
                foreach (var stripe in stripes)
                {
                    merged.Merge(stripe);
                }

                var last = seen.Where(s => s.Number >= number - 1).Select(s => s.Time).ToArray();
                return merged.Mean == (last.Length == 0 ? null : last.Sum() / last.Length);
            }).QuickCheckThrowOnFailure();
}
