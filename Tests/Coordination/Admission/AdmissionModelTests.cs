using FsCheck;
using FsCheck.Fluent;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Tests.Common;
using Outcome = NoslateFleet.Coordination.Invocations.Outcome;

namespace NoslateFleet.Tests.Coordination.Admission;

/// <summary>Thousands of operations in any order, against the plain model, on a clock that only the operations move.</summary>
public sealed class AdmissionModelTests
{
    private static readonly string[] _functions = ["f", "g", "h"];

    [Theory]
    [InlineData(1, 0, 3)]
    [InlineData(3, 0, 5)]
    [InlineData(4, 2, 6)]
    [InlineData(2, 1, 0)]
    public void AnyOrderOfOperations_MatchesThePlainModel(int slots, int perFunction, int queue) =>
        Prop.ForAll(
            Gen.Choose(0, 9_999_999).ArrayOf().Resize(400).ToArbitrary(),
            steps =>
            {
                using var run = new Run(slots, perFunction, queue);
                foreach (var step in steps)
                {
                    run.Step(step);
                }
            }).Check(Config.QuickThrowOnFailure.WithMaxTest(40).WithStartSize(200).WithEndSize(400));

    private sealed class Run(int slots, int perFunction, int queue) : IDisposable
    {
        private readonly AdmissionUnderTest _real = new(slots, perFunction, queue, TimeSpan.FromSeconds(20));
        private readonly AdmissionModel _model = new(slots, perFunction, queue, 20, ManualTimeProvider.Frequency);
        private readonly List<(ModelRequest Model, Task<AdmissionResult> Asked, CancellationTokenSource Cancel)> _undecided = [];
        private readonly List<(ModelRequest Model, Ticket Ticket)> _tickets = [];
        private TimeSpan _now;

        public void Dispose() => _undecided.ForEach(static u => u.Cancel.Dispose());

        public void Step(int step)
        {
            var choice = step / 20;
            switch (step % 20)
            {
                case < 8:
                    Ask(choice);
                    break;
                case < 13:
                    End(choice);
                    break;
                case 13:
                    Cancel(choice);
                    break;
                case 14 or 15:
                    Advance(TimeSpan.FromMilliseconds(choice % 5000));
                    break;
                case 16:
                    Close(choice % 3);
                    break;
                case 17:
                    _real.Admission.Open();
                    _model.ClosedFor = null;
                    break;
                case 18:
                    Rare(choice);
                    break;
                default:
                    // An end that comes too late, by a ticket long closed.
                    if (_tickets.Find(t => t.Model.Ended) is { Model: not null } old)
                    {
                        Assert.False(old.Ticket.TryEnd(Outcome.Completed));
                    }

                    break;
            }

            Compare();
        }

        private void Ask(int choice)
        {
            var function = _functions[choice % 3];
            var timeLeft = (choice / 3 % 8) switch
            {
                < 4 => Timeout.InfiniteTimeSpan,
                4 => TimeSpan.Zero,

                // No sum of whole milliseconds comes near it, so rounding decides nothing.
                _ => TimeSpan.FromMilliseconds(choice / 24 % 4000) + TimeSpan.FromTicks(3210),
            };
            var request = new ModelRequest(function);
            var cancel = new CancellationTokenSource();
            _model.Ask(request, timeLeft, _now);
            var asked = _real.Admission.AdmitAsync(function, "r", timeLeft, cancel.Token).AsTask();
            _undecided.Add((request, asked, cancel));
        }

        private void End(int choice)
        {
            if (_model.Open.Count == 0)
            {
                return;
            }

            var request = _model.Open[choice % _model.Open.Count];
            var outcome = (Outcome)(choice / 7 % 4);
            _model.End(request, outcome, _real.Clock.GetTimestamp());
            Assert.True(_tickets.Find(t => t.Model == request).Ticket.TryEnd(outcome));
        }

        private void Cancel(int choice)
        {
            if (_model.Waiting.Count == 0)
            {
                return;
            }

            var request = _model.Waiting[choice % _model.Waiting.Count];
            _model.Waiting.Remove(request);
            request.GaveUp = true;
            request.Decided = true;
            _undecided.Find(u => u.Model == request).Cancel.Cancel();
        }

        private void Advance(TimeSpan by)
        {
            _real.Clock.Advance(by);
            _now += by;
            _model.PassDeadlines(_now);
        }

        private void Close(int which)
        {
            if (which == 2)
            {
                return;
            }

            var reason = which == 0 ? RefusalReason.Draining : RefusalReason.Stopped;
            _model.ClosedFor = reason;
            _model.RefuseWaiting(reason, static _ => true);
            _real.Admission.Close(reason);
        }

        private void Rare(int choice)
        {
            switch (choice % 4)
            {
                case 0:
                    Assert.Equal(_model.AbandonAll(), _real.Ledger.AbandonAll());
                    break;
                case 1:
                    _real.Ledger.Epoch = ++_model.Epoch;
                    break;
                case 2:
                    _model.Functions = null;
                    _real.Admission.SetFunctions(null);
                    break;
                default:
                    var names = new HashSet<string> { _functions[choice / 4 % 3], _functions[choice / 12 % 3] };
                    _model.Functions = names;
                    _model.RefuseWaiting(RefusalReason.UnknownFunction, w => !names.Contains(w.Function));
                    _real.Admission.SetFunctions(names);
                    break;
            }
        }

        private void Compare()
        {
            Assert.Equal(_model.Waiting.Count, _real.Admission.Queued);
            Assert.Equal(_model.Open.Count, _real.Ledger.InFlight);
            var snapshot = _real.Ledger.Snapshot();
            var ended = _model.Ended;
            var older = _model.Open.Count(o => o.Epoch < _model.Epoch);
            Assert.Equal(
                new LedgerSnapshot(_model.Accepted, ended[0], ended[1], ended[2], ended[3], _model.Open.Count, older),
                snapshot);
            Assert.Equal(0, snapshot.Drift);
            foreach (var function in _real.Ledger.ListFunctions())
            {
                Assert.Equal(0, function.Drift);
                Assert.Equal(_model.Open.Count(o => o.Function == function.Name), function.InFlight);
            }

            for (var i = 0; i < _undecided.Count; i++)
            {
                var (request, asked, cancel) = _undecided[i];
                if (!request.Decided)
                {
                    Assert.False(asked.IsCompleted);
                    continue;
                }

                _undecided.RemoveAt(i--);
                Settle(request, asked);
                cancel.Dispose();
            }
        }

        private void Settle(ModelRequest request, Task<AdmissionResult> asked)
        {
            Assert.True(((IAsyncResult)asked).AsyncWaitHandle.WaitOne(TimeSpan.FromSeconds(20)), "was not decided");
            if (request.GaveUp)
            {
                Assert.True(asked.IsCanceled);
                return;
            }

            var result = asked.GetAwaiter().GetResult();
            Assert.Equal(request.Accepted, result.Accepted);
            if (request.Accepted)
            {
                Assert.Equal(request.Epoch, result.Ticket.Epoch);
                request.AcceptedAt = _real.Clock.GetTimestamp();
                _tickets.Add((request, result.Ticket));
            }
            else
            {
                Assert.Equal(request.Reason, result.Reason);
                Assert.Equal(request.RetryAfterSeconds, (int?)result.RetryAfter?.TotalSeconds);
            }
        }
    }
}
