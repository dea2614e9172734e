namespace NoslateFleet.Emulator.Node;

/// <summary>Lets waiters look again after every change of state, at no cost while nobody waits.</summary>
internal sealed class ChangeSignal
{
    private TaskCompletionSource? next;

    public void Pulse()
    {
        if (Volatile.Read(ref next) is not null)
            Interlocked.Exchange(ref next, null)?.TrySetResult();
    }

    /// <summary>Take the task before looking at the state: a change in between completes it.</summary>
    public Task Next()
    {
        while (true)
        {
            TaskCompletionSource? current = Volatile.Read(ref next);
            if (current is not null)
                return current.Task;
            var created = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (Interlocked.CompareExchange(ref next, created, null) is null)
                return created.Task;
        }
    }
}
