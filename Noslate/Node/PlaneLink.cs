using System.Globalization;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using NoslateFleet.Noslate.Invocation;
using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Noslate.Profiles;
using NoslateFleet.Noslate.Protocol.Host;
using NoslateFleet.Noslate.Transport;

namespace NoslateFleet.Noslate.Node;

/// <summary>What a link tells its node. Calls for one link come one at a time.</summary>
internal interface IPlaneLinkOwner
{
    void LinkChanged(PlaneLink link, bool connectionChanged);

    void EventReceived(NodeEvent nodeEvent);
}

/// <summary>
/// Holds one plane's event stream open: as long as it is, the plane is connected. It costs no traffic while nothing happens, and its
/// end tells of a plane's death at once.
/// </summary>
internal sealed partial class PlaneLink : ICallCounter, IAsyncDisposable
{
    private const string ConnectPath = "/noslated.Host/connect";
    private const string RequestQueueing = "requestQueueing";
    private const string ContainerStatus = "containerStatusReport";

    private readonly NodeOptions _options;
    private readonly TimeProvider _time;
    private readonly IPlaneLinkOwner _owner;
    private readonly Backoff _backoff;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private CancellationTokenSource? _stream;
    private CancellationTokenSource? _pause;
    private TaskCompletionSource _nextConnected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _hurry;
    private volatile int _streamConnection;
    private Task _loop = Task.CompletedTask;
    private volatile PlaneStatus _status;
    private string? _loggedError;
    private int _inFlight;
    private long _connectedAt;
    private bool _wasConnected;
    private volatile bool _unproven;
    private volatile bool _inDoubt;
    private bool _asking;
    private Task _asked = Task.CompletedTask;

    public PlaneLink(
        int index, bool isDataPlane, PlaneChannel channel, NodeOptions options, TimeProvider time, Random random, IPlaneLinkOwner owner, ILogger logger)
    {
        Index = index;
        IsDataPlane = isDataPlane;
        Channel = channel;
        _options = options;
        _time = time;
        _owner = owner;
        _backoff = new Backoff(options.ReconnectMin, options.ReconnectMax, random);
        _logger = logger;
        _status = new PlaneStatus(channel.Name, Connected: false, time.GetUtcNow(), Error: null);
    }

    public int Index { get; }

    public bool IsDataPlane { get; }

    public PlaneChannel Channel { get; }

    public PlaneStatus Status => _status;

    public int InFlight => Volatile.Read(ref _inFlight);

    /// <summary>True while the plane is away, and until it has been connected for the re-sync window: its profiles may still be on their way.</summary>
    public bool IsResyncing => !_status.Connected || _time.GetElapsedTime(Volatile.Read(ref _connectedAt)) < _options.ResyncWindow;

    /// <summary>True from a call that it left unanswered until it answers again, or is connected anew.</summary>
    public bool IsInDoubt => _inDoubt;

    public void Start() => _loop = Task.Run(() => RunAsync(_stop.Token));

    public void CallBegins() => Interlocked.Increment(ref _inFlight);

    public void CallEnds() => Interlocked.Decrement(ref _inFlight);

    public void CallAnswered()
    {
        if (_unproven)
        {
            _unproven = false;
        }
    }

    public void CallUnanswered()
    {
        lock (_gate)
        {
            _inDoubt = true;
            if (!_asking && !_stop.IsCancellationRequested)
            {
                _asking = true;
                _asked = Task.Run(() => AskAsync(_stop.Token));
            }
        }
    }

    /// <summary>
    /// False for a plane that left a call unanswered, and for one that came back and may not have its profiles yet: such a one gets calls that
    /// could be sent again elsewhere, one at a time, until one of them shows that it has.
    /// </summary>
    /// <param name="repeatable">Whether the call could be sent again.</param>
    public bool IsSureToServe(bool repeatable) => !_inDoubt && (!_unproven || (repeatable && InFlight == 0) || !IsResyncing);

    /// <summary>
    /// Makes sure that the connection lives, as after a time in which this process stood still: asks the plane something small over it, and
    /// connects again, without the usual pause, if it is dead. A plane that does not answer in time is left as it is.
    /// </summary>
    /// <returns>False if it did not answer in time.</returns>
    public async Task<bool> CheckAsync(CancellationToken cancellationToken)
    {
        Task next;
        lock (_gate)
        {
            next = _nextConnected.Task;
        }

        if (Status.Connected && await AnswersAsync(cancellationToken) is { } answers)
        {
            return answers;
        }

        _hurry = true;
        End(ref _pause);
        await next.WaitAsync(cancellationToken);
        return true;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        Task asked;
        lock (_gate)
        {
            asked = _asked;
        }

        await asked;
        Channel.Dispose();
        _stop.Dispose();
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            long? connectedAt = null;
            string error;
            using CancellationTokenSource dropped = Begin(out _stream, cancellationToken);
            try
            {
                using GrpcDuplexStream stream = await Channel.OpenAsync(
                    ConnectPath, FirstMessages(), _options.CallTimeout, dropped.Token);
                connectedAt = _time.GetTimestamp();
                _streamConnection = Channel.Connections;
                SetConnected();
                while (await stream.ReadAsync(dropped.Token))
                {
                    Surface(stream.Current.Span);
                }

                error = "the plane ended its event stream";
            }
            catch (OperationCanceledException) when (dropped.IsCancellationRequested)
            {
                error = cancellationToken.IsCancellationRequested ? "the client was stopped" : "the connection was found dead";
            }
            catch (Exception e)
            {
                error = e is GrpcException grpc ? grpc.Message : $"{e.GetType().Name}: {e.Message}";
            }

            Forget(out _stream);
            SetDisconnected(error);

            // A plane that ends each stream at once is no plane that is back.
            if (connectedAt is { } since && _time.GetElapsedTime(since) >= _options.ReconnectMax)
            {
                _backoff.Reset();
            }

            await PauseAsync(cancellationToken);
        }
    }

    private async Task PauseAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource pause = Begin(out _pause, cancellationToken);
        if (_hurry)
        {
            // Asked for while this was no pause: one short one, since the plane was tried just now.
            _hurry = false;
            _backoff.Reset();
        }

        try
        {
            await Task.Delay(_backoff.Next(), _time, pause.Token);
        }
        catch (OperationCanceledException)
        {
            _hurry = false;
        }

        Forget(out _pause);
    }

    private CancellationTokenSource Begin(out CancellationTokenSource? place, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return place = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        }
    }

    private void Forget(out CancellationTokenSource? place)
    {
        lock (_gate)
        {
            place = null;
        }
    }

    // Outside the lock: what a cancellation runs is not ours.
    private void End(ref CancellationTokenSource? place)
    {
        CancellationTokenSource? source;
        lock (_gate)
        {
            source = place;
        }

        try
        {
            source?.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It ended by itself.
        }
    }

    /// <summary>Asks the plane something small until it answers, or until it is another matter: its connection is lost.</summary>
    private async Task AskAsync(CancellationToken cancellationToken)
    {
        bool told = false;
        try
        {
            while (StillInDoubt())
            {
                if (await AnswersAsync(cancellationToken) is { } answers)
                {
                    if (answers)
                    {
                        _inDoubt = false;
                        if (told)
                        {
                            LogAnswersAgain(Channel.Name);
                        }

                        continue;
                    }

                    if (!told)
                    {
                        told = true;
                        LogSilent(Channel.Name);
                    }
                }

                await Task.Delay(_options.ReconnectMax, _time, cancellationToken);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Nobody needs the answer any more.
        }
    }

    private bool StillInDoubt()
    {
        lock (_gate)
        {
            return _asking = _inDoubt && _status.Connected;
        }
    }

    // Null: its connection is dead, and so is the event stream now.
    private async Task<bool?> AnswersAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Channel.CallAsync(
                PlaneMethods.GetWorkerTrafficStats, new Empty(), WorkerTrafficStatsResponse.Parser, _options.CallTimeout, cancellationToken);
            if (Channel.Connections == _streamConnection)
            {
                return true;
            }

            // Answered over a new connection: the event stream's is dead, and nobody has told it yet.
        }
        catch (GrpcException silent) when (silent.Status.Code == GrpcStatusCode.DeadlineExceeded)
        {
            return false;
        }
        catch (GrpcException answered) when (answered.InnerException is null)
        {
            return true;
        }
        catch (GrpcException)
        {
            // It could not be asked.
        }

        End(ref _stream);
        return null;
    }

    private List<IMessage> FirstMessages()
    {
        if (IsDataPlane)
        {
            return [Subscription(RequestQueueing), Subscription(ContainerStatus)];
        }

        // The plane answers a stream's head only after a message. The field is uint32, so the epoch's milliseconds are cut, as Noslate does.
        uint timestamp = unchecked((uint)_time.GetUtcNow().ToUnixTimeMilliseconds());
        return [new Request { Type = RequestType.LivenessProbe, Liveness = new LivenessProbeRequest { Timestamp = timestamp } }];
    }

    private static Request Subscription(string name) =>
        new() { Type = RequestType.Subscribe, Subscription = new SubscriptionRequest { EventName = name, Subscribe = true } };

    private void SetConnected()
    {
        _loggedError = null;
        _unproven = _wasConnected;
        _wasConnected = true;
        Volatile.Write(ref _connectedAt, _time.GetTimestamp());
        _status = _status with { Connected = true, Since = _time.GetUtcNow(), Error = null };
        TaskCompletionSource waited;
        lock (_gate)
        {
            _inDoubt = false;
            waited = _nextConnected;
            _nextConnected = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        LogConnected(Channel.Name, Channel.SocketPath);
        _owner.LinkChanged(this, connectionChanged: true);
        waited.TrySetResult();
    }

    private void SetDisconnected(string error)
    {
        PlaneStatus before = _status;
        if (!before.Connected && before.Error == error)
        {
            return;
        }

        _status = before with { Connected = false, Since = before.Connected ? _time.GetUtcNow() : before.Since, Error = error };

        // Once per change: a plane that stays away is not worth a line for every try.
        if ((before.Connected || _loggedError is null) && !_stop.IsCancellationRequested)
        {
            LogDisconnected(Channel.Name, Channel.SocketPath, error);
            _loggedError = error;
        }

        _owner.LinkChanged(this, connectionChanged: before.Connected);
    }

    // Names that are not ours and the liveness event are passed over: other versions tell more.
    private void Surface(ReadOnlySpan<byte> message)
    {
        try
        {
            foreach (SubscriptionEvent item in SubscriptionChunk.Parser.ParseFrom(message).Events)
            {
                NodeEvent? nodeEvent = (item.Name, item.Data) switch
                {
                    (RequestQueueing, { } data) => new NodeEvent(Channel.Name, RequestQueueingBroadcast.Parser.ParseFrom(data.Data), null),
                    (ContainerStatus, { } data) => new NodeEvent(Channel.Name, null, ContainerStatusReport.Parser.ParseFrom(data.Data)),
                    _ => null,
                };
                if (nodeEvent is not null)
                {
                    _owner.EventReceived(nodeEvent);
                }
            }
        }
        catch (InvalidProtocolBufferException e)
        {
            LogBadEvent(Channel.Name, message.Length.ToString(CultureInfo.InvariantCulture), e.Message);
        }
    }

    [LoggerMessage(EventId = 100, Level = LogLevel.Information, Message = "Connected to {Plane} at {SocketPath}.")]
    private partial void LogConnected(string plane, string socketPath);

    [LoggerMessage(EventId = 101, Level = LogLevel.Warning, Message = "Not connected to {Plane} at {SocketPath}: {Error}. Trying again in the background.")]
    private partial void LogDisconnected(string plane, string socketPath, string error);

    [LoggerMessage(EventId = 103, Level = LogLevel.Warning, Message = "{Plane} is connected and does not answer; calls go to the other data planes, if there are any, until it does.")]
    private partial void LogSilent(string plane);

    [LoggerMessage(EventId = 104, Level = LogLevel.Information, Message = "{Plane} answers again.")]
    private partial void LogAnswersAgain(string plane);

    [LoggerMessage(EventId = 102, Level = LogLevel.Warning, Message = "{Plane} sent an event of {Length} bytes that can't be parsed; it is passed over: {Error}")]
    private partial void LogBadEvent(string plane, string length, string error);
}
