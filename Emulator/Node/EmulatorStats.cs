using NoslateFleet.Emulator.Workers;

namespace NoslateFleet.Emulator.Node;

/// <summary>What an emulated node is doing, seen from inside at one instant.</summary>
/// <param name="Functions">Every function that has a profile in the data plane, workers or waiting requests.</param>
/// <param name="OpenDataPlaneCalls">Calls on the data plane sockets that neither side has ended, forgotten error calls included.</param>
/// <param name="OpenControlPlaneCalls">The same on the control plane sockets.</param>
/// <param name="DataPlaneConnections">Connections to the data plane sockets.</param>
/// <param name="ControlPlaneConnections">Connections to the control plane sockets.</param>
public sealed record EmulatorStats(
    IReadOnlyList<FunctionStatus> Functions,
    int OpenDataPlaneCalls,
    int OpenControlPlaneCalls,
    int DataPlaneConnections,
    int ControlPlaneConnections)
{
    /// <summary>The function of that name; one that is not known counts as one with nothing.</summary>
    /// <param name="function">The name.</param>
    /// <returns>Its status.</returns>
    public FunctionStatus this[string function] =>
        Functions.FirstOrDefault(it => it.Name == function) ?? new FunctionStatus(function, false, 0, 0, 0, []);
}

/// <summary>One function of an emulated node.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Registered">Whether the data plane has its broker, that is, it was called or has workers.</param>
/// <param name="Queued">Requests that wait for a worker.</param>
/// <param name="Dispatched">Requests that were given to workers so far.</param>
/// <param name="RedundantTimes">Idle judgements in a row.</param>
/// <param name="Workers">Its workers, starting and stopping ones included.</param>
public sealed record FunctionStatus(
    string Name, bool Registered, int Queued, long Dispatched, int RedundantTimes, IReadOnlyList<WorkerStatus> Workers)
{
    /// <summary>Workers that take requests.</summary>
    public int Ready => Workers.Count(it => it.State == WorkerState.Ready);

    /// <summary>Requests under way in workers.</summary>
    public int Active => Workers.Sum(it => it.ActiveRequests);
}

/// <summary>One worker of an emulated node.</summary>
/// <param name="Name">Its name, which is also that of its log directory.</param>
/// <param name="State">Its state.</param>
/// <param name="Pid">Its process id; 0 before there is one.</param>
/// <param name="ActiveRequests">Requests under way.</param>
/// <param name="LogDirectory">The directory of its stdout.log and stderr.log.</param>
public sealed record WorkerStatus(string Name, WorkerState State, int Pid, int ActiveRequests, string LogDirectory);
