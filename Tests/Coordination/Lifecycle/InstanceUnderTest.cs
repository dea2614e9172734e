using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Coordination.Lifecycle;

/// <summary>A lifecycle with a clock that stands still, work that does what it is told, and real invocations.</summary>
internal sealed class InstanceUnderTest : IDisposable
{
    /// <summary>What is left of the default stop budget once the answer's margin is taken off.</summary>
    public static readonly TimeSpan StopTime = TimeSpan.FromSeconds(59.5);

    /// <summary>The same of the default freeze budget.</summary>
    public static readonly TimeSpan FreezeTime = TimeSpan.FromSeconds(9.5);

    private static readonly TimeSpan _tick = TimeSpan.FromMilliseconds(500);

    static InstanceUnderTest() =>
        // Some tests block threads on purpose; the pool must not take its time to replace them.
        ThreadPool.SetMinThreads(64, 8);

    public InstanceUnderTest(Action<LifecycleBudgets>? set = null, TimeProvider? time = null, ManualTimeProvider? clock = null)
    {
        Clock = clock ?? new ManualTimeProvider();
        var budgets = new LifecycleBudgets();
        set?.Invoke(budgets);
        time ??= Clock;
        Ledger = new InvocationLedger(time);
        Admission = new AdmissionController(Ledger, new AdmissionOptions(), time);
        Invocations = new TestInvocations(Ledger, Admission);
        Recorder = new FlightRecorder(FlightRecorder.DefaultCapacity, time);
        Life = new InstanceLifecycle(new InstanceIdentity("i-1", "b-1"), Work, Invocations, budgets, Recorder, time);
        Ledger.Observer = new Edges(Life);
        Life.Tick();
    }

    public ManualTimeProvider Clock { get; }

    public FakeWork Work { get; } = new();

    public InvocationLedger Ledger { get; }

    public AdmissionController Admission { get; }

    public TestInvocations Invocations { get; }

    public FlightRecorder Recorder { get; }

    public InstanceLifecycle Life { get; }

    public InstancePhase Phase => Life.State.Phase;

    public long Epoch => Life.State.Epoch;

    public static async Task<InstanceUnderTest> ReadyAsync(Action<LifecycleBudgets>? set = null)
    {
        var instance = new InstanceUnderTest(set);
        Assert.Null(await instance.InitializeAsync());
        Assert.Equal(InstancePhase.Ready, instance.Phase);
        return instance;
    }

    /// <summary>An instance that a freeze hook has brought to Frozen.</summary>
    public static async Task<InstanceUnderTest> FrozenAsync(Action<LifecycleBudgets>? set = null)
    {
        var instance = await ReadyAsync(set);
        Assert.Equal(InstancePhase.Frozen, (await Soon(instance.Life.FreezeAsync())).Phase);
        return instance;
    }

    public static Task<T> Soon<T>(Task<T> task) => task.WaitAsync(TimeSpan.FromSeconds(20));

    public static Task Soon(Task task) => task.WaitAsync(TimeSpan.FromSeconds(20));

    public static void LawHolds(Receipt receipt) =>
        Assert.Equal(receipt.Accepted, receipt.Completed + receipt.Failed + receipt.Cancelled + receipt.Abandoned + receipt.InFlight);

    public Task<string?> InitializeAsync(bool byHook = true) => Soon(Life.InitializeAsync(budget: null, byHook, CancellationToken.None));

    /// <summary>Accepts a request that is expected to be.</summary>
    public Ticket Accept()
    {
        var result = TryAccept();
        Assert.True(result.Accepted);
        return result.Ticket;
    }

    /// <summary>Asks admission, which never waits here.</summary>
    public AdmissionResult TryAccept()
    {
        var asked = Admission.AdmitAsync("f", "r", Timeout.InfiniteTimeSpan, CancellationToken.None).AsTask();
        Assert.True(asked.IsCompletedSuccessfully);
        return asked.Result;
    }

    /// <summary>A request comes, as the gateway treats it.</summary>
    public async Task<AdmissionResult> RequestAsync()
    {
        if (!Life.TryPass())
        {
            await Soon(Life.PassAsync(CancellationToken.None).AsTask());
        }

        return TryAccept();
    }

    /// <summary>Time goes by while the process runs: its tick comes as usual.</summary>
    public void RunFor(TimeSpan time)
    {
        for (var left = time; left > TimeSpan.Zero; left -= _tick)
        {
            Clock.Advance(left < _tick ? left : _tick);
            Life.Tick();
        }
    }

    /// <summary>Completes once the clock's next timer is that far away: the code under test waits for exactly this.</summary>
    public Task WhenNextTimerAsync(TimeSpan away) =>
        Until.TrueAsync(() => Clock.UntilNextTimer == away, $"no timer that is {away} away");

    public void Dispose()
    {
        Work.Dispose();
        Life.Dispose();
    }

    private sealed class Edges(InstanceLifecycle life) : IActivityObserver
    {
        public void Busy() => life.ActivityChanged();

        public void Idle() => life.ActivityChanged();
    }
}
