// Silos, Redis servers and calls that have a second each: two such tests at once on two processors would measure each other.
[assembly: Xunit.CollectionBehavior(DisableTestParallelization = true)]
