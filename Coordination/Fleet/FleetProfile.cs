namespace NoslateFleet.Coordination.Fleet;

/// <summary>One version of the fleet's profiles.</summary>
/// <param name="Version">Its number, from 1; a roll-back makes a new one.</param>
/// <param name="Json">The functions file's text; null: from this version on each instance goes by its own file again.</param>
/// <param name="By">Who set it, in words for people; never a credential.</param>
/// <param name="At">When, by the directory's clock.</param>
/// <param name="RolledBackTo">The version whose text it repeats; null if it is no roll-back.</param>
public sealed record FleetProfile(long Version, string? Json, string By, DateTimeOffset At, long? RolledBackTo);
