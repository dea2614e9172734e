namespace NoslateFleet.Emulator.PlatformBox;

/// <summary>Carries out the steps of one slot, one after the other, each not before its time.</summary>
internal sealed class Lane(
    BoxOptions options,
    PlatformCalls calls,
    FactLog facts,
    BoxFleet? fleet,
    Journal journal,
    Watchdog watchdog,
    TimeProvider clock,
    CancellationToken cancel) : IDisposable
{
    /// <summary>How long to wait before /initialize is called again after a failure.</summary>
    private const int InitializeAgain = 500;

    private BoxInstance? instance;
    private Client? client;
    private string lastId = "";
    private int hookCalls;

    private BoxInstance Instance => instance!;

    private Client Client => client!;

    /// <summary>Carries the steps out; never throws for what an instance does.</summary>
    public async Task RunAsync(IEnumerable<Step> steps)
    {
        Life life = default;
        try
        {
            foreach (Step step in steps)
            {
                life = step.Life;
                if (journal.Elapsed < TimeSpan.FromMilliseconds(step.At))
                    await Task.Delay(TimeSpan.FromMilliseconds(step.At) - journal.Elapsed, clock, cancel);
                journal.Write(step.ToString());
                await CarryOutAsync(step);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            if (instance is not null)
            {
                instance.Group.Thaw();
                await LeaveAsync(instance.EndAsync(LifeEnd.Interrupted));
            }
            else if (facts.IsOpen(life))
                facts.Add(new LifeFact(life, LifeEnd.Interrupted));
        }
        catch (Exception error)
        {
            string what = error is InstanceFailedException ? error.Message : $"{error.GetType().Name}: {error.Message}";
            string detail = instance?.Describe(what) ?? what;
            journal.Write($"instance {life}: {detail}");
            if (instance is not null)
                await LeaveAsync(instance.KillAsync(LifeEnd.Crashed), detail);
            else
                facts.Add(new LifeFact(life, LifeEnd.Crashed) { Detail = detail });
        }
    }

    public void Dispose() => client?.Dispose();

    private Task CarryOutAsync(Step step) => step switch
    {
        StartStep start => StartAsync(start),
        LoadStep load => LoadAsync(load),
        FreezeStep freeze => FreezeAsync(freeze),
        StopStep stop => StopAsync(stop),
        KillStep kill => KillAsync(kill),
        _ => throw new InvalidOperationException($"unknown step {step}"),
    };

    private async Task StartAsync(StartStep step)
    {
        facts.CountStart(step.Life);
        instance = await BoxInstance.StartAsync(step.Life, journal.Root, options, fleet, watchdog, clock, cancel);
        fleet?.Note(instance.Id, "running");
        client = new Client(instance, calls, facts, clock, cancel);
        if (step.Calls == InitializeCalls.None)
            return;
        TimeSpan end = journal.Elapsed + HookPaths.LimitOf(HookPaths.Initialize);
        while (await HookAsync("POST", HookPaths.Initialize) is { Status: not 200 } failed)
        {
            if (failed.Reason == "no-route" || journal.Elapsed > end)
                throw new InstanceFailedException("it could not be initialised");
            await client.WaitAsync(InitializeAgain);
        }

        if (step.Calls == InitializeCalls.Twice)
            await HookAsync("POST", HookPaths.Initialize);
    }

    private async Task LoadAsync(LoadStep step)
    {
        Task load = Client.LoadAsync(step.Load);
        if (step.CountersAt is { } at)
        {
            await Client.WaitAsync(at);
            await CountersAsync("under load");
        }

        await load;
        lastId = calls.IdOf(step.Life, step.Load[^1]);
    }

    private async Task FreezeAsync(FreezeStep step)
    {
        await Client.KeepIdleAsync(step.Connections);
        Task before = Client.LoadAsync(step.Before);
        if (step.Kind == FreezeKind.DuringPreFreeze)
        {
            await Client.WaitAsync(FreezeStep.HookOffset);
            await HookAsync("GET", HookPaths.PreFreeze);
        }

        await before;

        long thawed = 0;
        long frozen = 0;
        switch (step.Kind)
        {
            case FreezeKind.HalfInSocket:
                await Client.RunAsync(step.First, half: true, HoldAsync, PassAsync);
                break;
            case FreezeKind.NextInSocket when step.First.Kept:
                await Client.RunAsync(step.First, half: false, HoldAsync, PassAsync);
                break;
            case FreezeKind.NextInSocket:
                // Its connection is opened while the instance is frozen: the kernel takes it.
                await HoldAsync();
                await Client.RunAsync(step.First, half: false, () => Task.CompletedTask, PassAsync);
                break;
            default:
                await HoldAsync();
                await PassAsync();
                await Client.RunAsync(step.First);
                break;
        }

        cancel.ThrowIfCancellationRequested();
        string first = calls.IdOf(step.Life, step.First);
        facts.Add(new ThawFact(step.Life, clock.GetElapsedTime(frozen, thawed), first, clock.GetElapsedTime(thawed)));
        lastId = first;
        await CountersAsync("after a thaw");

        async Task HoldAsync()
        {
            if (options.Version == PlatformVersion.Fc2)
                await HookAsync("GET", HookPaths.PreFreeze);
            await HoldStillAsync(idle: step.Kind is FreezeKind.Quiet or FreezeKind.IdleConnections or FreezeKind.NextInSocket);
            frozen = clock.GetTimestamp();
        }

        async Task PassAsync()
        {
            await Client.WaitAsync(step.Frozen);
            thawed = clock.GetTimestamp();
            fleet?.Note(Instance.Id, "running");
            Instance.Group.Thaw();
        }
    }

    private async Task StopAsync(StopStep step)
    {
        Task running = await BeginAsync(step.Kind, step.Delay, step.Running);
        if (step.Kind == EndKind.Frozen)
        {
            // Code runs, so the platform must have thawed it.
            fleet?.Note(Instance.Id, "running");
            Instance.Group.Thaw();
            facts.Add(new ThawFact(step.Life, TimeSpan.FromMilliseconds(step.Delay), null, TimeSpan.Zero));
        }
        else
            await CountersAsync("before a stop");
        await Task.WhenAll(HookAsync("GET", HookPaths.PreStop), Client.LoadAsync(step.Late), running);
        if (Instance.GatewayEnded)
            throw new InstanceFailedException("its gateway ended before SIGTERM");
        await LeaveAsync(Instance.EndAsync(LifeEnd.Stopped));
    }

    private async Task KillAsync(KillStep step)
    {
        Task running = await BeginAsync(step.Kind, step.Delay, step.Running);
        Task<LifeFact> end = Instance.KillAsync(LifeEnd.Killed);
        await running;
        await LeaveAsync(end);
    }

    /// <summary>Brings the instance into the state in which it is to end; the task is that of the requests that run on.</summary>
    private async Task<Task> BeginAsync(EndKind kind, int delay, IReadOnlyList<ScheduledRequest> requests)
    {
        Task running = Client.LoadAsync(requests);
        if (kind == EndKind.Frozen)
        {
            if (options.Version == PlatformVersion.Fc2)
                await HookAsync("GET", HookPaths.PreFreeze);
            await HoldStillAsync(requests.Count == 0);
        }

        await Client.WaitAsync(delay);
        return running;
    }

    private async Task HoldStillAsync(bool idle)
    {
        if (Instance.GatewayEnded)
            throw new InstanceFailedException("its gateway ended by itself");
        await Instance.Group.FreezeAsync(clock);
        facts.CountFreeze();
        fleet?.Note(Instance.Id, idle ? "frozen idle" : "frozen at work");
    }

    private async Task CountersAsync(string when)
    {
        Tally? before = facts.TallyOf(Instance.Life);
        (Counters read, long drift) = await Instance.CountersAsync(cancel);
        facts.Add(new CountersFact(Instance.Life, when, read, drift, before == facts.TallyOf(Instance.Life) ? before : null));
    }

    private Task<HookFact> HookAsync(string method, string path)
    {
        // The older platform calls /pre-freeze with the id of the request that ended last.
        string id = path == HookPaths.PreFreeze && lastId.Length > 0 ? lastId : calls.IdOf(Instance.Life, ++hookCalls);
        return Client.HookAsync(method, path, id);
    }

    private async Task LeaveAsync(Task<LifeFact> ending, string? detail = null)
    {
        BoxInstance leaving = Instance;
        fleet?.Note(leaving.Id, "ending");
        LifeFact end = await ending;
        fleet?.Note(leaving.Id, end.End == LifeEnd.Stopped ? "stopped" : end.End == LifeEnd.Killed ? "killed" : "ended");
        await Client.SettledAsync();
        facts.Add(end with { Detail = detail });
        facts.Add(leaving.Executions());
        instance = null;
        Client.Dispose();
        await leaving.DisposeAsync();
        lastId = "";
    }
}
