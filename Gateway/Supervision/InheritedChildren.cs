namespace NoslateFleet.Gateway.Supervision;

/// <summary>
/// Children of this process that it has not started: a shell that started the planes and then became this process leaves them, and a container's first
/// process gets whatever is orphaned. Nobody else can reap them, and each zombie takes a process id for as long as we live.
/// </summary>
internal static class InheritedChildren
{
    private const int FirstProcess = 1;

    /// <summary>Reaps them from now on, if there may be any. Only for a program of ours that starts no others: the runtime waits for those itself.</summary>
    /// <param name="time">The clock.</param>
    /// <returns>Ends it when disposed of; null if there is nothing to reap.</returns>
    public static IDisposable? Reap(TimeProvider time) =>
        OperatingSystem.IsLinux() && (Environment.ProcessId == FirstProcess || ProcessTable.Children().Count > 0) ? new ZombieReaper(ProcessTable.Reap, time) : null;
}
