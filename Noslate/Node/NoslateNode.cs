using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using NoslateFleet.Noslate.Invocation;
using NoslateFleet.Noslate.Profiles;
using NoslateFleet.Noslate.Stats;

namespace NoslateFleet.Noslate.Node;

/// <summary>A client of one Noslate node over its unix sockets.</summary>
public sealed partial class NoslateNode : INoslateNode, IPlaneLinkOwner, IInvocationRetry, IAsyncDisposable
{
    // Between two tries of a call whose function the plane does not know yet.
    private static readonly TimeSpan ResyncPauseMin = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan ResyncPauseMax = TimeSpan.FromMilliseconds(400);

    // A timer takes no more, and nobody waits longer.
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(24);

    // More than a plane ever has in flight.
    private const int Unsure = 1 << 30;

    private readonly PlaneLink[] _dataPlanes;
    private readonly PlaneLink[] _controlPlanes;
    private readonly IProfilePublisher _publisher;
    private readonly IStatsReader _stats;
    private readonly Invoker _invoker;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly Lock _gate = new();
    private readonly Queue<NodeStatus> _unraised = new();
    private volatile NodeStatus _status;
    private volatile ProfileSet? _profiles;
    private TaskCompletionSource _dataPlaneCame = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _holds;
    private bool _raising;
    private bool _started;
    private volatile bool _disposed;
    private uint _turn;

    /// <summary>Makes a client; <see cref="Start"/> connects it.</summary>
    /// <param name="options">Where the node is.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">Makes the loggers.</param>
    /// <exception cref="ArgumentException">The options break a rule; the message names every one.</exception>
    public NoslateNode(NodeOptions options, TimeProvider time, ILoggerFactory loggers)
        : this(options, time, loggers, new NodeParts(options, time, loggers), Random.Shared)
    {
    }

    internal NoslateNode(NodeOptions options, TimeProvider time, ILoggerFactory loggers, INodeParts parts, Random random)
    {
        IReadOnlyList<string> errors = NodeOptionsValidator.Validate(options);
        if (errors.Count > 0)
        {
            throw new ArgumentException(string.Join(' ', errors), nameof(options));
        }

        _logger = loggers.CreateLogger<NoslateNode>();
        _time = time;
        _random = random;
        _holds = options.Hold;
        _invoker = new Invoker(time);
        _dataPlanes = [.. Enumerable.Range(0, options.DataPlanes).Select(index => CreateLink(index, isDataPlane: true))];
        _controlPlanes = [.. Enumerable.Range(0, options.ControlPlanes).Select(index => CreateLink(index, isDataPlane: false))];
        Transport.IUnaryCaller[] dataCallers = [.. _dataPlanes.Select(link => link.Channel)];
        Transport.IUnaryCaller[] controlCallers = [.. _controlPlanes.Select(link => link.Channel)];
        _publisher = parts.CreatePublisher(controlCallers, dataCallers);
        _stats = parts.CreateStatsReader(controlCallers, dataCallers);
        _status = Look();
        _publisher.Changed += Refresh;

        PlaneLink CreateLink(int index, bool isDataPlane)
        {
            string name = isDataPlane ? SocketPaths.DataPlaneName(index) : SocketPaths.ControlPlaneName(index);
            var channel = new Transport.PlaneChannel(name, SocketPaths.Of(options, name), options.CallTimeout, time);
            return new PlaneLink(index, isDataPlane, channel, options, time, random, this, loggers.CreateLogger<PlaneLink>());
        }
    }

    /// <inheritdoc/>
    public event Action<NodeStatus>? StatusChanged;

    /// <inheritdoc/>
    public event Action<NodeEvent>? EventReceived;

    /// <inheritdoc/>
    public NodeStatus Status => _status;

    /// <inheritdoc/>
    public ProfileSet? Profiles => _profiles;

    /// <summary>Begins to connect, and goes on in the background until disposal. Never throws and never blocks; a second call does nothing.</summary>
    public void Start()
    {
        lock (_gate)
        {
            if (_started || _disposed)
            {
                return;
            }

            _started = true;
        }

        foreach (PlaneLink link in Links)
        {
            link.Start();
        }
    }

    /// <inheritdoc/>
    public ValueTask<InvocationCall> InvokeAsync(
        InvocationTarget target, InvocationRequest request, PipeReader? body, TimeSpan timeout, CancellationToken cancellationToken)
    {
        PlaneLink? link = Choose(repeatable: body is null);
        return link is not null ? _invoker.InvokeAsync(link.Channel, link, this, target, request, body, timeout, cancellationToken)
            : _holds ? HoldAsync(new UnsentInvocation(target, request, body, timeout, Failure: null), retried: false, cancellationToken)
            : ValueTask.FromException<InvocationCall>(NoPlane());
    }

    /// <summary>Calls that find no data plane fail at once from now on, also those that wait for one: nobody starts it again.</summary>
    public void StopHolding()
    {
        _holds = false;
        TellDataPlaneCame();
    }

    bool IInvocationRetry.TakesUnsent => _holds || _dataPlanes.Length > 1;

    // Each try that fails puts its plane in doubt, so that this ends.
    ValueTask<InvocationCall> IInvocationRetry.AfterUnsentAsync(UnsentInvocation unsent, CancellationToken cancellationToken) =>
        unsent.TimeLeft > TimeSpan.Zero && Choose(unsent.Body is null) is { IsInDoubt: false } other
            ? _invoker.InvokeAsync(other.Channel, other, this, unsent.Target, unsent.Request, unsent.Body, unsent.TimeLeft, cancellationToken)
            : _holds ? HoldAsync(unsent, retried: true, cancellationToken)
            : ValueTask.FromException<InvocationCall>(unsent.Failure!);

    /// <summary>
    /// A plane that has just come back answers "not found" until its profiles arrive. Such a call never ran, so it is tried again as long as
    /// that can be the reason, its time allows it, and all of it is still held: nothing is kept for this.
    /// </summary>
    async ValueTask<InvocationCall> IInvocationRetry.AfterNotFoundAsync(NotFoundInvocation refused, CancellationToken cancellationToken)
    {
        InvocationFailedException failure = refused.Failure;
        var link = (PlaneLink)refused.Load!;
        if (!link.IsResyncing || !IsWanted(refused.Target, refused.Request.ReadName()))
        {
            throw failure;
        }

        if (!refused.Repeatable)
        {
            throw Resyncing(failure, "the request's body could not be sent a second time");
        }

        long began = _time.GetTimestamp();
        var pauses = new Backoff(ResyncPauseMin, ResyncPauseMax, _random);
        while (true)
        {
            TimeSpan pause = pauses.Next();
            if (_time.GetElapsedTime(began) + pause >= refused.TimeLeft)
            {
                throw Resyncing(failure, "its deadline left no time for another try");
            }

            await Task.Delay(pause, _time, cancellationToken);
            TimeSpan left = refused.TimeLeft - _time.GetElapsedTime(began);
            if (left <= TimeSpan.Zero)
            {
                throw Resyncing(failure, "its deadline left no time for another try");
            }

            link = await LinkAsync(left, repeatable: false, cancellationToken);
            left = refused.TimeLeft - _time.GetElapsedTime(began);
            try
            {
                return await _invoker.InvokeAgainAsync(link.Channel, link, refused.Target, refused.Request, left, cancellationToken);
            }
            catch (InvocationFailedException again) when (_holds && again.Error is { Failure: InvocationFailure.PlaneUnavailable, Executed: Executed.Never })
            {
                // Gone again, and told by nobody yet: the next pause is waited out, and what comes back is asked.
                continue;
            }
            catch (InvocationFailedException again) when (link.IsResyncing && Invoker.IsNotFound(again))
            {
                failure = again;
            }
        }
    }

    /// <inheritdoc/>
    public void SetProfiles(ProfileSet profiles)
    {
        _profiles = profiles;
        _publisher.SetDesired(profiles);
        Refresh();
    }

    /// <inheritdoc/>
    public Task<NodeStats> GetStatsAsync(CancellationToken cancellationToken) => _stats.ReadAsync(cancellationToken);

    /// <inheritdoc/>
    public async Task CheckDataPlanesAsync(CancellationToken cancellationToken)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bool alive = false;
        Task<bool>[] checks = [.. _dataPlanes.Select(link => link.CheckAsync(enough.Token))];
        await foreach (Task<bool> check in Task.WhenEach(checks))
        {
            if (check.IsCompletedSuccessfully && await check)
            {
                alive = true;
                break;
            }
        }

        for (int i = 0; i < checks.Length; i++)
        {
            // Calls need not wait for it: they go to the one that has answered until it does.
            if (!checks[i].IsCompleted)
            {
                _dataPlanes[i].CallUnanswered();
            }
        }

        await enough.CancelAsync();
        await ((Task)Task.WhenAll(checks)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!alive)
        {
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
        }

        await _publisher.DisposeAsync();
        foreach (PlaneLink link in Links)
        {
            await link.DisposeAsync();
        }

        _invoker.Dispose();
    }

    void IPlaneLinkOwner.LinkChanged(PlaneLink link, bool connectionChanged)
    {
        // The publisher is told first: who sees the plane connected must not still see profiles as applied that it has lost.
        if (connectionChanged && !_disposed)
        {
            TellPublisher(link);
        }

        Refresh();
        if (connectionChanged && link is { IsDataPlane: true, Status.Connected: true })
        {
            TellDataPlaneCame();
        }
    }

    void IPlaneLinkOwner.EventReceived(NodeEvent nodeEvent)
    {
        try
        {
            EventReceived?.Invoke(nodeEvent);
        }
        catch (Exception e)
        {
            LogHandlerFailed(e, nameof(EventReceived));
        }
    }

    private IEnumerable<PlaneLink> Links => _dataPlanes.Concat(_controlPlanes);

    private void TellPublisher(PlaneLink link)
    {
        switch (link.IsDataPlane, link.Status.Connected)
        {
            case (true, true):
                _publisher.DataPlaneConnected(link.Index);
                break;
            case (true, false):
                _publisher.DataPlaneDisconnected(link.Index);
                break;
            case (false, true):
                _publisher.ControlPlaneConnected(link.Index);
                break;
            default:
                _publisher.ControlPlaneDisconnected(link.Index);
                break;
        }
    }

    // The connected plane with the fewest calls; among equals each in turn. One that is not sure to serve the call gets it only where no other is there.
    private PlaneLink? Choose(bool repeatable)
    {
        PlaneLink? best = null;
        int least = int.MaxValue;
        uint first = _dataPlanes.Length == 1 ? 0 : Interlocked.Increment(ref _turn);
        for (uint i = 0; i < _dataPlanes.Length; i++)
        {
            PlaneLink link = _dataPlanes[(first + i) % (uint)_dataPlanes.Length];
            int rank = link.InFlight;
            if (_dataPlanes.Length > 1 && !link.IsSureToServe(repeatable))
            {
                rank += Unsure;
            }

            if (rank < least && link.Status.Connected)
            {
                best = link;
                least = rank;
            }
        }

        return best;
    }

    /// <summary>Waits for a data plane and sends the invocation; again, with pauses, as long as nothing of it left and its time allows.</summary>
    private async ValueTask<InvocationCall> HoldAsync(UnsentInvocation unsent, bool retried, CancellationToken cancellationToken)
    {
        long began = _time.GetTimestamp();
        if (retried)
        {
            // The link does not know yet that its plane is gone. Without a pause this would be a loop until it does.
            await Task.Delay(ResyncPauseMin, _time, cancellationToken);
        }

        PlaneLink link = await LinkAsync(unsent.TimeLeft - _time.GetElapsedTime(began), unsent.Body is null, cancellationToken);
        TimeSpan left = unsent.TimeLeft - _time.GetElapsedTime(began);
        if (left <= TimeSpan.Zero)
        {
            throw NoPlane();
        }

        return await _invoker.InvokeAsync(link.Channel, link, this, unsent.Target, unsent.Request, unsent.Body, left, cancellationToken);
    }

    /// <summary>A connected data plane, waited for if calls are held.</summary>
    private async ValueTask<PlaneLink> LinkAsync(TimeSpan timeLeft, bool repeatable, CancellationToken cancellationToken)
    {
        if (Choose(repeatable) is { } there)
        {
            return there;
        }

        if (!_holds || timeLeft <= TimeSpan.Zero)
        {
            throw NoPlane();
        }

        using var over = new CancellationTokenSource(timeLeft < LongestTimer ? timeLeft : LongestTimer, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(over.Token, cancellationToken);
        while (true)
        {
            Task came = Volatile.Read(ref _dataPlaneCame).Task;
            if (Choose(repeatable) is { } link)
            {
                return link;
            }

            if (!_holds)
            {
                throw NoPlane();
            }

            try
            {
                await came.WaitAsync(either.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                throw NoPlane();
            }
        }
    }

    private void TellDataPlaneCame() =>
        Interlocked.Exchange(ref _dataPlaneCame, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

    private bool IsWanted(InvocationTarget target, string name)
    {
        if (_profiles is not { } wanted)
        {
            return false;
        }

        return target == InvocationTarget.Service
            ? wanted.Services.Any(service => service.Name == name)
            : wanted.Functions.Any(function => function.Name == name);
    }

    private static InvocationFailedException Resyncing(InvocationFailedException failure, string why) =>
        new(
            new InvocationError(
                InvocationFailure.Resyncing,
                Executed.Never,
                AfterHead: false,
                $"the data plane has just connected and does not have its profiles yet, and {why}: {failure.Error.Message}"),
            failure);

    private InvocationFailedException NoPlane() => new(new InvocationError(
        InvocationFailure.PlaneUnavailable, Executed.Never, AfterHead: false, "no data plane is connected: " + WhyNot()));

    private string WhyNot() =>
        string.Join("; ", _dataPlanes.Select(link => $"{link.Channel.Name}: {link.Status.Error ?? "not tried yet"}"));

    private NodeStatus Look() => new(
        [.. _dataPlanes.Select(link => link.Status)], [.. _controlPlanes.Select(link => link.Status)], _publisher.Status);

    // Handlers run outside the lock, by whichever thread finds none running; the others leave their status behind for it.
    private void Refresh()
    {
        lock (_gate)
        {
            _status = Look();
            _unraised.Enqueue(_status);
            if (_raising)
            {
                return;
            }

            _raising = true;
        }

        while (true)
        {
            NodeStatus next;
            lock (_gate)
            {
                if (!_unraised.TryDequeue(out next!))
                {
                    _raising = false;
                    return;
                }
            }

            try
            {
                StatusChanged?.Invoke(next);
            }
            catch (Exception e)
            {
                LogHandlerFailed(e, nameof(StatusChanged));
            }
        }
    }

    [LoggerMessage(EventId = 110, Level = LogLevel.Error, Message = "A handler of {Event} threw; it must not.")]
    private partial void LogHandlerFailed(Exception exception, string @event);
}
