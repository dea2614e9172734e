// Silos, Redis servers and calls that have a second each: two such tests at once on two processors would measure each other.
// A class in a collection of its own runs beside the others.
[assembly: Xunit.CollectionBehavior(Xunit.CollectionBehavior.CollectionPerAssembly)]
