using NoslateFleet.Coordination.Invocations;

namespace NoslateFleet.Coordination.Admission;

/// <summary>
/// The way of one request over a desk: begun by who asks, decided about at the desk by whatever call comes first, and over when who asks
/// wants nothing any more. Then it serves another request, under another id.
/// </summary>
public sealed class Passage
{
    private readonly AdmissionDesk _desk;
    private readonly int _place;
    private readonly Action<TicketId>? _completed;
    private readonly Lock _lock = new();
    private string _target = "";
    private string _requestId = "";
    private TimeSpan _timeLeft;
    private long _begunAt;
    private long _life;
    private bool _under;
    private AdmissionDecision _decision;
    private AdmissionResult _result;
    private Waiter? _waiter;

    internal Passage(AdmissionDesk desk, int place, Action<TicketId>? completed)
    {
        _desk = desk;
        _place = place;
        _completed = completed;
    }

    /// <summary>Whether the ticket was accepted at once, refused at once, or waits; Unknown: nobody has decided yet.</summary>
    public AdmissionDecision Decision
    {
        get
        {
            lock (_lock)
            {
                return _decision;
            }
        }
    }

    /// <summary>The decision of a ticket that does not wait.</summary>
    /// <exception cref="InvalidOperationException">There is none, or it waits.</exception>
    public AdmissionResult Result
    {
        get
        {
            lock (_lock)
            {
                return _decision is AdmissionDecision.Accepted or AdmissionDecision.Refused
                    ? _result
                    : throw new InvalidOperationException("the ticket is not decided about");
            }
        }
    }

    /// <summary>Begins: from now on the ticket can be asked for at the desk.</summary>
    /// <param name="target">The function's or service's name.</param>
    /// <param name="requestId">The request's id.</param>
    /// <param name="timeLeft">Time until the request's deadline, from now; <see cref="Timeout.InfiniteTimeSpan"/>: none.</param>
    /// <returns>The ticket's id.</returns>
    /// <exception cref="InvalidOperationException">The request before is not over.</exception>
    public TicketId Begin(string target, string requestId, TimeSpan timeLeft)
    {
        lock (_lock)
        {
            if (_under)
            {
                throw new InvalidOperationException("the request before is not over");
            }

            _under = true;
            _life++;
            _target = target;
            _requestId = requestId;
            _timeLeft = timeLeft;
            _begunAt = timeLeft == Timeout.InfiniteTimeSpan ? 0 : _desk.Time.GetTimestamp();
            _decision = AdmissionDecision.Unknown;
            return Id;
        }
    }

    /// <summary>
    /// Waits for a slot, or gives up. To be called once, by who asks, and only for a ticket that was <see cref="AdmissionDecision.Queued"/>.
    /// </summary>
    /// <param name="cancellationToken">Gives up waiting, without a trace.</param>
    /// <exception cref="InvalidOperationException">It does not wait.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled before a decision.</exception>
    public async Task<AdmissionResult> WaitAsync(CancellationToken cancellationToken)
    {
        Waiter waiter;
        lock (_lock)
        {
            waiter = _waiter ?? throw new InvalidOperationException("the ticket does not wait");
            _waiter = null;
        }

        var result = await _desk.Admission.WaitAsync(waiter, cancellationToken);
        lock (_lock)
        {
            _result = result;
            _decision = result.Accepted ? AdmissionDecision.Accepted : AdmissionDecision.Refused;
        }

        return result;
    }

    /// <summary>
    /// Over: what still arrives by this id does nothing. A ticket that is open then is closed as Failed, so that none stays open for ever.
    /// </summary>
    public void Over()
    {
        Ticket left;
        lock (_lock)
        {
            left = _decision == AdmissionDecision.Accepted ? _result.Ticket : default;
            _under = false;
            _decision = AdmissionDecision.Unknown;
            _result = default;
            _waiter = null;
            _target = "";
            _requestId = "";
        }

        left.TryEnd(Outcome.Failed);
    }

    internal AdmissionDecision Admit(TicketId ticket)
    {
        bool first;
        AdmissionDecision decision;
        lock (_lock)
        {
            if (!_under || ticket != Id)
            {
                return AdmissionDecision.Unknown;
            }

            if (_decision != AdmissionDecision.Unknown)
            {
                return _decision;
            }

            var left = _timeLeft;
            if (left > TimeSpan.Zero)
            {
                left -= _desk.Time.GetElapsedTime(_begunAt);
                left = left > TimeSpan.Zero ? left : TimeSpan.Zero;
            }

            if (_desk.Admission.Decide(_target, _requestId, left, out _waiter, out first) is { } result)
            {
                _result = result;
                _decision = result.Accepted ? AdmissionDecision.Accepted : AdmissionDecision.Refused;
            }
            else
            {
                _decision = AdmissionDecision.Queued;
            }

            decision = _decision;
        }

        _desk.Admission.RaiseBusy(first);
        return decision;
    }

    internal bool Complete(TicketId ticket, Outcome outcome)
    {
        Ticket open;
        lock (_lock)
        {
            if (!_under || ticket != Id || _decision != AdmissionDecision.Accepted)
            {
                return false;
            }

            open = _result.Ticket;
        }

        var closed = open.TryEnd(outcome);
        _completed?.Invoke(ticket);
        return closed;
    }

    private TicketId Id => new(_desk.Id, AdmissionDesk.NumberOf(_place, _life));
}
