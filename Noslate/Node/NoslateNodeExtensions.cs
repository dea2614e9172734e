namespace NoslateFleet.Noslate.Node;

/// <summary>Waiting for a node.</summary>
public static class NoslateNodeExtensions
{
    /// <summary>Waits until <see cref="NodeStatus.Ready"/> is true; returns at once when it is.</summary>
    /// <param name="node">The node.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    public static async Task WaitForReadyAsync(this INoslateNode node, CancellationToken cancellationToken)
    {
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void OnChanged(NodeStatus status)
        {
            if (status.Ready)
            {
                ready.TrySetResult();
            }
        }

        node.StatusChanged += OnChanged;
        try
        {
            OnChanged(node.Status);
            await ready.Task.WaitAsync(cancellationToken);
        }
        finally
        {
            node.StatusChanged -= OnChanged;
        }
    }
}
