using NoslateFleet.Coordination.Fleet;

namespace NoslateFleet.Tests.Cluster.Harness;

/// <summary>An instance as the fleet's view shows it.</summary>
/// <param name="Standing">How it stands.</param>
/// <param name="InFlight">What it had in flight when it was heard last.</param>
/// <param name="Ending">Whether that says nothing about a silence that follows.</param>
internal readonly record struct SeenInstance(Standing Standing, int InFlight, bool Ending);
