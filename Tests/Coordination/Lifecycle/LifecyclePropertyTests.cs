using FsCheck;
using FsCheck.Fluent;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;
using Outcome = NoslateFleet.Coordination.Invocations.Outcome;

namespace NoslateFleet.Tests.Coordination.Lifecycle;

/// <summary>Whatever happens to an instance in whatever order, its rules hold after each step.</summary>
public sealed class LifecyclePropertyTests
{
    private const int Kinds = 16;

    /// <summary>What a hook's run that is under way may do to the phase at any moment.</summary>
    private static readonly PhaseCause[] _ofFreeze = [PhaseCause.FreezeBegun, PhaseCause.FreezeReached];
    private static readonly PhaseCause[] _ofStop = [PhaseCause.DrainBegun, PhaseCause.DrainEnded];
    private static readonly PhaseCause[] _ofInitialize = [PhaseCause.Initialised];
    private static readonly PhaseCause[] _ofUndrain = [PhaseCause.Undrained, PhaseCause.UndrainedUninitialised];
    private static readonly PhaseCause[] _ofRequest = [PhaseCause.FreezeCalledOff, PhaseCause.Thawed];

    [Fact]
    public void RandomInterleavings_KeepTheRules() =>
        Prop.ForAll(Gen.Choose(0, (Kinds * 16) - 1).ListOf(60).ToArbitrary(), steps =>
        {
            using var run = new Run();
            foreach (var step in steps)
            {
                run.Step(step % Kinds, step / Kinds);
            }

            run.End();
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(100));

    [Fact]
    public async Task ThePhasesToldInOrder_FollowTheTable()
    {
        // One thread at a time, each run awaited: what is told is in order then, and each change can be looked up by itself.
        var random = new Random(20260304);
        using var it = new InstanceUnderTest();
        var told = new List<InstancePhase> { it.Phase };
        it.Life.Changed += state =>
        {
            lock (told)
            {
                told.Add(state.Phase);
            }
        };
        for (var i = 0; i < 500; i++)
        {
            switch (random.Next(7))
            {
                case 0:
                    await it.InitializeAsync();
                    break;
                case 1:
                    await InstanceUnderTest.Soon(it.Life.FreezeAsync());
                    break;
                case 2:
                    await InstanceUnderTest.Soon(it.Life.StopAsync("order"));
                    break;
                case 3:
                    it.Life.Undrain("operator");
                    break;
                case 4:
                    (await it.RequestAsync()).Ticket.TryEnd(Outcome.Completed);
                    break;
                case 5:
                    it.Clock.Advance(TimeSpan.FromHours(1));
                    it.Life.Tick();
                    break;
                default:
                    it.RunFor(TimeSpan.FromSeconds(1));
                    break;
            }
        }

        Assert.All(told.Zip(told.Skip(1)), pair => Assert.True(
            pair.First == pair.Second || PhaseTable.Rows.Any(row => row.From == pair.First && row.To == pair.Second),
            $"{pair.First} was followed by {pair.Second}"));
        Assert.Equal(Enum.GetValues<InstancePhase>(), told.Distinct().Order());
    }

    private sealed class Run : IDisposable
    {
        private readonly InstanceUnderTest _it = new(b => b.LameDuck = TimeSpan.FromSeconds(2));
        private readonly List<Ticket> _open = [];
        private readonly List<Task<Receipt>> _freezes = [];
        private readonly List<Task<Receipt>> _stops = [];
        private readonly List<Task<string?>> _initialisations = [];
        private InstanceState _before;
        private HashSet<PhaseCause> _underWay = [];

        public Run() => _before = _it.Life.State;

        public void Step(int kind, int choice)
        {
            var causes = new HashSet<PhaseCause>(_underWay);
            var mayThaw = false;
            switch (kind)
            {
                case 0:
                    _it.Life.Tick();
                    mayThaw = true;
                    break;
                case 1:
                case 2:
                    _it.Clock.Advance(TimeSpan.FromMilliseconds(50 * choice));
                    break;
                case 3:
                    _it.Clock.Advance(TimeSpan.FromSeconds(10 * choice));
                    break;
                case 4:
                    _it.Clock.JumpWallClock(TimeSpan.FromSeconds(choice - 8));
                    break;
                case 5:
                case 6:
                case 7:
                    causes.UnionWith(_ofRequest);
                    mayThaw = true;
                    Request();
                    break;
                case 8:
                case 9:
                    mayThaw = true;
                    if (_open.Count > 0)
                    {
                        _open[choice % _open.Count].TryEnd((Outcome)(choice % 3));
                        _open.RemoveAt(choice % _open.Count);
                    }

                    break;
                case 10:
                    causes.UnionWith(_ofFreeze);
                    mayThaw = true;
                    _freezes.Add(_it.Life.FreezeAsync());
                    break;
                case 11:
                    causes.UnionWith(_ofStop);
                    mayThaw = true;
                    _stops.Add(_it.Life.StopAsync(choice % 2 == 0 ? "hook" : "signal"));
                    break;
                case 12:
                    causes.UnionWith(_ofUndrain);
                    _it.Life.Undrain("operator");
                    break;
                case 13:
                    if (choice % 4 == 0)
                    {
                        _it.Life.Force();
                    }

                    break;
                default:
                    causes.UnionWith(_ofInitialize);
                    mayThaw = true;
                    _it.Work.Missing = choice % 3 == 0 ? "a worker" : null;
                    _it.Work[nameof(IInstanceWork.PrepareAsync)] = choice % 4 == 0 ? Way.Heeds : Way.Works;
                    _initialisations.Add(_it.Life.InitializeAsync(null, choice % 2 == 0, CancellationToken.None));
                    break;
            }

            // A run that is under way looks at the clock whenever it changes the phase.
            mayThaw |= _underWay.Count > 0;
            if (mayThaw)
            {
                causes.Add(PhaseCause.Thawed);
            }

            Check(causes, mayThaw);
        }

        public void End()
        {
            _it.Work[nameof(IInstanceWork.PrepareAsync)] = Way.Works;
            _stops.Add(_it.Life.StopAsync("signal"));
            _it.Life.Force();
            _it.Clock.Advance(TimeSpan.FromMinutes(2));
            var all = Task.WhenAll([.. _freezes, .. _stops, .. _initialisations]);
            Assert.True(Task.WhenAny(all, Task.Delay(TimeSpan.FromSeconds(20))).Result == all, "a run never ended");
            Assert.Equal(InstancePhase.Stopped, _it.Phase);
            Assert.True(_it.Ledger.InFlight == 0, "an invocation is left");
            Assert.All(_open, ticket => Assert.False(ticket.TryEnd(Outcome.Completed)));
            foreach (var receipt in _freezes.Concat(_stops).Select(task => task.Result))
            {
                Consistent(receipt);
            }

            Assert.Equal((InstancePhase.Stopped, false), (_stops[^1].Result.Phase, _stops[^1].Result.CalledOff));

            // A thaw's check is nobody's step: it may still be about to end.
            Assert.True(SpinWait.SpinUntil(() => _it.Clock.ArmedTimers == 0, TimeSpan.FromSeconds(20)), "a timer is left");
        }

        public void Dispose() => _it.Dispose();

        private static void Consistent(Receipt receipt)
        {
            InstanceUnderTest.LawHolds(receipt);
            var aim = receipt.Hook == Receipt.PreStop ? InstancePhase.Stopped : InstancePhase.Frozen;
            Assert.True(receipt.CalledOff || receipt.Phase == aim, receipt.ToString());
            Assert.True(receipt.Verdict == Verdict.Forced || receipt.Steps.All(s => s.Outcome is StepTime.Done or StepTime.CalledOff));
            Assert.InRange(receipt.Epoch, 1, long.MaxValue);
        }

        private void Request()
        {
            if (!_it.Life.TryPass())
            {
                // The check works at once: this does not wait for the clock.
                Assert.True(_it.Life.PassAsync(CancellationToken.None).AsTask().Wait(TimeSpan.FromSeconds(20)));
            }

            if (_it.TryAccept() is { Accepted: true } accepted)
            {
                Assert.InRange(accepted.Ticket.Epoch, 1, _it.Epoch);
                _open.Add(accepted.Ticket);
            }
        }

        private void Check(HashSet<PhaseCause> causes, bool mayThaw)
        {
            // What may still change the phase after it was looked at: told before it is.
            var underWay = UnderWay();
            var refusing = _it.Life.IsRefusing;
            var now = _it.Life.State;
            var told = $"{_before.Phase} to {now.Phase} by {string.Join(", ", causes)}";
            Assert.True(Reachable(_before.Phase, causes).Contains(now.Phase), told);
            Assert.InRange(now.Epoch, _before.Epoch, _before.Epoch + (mayThaw ? 2 : 0));
            Assert.True(now.Initialised || !_before.Initialised);
            Assert.True(now.Initialised || now.Phase is InstancePhase.Starting or InstancePhase.Draining or InstancePhase.Stopped);
            Assert.False(refusing && now.Phase is not (InstancePhase.Draining or InstancePhase.Stopped), $"refusing while {now.Phase}");
            Assert.Equal(0, _it.Ledger.Snapshot().Drift);

            // The one is told right after the other, by a run under way at any moment.
            Assert.True(SpinWait.SpinUntil(() => _it.Epoch == _it.Ledger.Epoch, TimeSpan.FromSeconds(20)), "the ledger's epoch is another");
            if (_it.Life.LastReceipt is { } receipt)
            {
                Consistent(receipt);
            }

            InstanceUnderTest.LawHolds(_it.Life.StopSoFar());
            _before = now;
            _underWay = underWay;
        }

        private HashSet<PhaseCause> UnderWay()
        {
            HashSet<PhaseCause> causes = [];
            if (!_freezes.TrueForAll(task => task.IsCompleted))
            {
                causes.UnionWith(_ofFreeze);
            }

            if (!_stops.TrueForAll(task => task.IsCompleted))
            {
                causes.UnionWith(_ofStop);
            }

            if (!_initialisations.TrueForAll(task => task.IsCompleted))
            {
                causes.UnionWith(_ofInitialize);
            }

            return causes;
        }

        private static HashSet<InstancePhase> Reachable(InstancePhase from, HashSet<PhaseCause> causes)
        {
            HashSet<InstancePhase> reached = [from];
            int count;
            do
            {
                count = reached.Count;
                var next = PhaseTable.Rows.Where(row => reached.Contains(row.From) && causes.Contains(row.Cause)).Select(row => row.To);
                reached.UnionWith(next.ToList());
            }
            while (reached.Count > count);
            return reached;
        }
    }
}
