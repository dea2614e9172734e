namespace NoslateFleet.Emulator.PlatformBox;

/// <summary>
/// Draws a schedule. The slot that is least far in time always gets the next step, so that all draw from one sequence in a fixed order;
/// decks, common to all slots, see to it that a short schedule has freezes and ends of every kind too.
/// </summary>
internal sealed class SchedulePlanner
{
    /// <summary>What a start, a stop and a kill are planned to take, in milliseconds.</summary>
    private const int StartTime = 3000;

    private const int StopTime = 500;
    private const int KillTime = 200;

    /// <summary>What a last stop needs at the end, in milliseconds.</summary>
    private const int Reserve = 1500;

    /// <summary>What a new life needs at the least, in milliseconds.</summary>
    private const int LeastLife = StartTime + Reserve + 500;

    private readonly SeededRandom random;
    private readonly Deck<FreezeKind> freezes;
    private readonly Deck<InitializeCalls> initializations;
    private readonly Deck<bool> kills;
    private readonly Deck<EndKind> kindsOfKill;
    private readonly Deck<EndKind> kindsOfStop;
    private readonly Deck<RequestKind> load;
    private readonly Deck<RequestKind> firsts;
    private readonly List<Step> steps = [];
    private readonly int duration;
    private readonly int longestFreeze;
    private readonly Slot[] slots;
    private int left;
    private int number;

    public SchedulePlanner(BoxOptions options)
    {
        random = new SeededRandom(options.Seed);
        duration = (int)options.For.TotalMilliseconds;
        longestFreeze = Math.Clamp(duration / 8, 200, 3000);
        left = options.Requests;
        freezes = new(random, options.Version == PlatformVersion.Fc2
            ? [FreezeKind.Quiet, FreezeKind.IdleConnections, FreezeKind.NextInSocket, FreezeKind.HalfInSocket, FreezeKind.DuringPreFreeze]
            : [FreezeKind.Quiet, FreezeKind.IdleConnections, FreezeKind.NextInSocket, FreezeKind.HalfInSocket, FreezeKind.Running]);
        initializations = new(random, InitializeCalls.None, InitializeCalls.Once, InitializeCalls.Once, InitializeCalls.Twice);
        kills = new(random, true, false);
        kindsOfKill = new(random, Enum.GetValues<EndKind>());
        kindsOfStop = new(random, Enum.GetValues<EndKind>());
        load = new(
            random,
            RequestKind.Short, RequestKind.Short, RequestKind.Short, RequestKind.Slow, RequestKind.Slow,
            RequestKind.Stream, RequestKind.Stream, RequestKind.Upload, RequestKind.Upload, RequestKind.Event,
            RequestKind.Status, RequestKind.Throw, RequestKind.Cut, RequestKind.Exit,
            RequestKind.LeaveBeforeHead, RequestKind.LeaveMidResponse, RequestKind.LeaveMidUpload);
        firsts = new(random, RequestKind.Short, RequestKind.Stream, RequestKind.Upload, RequestKind.Event);
        slots = [.. Enumerable.Range(0, options.Instances).Select(index => new Slot(index))];
    }

    public IReadOnlyList<Step> Plan()
    {
        while (slots.Where(slot => !slot.Ended).MinBy(slot => slot.Time) is { } slot)
            Extend(slot);
        return [.. steps.OrderBy(step => step.At).ThenBy(step => step.Life.Slot)];
    }

    private void Extend(Slot slot)
    {
        if (slot.Life == 0)
        {
            Start(slot);
            return;
        }

        int remaining = duration - slot.Time;
        if (remaining < Reserve || left == 0)
        {
            Stop(slot);
            slot.Ended = true;
        }
        else if (slot.Time >= slot.EndsAt && remaining >= LeastLife)
        {
            if (kills.Draw())
                Kill(slot);
            else
                Stop(slot);
            Start(slot);
        }
        else if (slot.FreezeNext)
        {
            slot.FreezeNext = false;
            Freeze(slot, freezes.Draw(), Math.Clamp(remaining - Reserve, 10, longestFreeze));
        }
        else
        {
            slot.FreezeNext = true;
            Load(slot);
        }
    }

    private void Start(Slot slot)
    {
        slot.Life++;
        InitializeCalls calls = initializations.Draw();
        steps.Add(new StartStep(slot.Time, slot.Current, calls));
        slot.Time += StartTime;

        // Early enough for another life, if there is room for one at all.
        int latest = Math.Min(Math.Max(2000, duration / 3), duration - LeastLife - slot.Time);
        slot.EndsAt = latest < 500 ? int.MaxValue : slot.Time + random.Between(latest / 4, latest * 3 / 4);

        // Right after the initialisation is one of the platform's two moments for a freeze.
        slot.FreezeNext = calls != InitializeCalls.None && random.Chance(40);
    }

    private void Load(Slot slot)
    {
        List<ScheduledRequest> requests = Several(random.Between(1, 8), 250, load.Draw);
        int longest = requests.Max(request => request.Offset + request.Estimate);
        steps.Add(new LoadStep(slot.Time, slot.Current, requests, random.Chance(50) ? random.Between(0, longest) : null));
        slot.Time += longest + 50;
    }

    private void Freeze(Slot slot, FreezeKind kind, int longest)
    {
        int frozen = random.Spread(10, longest);
        int connections = kind switch
        {
            FreezeKind.Quiet => 0,
            FreezeKind.IdleConnections => random.Between(1, 4),
            _ => random.Between(0, 2),
        };
        List<ScheduledRequest> before = [];
        if (kind == FreezeKind.Running && left > 1)
        {
            before.Add(random.Chance(50)
                ? Take(RequestKind.LeaveBeforeHead, 0, random.Between(200, 1500))
                : Take(RequestKind.LeaveMidResponse, 0, random.Between(10, 40)));
        }
        else if (kind == FreezeKind.DuringPreFreeze && left > 2)
        {
            before.Add(Take(RequestKind.Slow, 0, random.Between(20, 200)));
            before.Add(Take(RequestKind.Short, random.Between(0, 60)));
        }

        bool kept = kind == FreezeKind.IdleConnections || (kind is FreezeKind.NextInSocket or FreezeKind.HalfInSocket && random.Chance(50));
        ScheduledRequest first = Take(firsts.Draw(), 0) with { Kept = kept };
        steps.Add(new FreezeStep(slot.Time, slot.Current, kind, frozen, connections, before, first));
        slot.Time += frozen + 100 + first.Estimate + before.Select(request => request.Offset + request.Estimate).DefaultIfEmpty().Max();
    }

    private void Stop(Slot slot)
    {
        EndKind kind = kindsOfStop.Draw();
        (int delay, List<ScheduledRequest> running) = Running(kind);
        List<ScheduledRequest> late = kind == EndKind.Busy ? Several(random.Between(1, 3), 40, () => RequestKind.Short) : [];
        steps.Add(new StopStep(slot.Time, slot.Current, kind, delay, running, [.. late.Select(request => request with { Kept = false })]));
        slot.Time += StopTime + delay + running.Select(request => request.Estimate).DefaultIfEmpty().Max();
    }

    private void Kill(Slot slot)
    {
        EndKind kind = kindsOfKill.Draw();
        (int delay, List<ScheduledRequest> running) = Running(kind);
        steps.Add(new KillStep(slot.Time, slot.Current, kind, delay, running));
        slot.Time += KillTime + delay;
    }

    private (int Delay, List<ScheduledRequest> Running) Running(EndKind kind) => kind switch
    {
        EndKind.Busy => (random.Between(50, 150), [.. Lasting(), .. Several(random.Between(0, 4), 30, RunningKind)]),
        EndKind.Frozen => (random.Spread(10, 500), []),
        _ => (0, []),
    };

    /// <summary>One that surely still runs when the end comes.</summary>
    private IEnumerable<ScheduledRequest> Lasting() => left == 0 ? [] : [Take(RequestKind.Slow, 0, random.Between(300, 1200))];

    private RequestKind RunningKind() => random.Between(1, 6) switch
    {
        1 => RequestKind.Short,
        2 => RequestKind.Upload,
        3 => RequestKind.LeaveBeforeHead,
        4 => RequestKind.Stream,
        _ => RequestKind.Slow,
    };

    /// <summary>As many requests as wanted, or as there may still be.</summary>
    private List<ScheduledRequest> Several(int count, int within, Func<RequestKind> kind)
    {
        List<ScheduledRequest> requests = [];
        while (requests.Count < count && left > 0)
            requests.Add(Take(kind(), random.Between(0, within)));
        return requests;
    }

    private ScheduledRequest Take(RequestKind kind, int offset, int? size = null)
    {
        left--;
        number++;
        size ??= kind switch
        {
            RequestKind.Slow => random.Spread(20, 800),
            RequestKind.Stream => random.Between(1, 25),
            RequestKind.Upload => random.Spread(1, 256 * 1024),
            RequestKind.Event => random.Spread(1, 16 * 1024),
            RequestKind.LeaveBeforeHead => random.Between(100, 600),
            RequestKind.LeaveMidResponse => random.Between(4, 20),
            RequestKind.LeaveMidUpload => random.Spread(2, 512 * 1024),
            _ => 0,
        };
        bool body = kind is RequestKind.Upload or RequestKind.LeaveMidUpload;
        bool leaves = kind >= RequestKind.LeaveBeforeHead;
        return new ScheduledRequest(number, kind, size.Value, offset)
        {
            Kept = random.Chance(60),
            Chunked = body && random.Chance(40),
            Abrupt = leaves && random.Chance(50),
        };
    }

    private sealed class Slot(int index)
    {
        public int Life { get; set; }

        public int Time { get; set; }

        /// <summary>When the present life is to be ended.</summary>
        public int EndsAt { get; set; }

        public bool FreezeNext { get; set; }

        public bool Ended { get; set; }

        public Life Current => new(index, Life);
    }
}
