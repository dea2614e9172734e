namespace NoslateFleet.Coordination.Lifecycle;

/// <summary>Who an instance is.</summary>
/// <param name="InstanceId">The container: FC_INSTANCE_ID, else POD_NAME, else the host's name.</param>
/// <param name="Boot">The process: a random id.</param>
public sealed record InstanceIdentity(string InstanceId, string Boot)
{
    /// <summary>An identity with a new boot id.</summary>
    /// <param name="instanceId">The container.</param>
    public static InstanceIdentity OfThisProcess(string instanceId) => new(instanceId, Guid.NewGuid().ToString("N")[..16]);
}
