using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;

namespace NoslateFleet.Silo.Invocations;

/// <summary>
/// One invocation's way through the local grain: the call that admits it, the wait in between, the call that ends it. Serves one after
/// another, so that it costs no allocation of its own.
/// </summary>
/// <remarks>
/// Its state is a life and a phase in one word, changed by compare-and-swap alone: of the answer, the sweep and the end, whoever moves it
/// on does what follows, and a message of an earlier life moves nothing.
/// </remarks>
internal sealed class GrainCall : IValueTaskSource<AdmissionResult>, IThreadPoolWorkItem
{
    private const int PhaseBits = 3;
    private const long PhaseMask = (1 << PhaseBits) - 1;
    private const long Free = 0;
    private const long Asking = 1;
    private const long Deciding = 2;
    private const long Decided = 3;
    private const long Ending = 4;

    private readonly GrainGate _gate;
    private readonly Passage _passage;
    private readonly Action _answered;
    private ManualResetValueTaskSourceCore<AdmissionResult> _source;
    private ConfiguredValueTaskAwaitable<AdmissionDecision>.ConfiguredValueTaskAwaiter _asked;
    private GrainLine _line = null!;
    private TicketId _id;
    private CancellationToken _cancellation;
    private long _state;
    private int _holders;
    private int _stamp;
    private bool _counted;
    private Outcome _outcome;
    private Ticket _ticket;

    private GrainCall(GrainGate gate, AdmissionDesk desk)
    {
        _gate = gate;
        _passage = desk.NewPassage(Completed)!;
        _answered = Answered;
    }

    /// <summary>Makes one; null if the desk has no place left for it.</summary>
    public static GrainCall? Create(GrainGate gate, AdmissionDesk desk)
    {
        var call = new GrainCall(gate, desk);
        return call._passage is null ? null : call;
    }

    /// <summary>Asks the grain for a ticket.</summary>
    public ValueTask<AdmissionResult> AskAsync(
        GrainLine line, string target, string requestId, TimeSpan timeLeft, CancellationToken cancellationToken)
    {
        _line = line;
        _cancellation = cancellationToken;
        _counted = false;
        _source.Reset();
        var version = _source.Version;
        _id = _passage.Begin(target, requestId, timeLeft);

        // Who asks, and the call that is under way: it serves nobody else before both are done with it.
        _holders = 2;
        _stamp = _gate.Stamp();
        var life = (_state & ~PhaseMask) + (PhaseMask + 1);
        Interlocked.Exchange(ref _state, life | Asking);
        _gate.Watch();
        try
        {
            var asked = line.Grain.AdmitAsync(_id);
            _asked = asked.ConfigureAwait(false).GetAwaiter();
        }
        catch (Exception error)
        {
            Answered(AdmissionDecision.Unknown, error);
            return new ValueTask<AdmissionResult>(this, version);
        }

        if (_asked.IsCompleted)
        {
            Answered();
        }
        else
        {
            _asked.UnsafeOnCompleted(_answered);
        }

        return new ValueTask<AdmissionResult>(this, version);
    }

    /// <summary>Ends the invocation through the grain.</summary>
    /// <param name="ticket">Its ticket.</param>
    /// <param name="outcome">How it ended.</param>
    /// <returns>False if this call serves another by now.</returns>
    public bool TryEnd(Ticket ticket, Outcome outcome)
    {
        var state = Volatile.Read(ref _state);
        if ((state & PhaseMask) != Decided || _ticket != ticket)
        {
            return false;
        }

        var line = _line;
        if (_gate.WhyNot(line) is { } reason)
        {
            if (!Move(state, Free))
            {
                return false;
            }

            Count(reason);
            ticket.TryEnd(outcome);
            Leave();
            return true;
        }

        if (!line.TryBeginEnd(GrainGate.MostEnding))
        {
            if (!Move(state, Free))
            {
                return false;
            }

            Count(BypassReason.Full);
            ticket.TryEnd(outcome);
            Leave();
            return true;
        }

        var id = _id;
        _outcome = outcome;
        _stamp = _gate.Stamp();
        if (!Move(state, Ending))
        {
            line.EndArrived();
            return false;
        }

        _gate.Watch();
        try
        {
            // One way: what comes back is the desk's word that the ticket is closed.
            var sent = line.Grain.CompleteAsync(id, outcome);
            if (sent.IsCompletedSuccessfully)
            {
                return true;
            }

            EndAnyway(With(state, Ending), BypassReason.Error, sent.AsTask().Exception);
        }
        catch (Exception error)
        {
            EndAnyway(With(state, Ending), BypassReason.Error, error);
        }

        return true;
    }

    /// <summary>Goes past the grain if it has been waited for long enough.</summary>
    /// <param name="stamp">The sweep's number.</param>
    /// <returns>Whether something is under way here.</returns>
    public bool Sweep(int stamp)
    {
        var state = Volatile.Read(ref _state);
        var phase = state & PhaseMask;
        if (phase is not (Asking or Ending))
        {
            return false;
        }

        if (stamp - Volatile.Read(ref _stamp) < GrainGate.SweepsToWait)
        {
            return true;
        }

        if (phase == Ending)
        {
            EndAnyway(state, BypassReason.Late, error: null);
        }
        else if (Move(state, Deciding))
        {
            _gate.Suspect(_line, BypassReason.Late, error: null);
            Count(BypassReason.Late);

            // The invocation goes on on a thread of its own: others wait for the sweep.
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }

        return true;
    }

    /// <summary>Decides without the grain.</summary>
    public void Execute() => Decide();

    AdmissionResult IValueTaskSource<AdmissionResult>.GetResult(short token)
    {
        var accepted = false;
        try
        {
            var result = _source.GetResult(token);
            accepted = result.Accepted;
            return result;
        }
        finally
        {
            if (!accepted)
            {
                // Nothing to end. The state first: once it is left, it serves somebody else.
                Volatile.Write(ref _state, With(_state, Free));
                Leave();
            }
        }
    }

    ValueTaskSourceStatus IValueTaskSource<AdmissionResult>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<AdmissionResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    private static long With(long state, long phase) => (state & ~PhaseMask) | phase;

    private bool Move(long from, long phase) => Interlocked.CompareExchange(ref _state, With(from, phase), from) == from;

    private void Answered()
    {
        var decision = AdmissionDecision.Unknown;
        Exception? error = null;
        try
        {
            decision = _asked.GetResult();
        }
        catch (Exception caught)
        {
            error = caught;
        }

        _asked = default;
        Answered(decision, error);
    }

    private void Answered(AdmissionDecision decision, Exception? error)
    {
        var line = _line;
        var state = Volatile.Read(ref _state);
        if ((state & PhaseMask) == Asking && Move(state, Deciding))
        {
            if (decision == AdmissionDecision.Unknown)
            {
                _gate.Suspect(line, BypassReason.Error, error);
                Count(BypassReason.Error);
            }

            // The call is back, and who asks is not through yet.
            Leave();
            Decide();
        }
        else
        {
            Leave();
        }
    }

    /// <summary>Goes on with what was decided: at the grain's desk, or here and now.</summary>
    private void Decide()
    {
        try
        {
            var decision = _passage.Decision;
            if (decision == AdmissionDecision.Unknown)
            {
                decision = _gate.Desk.Admit(_id);
            }

            if (decision == AdmissionDecision.Queued)
            {
                _ = WaitAsync();
                return;
            }

            Settle(_passage.Result);
        }
        catch (Exception error)
        {
            _source.SetException(error);
        }
    }

    private async Task WaitAsync()
    {
        AdmissionResult result;
        try
        {
            result = await _passage.WaitAsync(_cancellation);
        }
        catch (Exception error)
        {
            _source.SetException(error);
            return;
        }

        Settle(result);
    }

    private void Settle(AdmissionResult result)
    {
        if (!result.Accepted)
        {
            _source.SetResult(result);
            return;
        }

        _ticket = result.Ticket;
        Volatile.Write(ref _state, With(_state, Decided));
        _source.SetResult(result.With(this));
    }

    /// <summary>The desk has closed the ticket.</summary>
    private void Completed(TicketId id)
    {
        var state = Volatile.Read(ref _state);
        if ((state & PhaseMask) == Ending && _id == id && Move(state, Free))
        {
            _line.EndArrived();
            Leave();
        }
    }

    private void EndAnyway(long state, BypassReason reason, Exception? error)
    {
        // Read before the move: afterwards it may serve somebody else. Written before the phase they belong to.
        var line = _line;
        var ticket = _ticket;
        var outcome = _outcome;
        if (Move(state, Free))
        {
            line.EndArrived();
            _gate.Suspect(line, reason, error);
            Count(reason);
            ticket.TryEnd(outcome);
            Leave();
        }
    }

    private void Count(BypassReason reason)
    {
        if (!_counted)
        {
            _counted = true;
            _gate.Metrics.Bypass(reason);
        }
    }

    private void Leave()
    {
        if (Interlocked.Decrement(ref _holders) > 0)
        {
            return;
        }

        _passage.Over();
        _ticket = default;
        _cancellation = default;
        _gate.Return(this);
    }
}
