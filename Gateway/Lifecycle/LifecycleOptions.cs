using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>The instance's life: budgets, identity, what outlives the process.</summary>
public sealed class LifecycleOptions
{
    /// <summary>The configuration section.</summary>
    public const string SectionName = "Lifecycle";

    /// <summary>The configuration section of draining.</summary>
    public const string DrainSectionName = "Drain";

    /// <summary>How long what may take. Every key below Lifecycle and Drain that names a time.</summary>
    public LifecycleBudgets Budgets { get; } = new();

    /// <summary>The instance's id. Default: FC_INSTANCE_ID, else POD_NAME, else the host's name.</summary>
    public string InstanceId { get; set; } = "";

    /// <summary>
    /// What the container's life is known by, so that a drain intent of another one is not taken for this one's: FC_INSTANCE_ID, else POD_UID, else
    /// the instance id.
    /// </summary>
    public string ContainerLife { get; set; } = "";

    /// <summary>
    /// The directory of the drain intent: a small file by which a process that was killed while it drained comes up draining. Default: the node's working
    /// directory, in FunctionCompute and Kubernetes; null, which means none, in Open.
    /// </summary>
    public string? StateDirectory { get; set; }
}
