namespace NoslateFleet.Tests.Cluster.Harness;

/// <summary>One fleet at a time: each is a dozen processes, and their times are looked at.</summary>
[CollectionDefinition(nameof(OneAtATime), DisableParallelization = true)]
public sealed class OneAtATime;
