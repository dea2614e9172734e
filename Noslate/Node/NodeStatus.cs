using System.Text.Json.Serialization;

namespace NoslateFleet.Noslate.Node;

/// <summary>What is known of a node at one moment.</summary>
/// <param name="DataPlanes">Each data plane, by index.</param>
/// <param name="ControlPlanes">Each control plane, by index.</param>
/// <param name="Profiles">How far the profiles are.</param>
public sealed record NodeStatus(IReadOnlyList<PlaneStatus> DataPlanes, IReadOnlyList<PlaneStatus> ControlPlanes, ProfilesStatus Profiles)
{
    /// <summary>True when a data plane is connected and the wanted profiles, if any, are set: invocations can be expected to succeed.</summary>
    public bool Ready => Reachable && Profiles.State is ProfilesState.None or ProfilesState.Applied;

    /// <summary>True when a data plane is connected.</summary>
    public bool Reachable
    {
        get
        {
            foreach (var plane in DataPlanes)
            {
                if (plane.Connected)
                {
                    return true;
                }
            }

            return false;
        }
    }
}

/// <summary>One plane's connection.</summary>
/// <param name="Name">Its name, as its socket: <c>dp-0</c>, <c>cp-0</c>.</param>
/// <param name="Connected">True while its event stream is open.</param>
/// <param name="Since">When <paramref name="Connected"/> last changed.</param>
/// <param name="Error">Why it is not connected; null while it is, or before the first try.</param>
public sealed record PlaneStatus(string Name, bool Connected, DateTimeOffset Since, string? Error);

/// <summary>Where a profile set stands.</summary>
public enum ProfilesState
{
    /// <summary>No profiles were given: the node keeps what it has.</summary>
    None,

    /// <summary>Given, and not yet set on every plane that needs them.</summary>
    Pending,

    /// <summary>Set.</summary>
    Applied,
}

/// <summary>How far the profiles are.</summary>
/// <param name="State">Where the set stands.</param>
/// <param name="Version">The wanted set's version; null if none.</param>
/// <param name="Error">Why the last try to set them failed; null if it did not.</param>
public sealed record ProfilesStatus(ProfilesState State, string? Version, string? Error)
{
    /// <summary>True while a newer set is on its way and the one before it is in force on every data plane: what it has goes on being served.</summary>
    [JsonIgnore]
    public bool EarlierHolds { get; init; }
}
