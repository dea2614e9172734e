namespace NoslateFleet.Emulator.Node;

/// <summary>Faults of an emulated node, switched on and off while it runs. A call is looked at once, when it arrives.</summary>
public sealed class EmulatorFaults
{
    private readonly Action changed;
    private volatile bool workerStartsHang;
    private volatile CallFault? invocations;
    private volatile CallFault? dataPlane;
    private volatile CallFault? controlPlane;

    internal EmulatorFaults(Action changed) => this.changed = changed;

    /// <summary>For calls of functions and services; null for none.</summary>
    public CallFault? Invocations
    {
        get => invocations;
        set => invocations = value;
    }

    /// <summary>For the other calls to the data planes, event streams excepted; null for none.</summary>
    public CallFault? DataPlane
    {
        get => dataPlane;
        set => dataPlane = value;
    }

    /// <summary>For calls to the control planes, event streams excepted; null for none.</summary>
    public CallFault? ControlPlane
    {
        get => controlPlane;
        set => controlPlane = value;
    }

    /// <summary>
    /// Worker starts hang without an error and without a limit, as on a real node whose process starter has died. Switched off, those that hang go on.
    /// </summary>
    public bool WorkerStartsHang
    {
        get => workerStartsHang;
        set
        {
            workerStartsHang = value;
            changed();
        }
    }

    internal CallFault? Find(string path)
    {
        if (path.StartsWith("/noslated.data.PushServer/", StringComparison.Ordinal))
            return invocations;
        if (path.StartsWith("/noslated.data.", StringComparison.Ordinal))
            return dataPlane;
        return path.StartsWith("/noslated.control.", StringComparison.Ordinal) ? controlPlane : null;
    }
}
