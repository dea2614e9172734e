using FsCheck;
using FsCheck.Fluent;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Tests.Common.Fleet;

namespace NoslateFleet.Tests.Coordination.Fleet;

public sealed class SnapshotOrderTests
{
    [Fact]
    public void First_IsPublished() => Assert.Equal(PublishOutcome.Published, SnapshotOrder.Judge(null, Snapshots.Of()));

    [Fact]
    public void NextOfTheSameBoot_IsPublished() => Judge(PublishOutcome.Published, Snapshots.Of(sequence: 1), Snapshots.Of(sequence: 2));

    [Fact]
    public void SameAgain_IsStale() => Judge(PublishOutcome.Stale, Snapshots.Of(sequence: 2), Snapshots.Of(sequence: 2));

    [Fact]
    public void OlderOfTheSameBoot_IsStale() => Judge(PublishOutcome.Stale, Snapshots.Of(sequence: 2), Snapshots.Of(sequence: 1));

    [Fact]
    public void OfAnEarlierEpochOfTheSameBoot_IsStale_WhateverItsSequence() =>
        Judge(PublishOutcome.Stale, Snapshots.Of(epoch: 3, sequence: 2), Snapshots.Of(epoch: 2, sequence: 9));

    [Fact]
    public void ThawedInstance_NextEpoch_IsPublished() =>
        Judge(PublishOutcome.Published, Snapshots.Of(epoch: 2, sequence: 9), Snapshots.Of(epoch: 3, sequence: 10));

    [Fact]
    public void NewBoot_WithAHigherEpoch_IsPublished() => Judge(PublishOutcome.Published, Snapshots.Of("a", 2, 9), Snapshots.Of("b", 3, 1));

    [Fact]
    public void OtherBoot_WithTheSameEpoch_IsFenced() => Judge(PublishOutcome.Fenced, Snapshots.Of("a", 2, 1), Snapshots.Of("b", 2, 9));

    [Fact]
    public void OlderLife_IsFenced() => Judge(PublishOutcome.Fenced, Snapshots.Of("b", 3, 1), Snapshots.Of("a", 2, 9));

    [Fact]
    public void Clocks_HaveNoSay() =>
        Judge(PublishOutcome.Published, Snapshots.Of(sequence: 1) with { AsOf = DateTimeOffset.MaxValue }, Snapshots.Of(sequence: 2));

    [Fact]
    public void AnyArrivals_TheLastKeptIsTheGreatest_AndNothingEverGoesBack() =>
        Prop.ForAll(
            Gen.Choose(0, 99_999).ArrayOf().ToArbitrary(),
            steps =>
            {
                InstanceSnapshot? kept = null;
                foreach (var step in steps)
                {
                    // A boot holds each of its epochs alone, as by the rule at its first contact.
                    var epoch = 1 + (step / 10 % 6);
                    var arrived = Snapshots.Of("boot-" + (epoch / 2), epoch, 1 + (step / 100 % 9));
                    var outcome = SnapshotOrder.Judge(kept, arrived);
                    var greater = kept is null || (arrived.Epoch, arrived.Sequence).CompareTo((kept.Epoch, kept.Sequence)) > 0;
                    Assert.Equal(greater, outcome == PublishOutcome.Published);
                    kept = greater ? arrived : kept;
                }
            }).QuickCheckThrowOnFailure();

    private static void Judge(PublishOutcome expected, InstanceSnapshot present, InstanceSnapshot arrived)
    {
        Assert.Equal(expected, SnapshotOrder.Judge(present, arrived));
        Assert.Equal(expected == PublishOutcome.Published, SnapshotOrder.IsNewer(arrived, present));
    }
}
