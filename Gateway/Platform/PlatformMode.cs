namespace NoslateFleet.Gateway.Platform;

/// <summary>What kind of platform calls the platform port.</summary>
public enum PlatformMode
{
    /// <summary>None in particular: a laptop, a virtual machine.</summary>
    Open,

    /// <summary>Alibaba Cloud Function Compute, custom container. Its x-fc-* headers are believed.</summary>
    FunctionCompute,

    /// <summary>Kubernetes.</summary>
    Kubernetes,
}
