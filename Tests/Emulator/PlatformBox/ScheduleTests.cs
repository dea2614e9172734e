using FsCheck;
using FsCheck.Fluent;
using NoslateFleet.Emulator.PlatformBox;

namespace NoslateFleet.Tests.Emulator.PlatformBox;

public sealed class ScheduleTests
{
    private static readonly BoxOptions Minute = new() { Seed = 42 };

    [Fact]
    public void SameOptions_AreTheSameSchedule()
    {
        Schedule one = Schedule.Of(Minute);
        Schedule other = Schedule.Of(Minute with { Gateway = "elsewhere" });
        Assert.Equal(one.Text, other.Text);
        Assert.Equal(one.Hash, other.Hash);
    }

    [Fact]
    public void AnyOtherOption_IsAnotherSchedule()
    {
        BoxOptions[] others =
        [
            Minute, Minute with { Seed = 43 }, Minute with { Instances = 4 }, Minute with { Version = PlatformVersion.Fc2 },
            Minute with { For = TimeSpan.FromSeconds(61) }, Minute with { Requests = 20 },
        ];
        Assert.Equal(others.Length, others.Select(options => Schedule.Of(options).Hash).Distinct().Count());
    }

    /// <summary>Whoever changes the planner changes what every seed means: then this is the place to say so.</summary>
    [Fact]
    public void Seed42_MeansWhatItAlwaysMeant() => Assert.Equal("a850e6bb672e678c", Schedule.Of(Minute).Hash);

    [Fact]
    public void SplitMix64_GivesItsPublishedSequence()
    {
        // The first numbers for the seed 1234567, as published with the algorithm.
        var random = new SeededRandom(1234567);
        Assert.Equal(
            [6457827717110365317, 3203168211198807973, 9817491932198370423], new[] { random.Next(), random.Next(), random.Next() });
    }

    [Fact]
    public void LongEnoughSchedule_HasEveryKindOfEverything()
    {
        foreach (PlatformVersion version in Enum.GetValues<PlatformVersion>())
        {
            Schedule schedule = Schedule.Of(new BoxOptions { Version = version, For = TimeSpan.FromMinutes(3) });
            Assert.Equal(
                Enum.GetValues<RequestKind>(), schedule.Steps.SelectMany(step => step.Requests).Select(it => it.Kind).Distinct().Order());
            Assert.Equal(Enum.GetValues<EndKind>(), schedule.Steps.OfType<StopStep>().Select(it => it.Kind).Distinct().Order());
            Assert.Equal(Enum.GetValues<EndKind>(), schedule.Steps.OfType<KillStep>().Select(it => it.Kind).Distinct().Order());
            Assert.Equal(Enum.GetValues<InitializeCalls>(), schedule.Steps.OfType<StartStep>().Select(it => it.Calls).Distinct().Order());
            FreezeKind other = version == PlatformVersion.Fc2 ? FreezeKind.Running : FreezeKind.DuringPreFreeze;
            Assert.Equal(
                Enum.GetValues<FreezeKind>().Where(kind => kind != other),
                schedule.Steps.OfType<FreezeStep>().Select(it => it.Kind).Distinct().Order());
            Assert.Contains(schedule.Steps.OfType<FreezeStep>(), it => it.Frozen < 100);
            Assert.Contains(schedule.Steps.OfType<FreezeStep>(), it => it.Frozen > 1000);
        }
    }

    [Fact]
    public void AnySchedule_IsWellFormed()
    {
        Gen<BoxOptions> any =
            from seed in Gen.Choose(0, int.MaxValue)
            from instances in Gen.Choose(1, 8)
            from milliseconds in Gen.Choose(1, 40_000)
            from requests in Gen.Choose(1, 300)
            select new BoxOptions
            {
                Seed = (ulong)seed,
                Instances = instances,
                For = TimeSpan.FromMilliseconds(milliseconds),
                Requests = requests,
                Version = (PlatformVersion)(seed & 1),
            };
        Check.QuickThrowOnFailure(Prop.ForAll(any.ToArbitrary(), options => WellFormed(options)));
    }

    private static void WellFormed(BoxOptions options)
    {
        Schedule schedule = Schedule.Of(options);
        Assert.InRange(schedule.RequestCount, 0, options.Requests);
        Assert.Equal(
            Enumerable.Range(1, schedule.RequestCount), schedule.Steps.SelectMany(step => step.Requests).Select(it => it.Number).Order());
        Assert.Equal(schedule.Steps.Select(step => step.At).Order(), schedule.Steps.Select(step => step.At));
        ILookup<int, Step> slots = schedule.Steps.ToLookup(step => step.Life.Slot);
        Assert.Equal(Enumerable.Range(0, options.Instances), slots.Select(slot => slot.Key).Order());
        foreach (IGrouping<int, Step> slot in slots)
        {
            Assert.Equal(
                Enumerable.Range(1, slot.Max(step => step.Life.Number)), slot.OfType<StartStep>().Select(step => step.Life.Number));
            Assert.IsType<StopStep>(slot.Last());
            foreach (IGrouping<Life, Step> life in slot.GroupBy(step => step.Life))
            {
                Assert.IsType<StartStep>(life.First());
                Assert.True(life.Last() is StopStep or KillStep);
                Assert.DoesNotContain(life.Skip(1).SkipLast(1), step => step is StartStep or StopStep or KillStep);
            }
        }
    }
}
