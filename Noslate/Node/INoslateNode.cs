using System.IO.Pipelines;
using NoslateFleet.Noslate.Invocation;
using NoslateFleet.Noslate.Profiles;
using NoslateFleet.Noslate.Stats;

namespace NoslateFleet.Noslate.Node;

/// <summary>A client of one Noslate node: its data planes and control planes, behind unix sockets.</summary>
public interface INoslateNode
{
    /// <summary>What is known of the node now. Cheap to read; never null.</summary>
    NodeStatus Status { get; }

    /// <summary>The profiles last given to <see cref="SetProfiles"/>; null if none were.</summary>
    ProfileSet? Profiles { get; }

    /// <summary>Raised after <see cref="Status"/> changed, on an arbitrary thread, one at a time. Handlers must be quick and not throw.</summary>
    event Action<NodeStatus>? StatusChanged;

    /// <summary>Raised for each event that a data plane tells, on an arbitrary thread; one at a time for each plane. Handlers must be quick and not throw.</summary>
    event Action<NodeEvent>? EventReceived;

    /// <summary>
    /// Sends an invocation to a data plane that is up, and waits for the response head. The request body is passed on as it
    /// comes, with back-pressure; once this method has thrown, or the returned call is disposed, <paramref name="body"/> is no longer touched.
    /// </summary>
    /// <param name="target">Function or service.</param>
    /// <param name="request">Everything but the body. Stays the caller's: dispose it after the call.</param>
    /// <param name="body">The request body; null for none. It is neither completed nor disposed here.</param>
    /// <param name="timeout">Time to the response head; sent to the node as an absolute deadline. Longer than 2^31 ms is cut to what the node can take.</param>
    /// <param name="cancellationToken">The caller has gone: the call is cancelled at once.</param>
    /// <exception cref="InvocationFailedException">The invocation failed before the head.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    ValueTask<InvocationCall> InvokeAsync(
        InvocationTarget target, InvocationRequest request, PipeReader? body, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>
    /// Says which profiles the node shall have. Returns at once; they are pushed in the background, one set at a time, and again
    /// whenever a plane comes back. <see cref="NodeStatus.Profiles"/> tells how far that is.
    /// </summary>
    /// <param name="profiles">A validated set; replaces the earlier one as a whole.</param>
    void SetProfiles(ProfileSet profiles);

    /// <summary>Asks the planes for their functions and workers and merges the answers.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The merged picture; a plane that does not answer within its time leaves its part out, with its error told.</returns>
    Task<NodeStats> GetStatsAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Makes sure that a data plane's connection is alive, and opens dead ones again at once: for a process that stood still, to which a
    /// connection's end has not been told yet. Of several planes one is enough: the others get no calls until they are found alive too. Profiles and
    /// events follow by themselves.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait; what was begun goes on in the background.</param>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    Task CheckDataPlanesAsync(CancellationToken cancellationToken);
}
