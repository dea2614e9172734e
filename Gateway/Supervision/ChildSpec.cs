namespace NoslateFleet.Gateway.Supervision;

/// <summary>A process that is kept running.</summary>
/// <param name="Name">How it is called in the log.</param>
/// <param name="Command">Program and arguments.</param>
/// <param name="Socket">The unix socket that answers once it is up.</param>
internal sealed record ChildSpec(string Name, IReadOnlyList<string> Command, string Socket);
