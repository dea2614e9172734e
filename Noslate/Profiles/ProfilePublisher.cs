using System.Globalization;
using System.Threading.Channels;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using NoslateFleet.Noslate.Node;
using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Control;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Noslate.Transport;

namespace NoslateFleet.Noslate.Profiles;

/// <summary>
/// Brings the wanted profiles to the planes: again whenever a plane comes back, again after a failure, and never two sets at a
/// time, because a plane that still works at one set never answers for it once it is sent the next.
/// </summary>
/// <remarks>
/// One loop decides what to start. All that is in flight belongs to the same set; a newer one waits until every call of the
/// older has ended, and what was wanted in between is skipped.
/// </remarks>
internal sealed partial class ProfilePublisher : IProfilePublisher
{
    /// <summary>Longest wait for workers that are being started, before a set is given up for now.</summary>
    internal static readonly TimeSpan SettleLimit = TimeSpan.FromSeconds(10);

    /// <summary>Pause between two looks at the workers. A start takes about 0.4 s.</summary>
    internal static readonly TimeSpan SettlePause = TimeSpan.FromMilliseconds(250);

    /// <summary>Time that reserved workers get to come up after a set; longer than the 1.3 s that a failing start takes.</summary>
    internal static readonly TimeSpan ReserveGrace = TimeSpan.FromSeconds(3);

    // What Noslate's own client sends.
    private const string Mode = "IMMEDIATELY";

    private readonly List<Plane> planes = [];
    private readonly Plane[] controls;
    private readonly Plane[] datas;
    private readonly NodeOptions options;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly Random random;
    private readonly Lock gate = new();
    private readonly Channel<bool> wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly ITimer retry;
    private readonly Task loop;
    private Wanted? wanted;
    private string? appliedFunctions;
    private bool anyHolds;
    private ProfilesStatus raised = new(ProfilesState.None, null, null);
    private bool disposed;

    internal ProfilePublisher(
        IReadOnlyList<IUnaryCaller> controlPlanes,
        IReadOnlyList<IUnaryCaller> dataPlanes,
        NodeOptions options,
        TimeProvider time,
        ILoggerFactory loggers,
        Random? random = null)
    {
        this.options = options;
        this.time = time;
        this.random = random ?? Random.Shared;
        logger = loggers.CreateLogger<ProfilePublisher>();
        controls = [.. controlPlanes.Select(caller => new Plane(caller, isControl: true))];
        datas = [.. dataPlanes.Select(caller => new Plane(caller, isControl: false))];
        planes.AddRange(controls);
        planes.AddRange(datas);
        retry = time.CreateTimer(_ => Wake(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        loop = Task.Run(RunAsync);
    }

    /// <summary>Raised after <see cref="Status"/> changed, one at a time, on an arbitrary thread.</summary>
    public event Action? Changed;

    /// <summary>How far the profiles are, as of now.</summary>
    public ProfilesStatus Status
    {
        get
        {
            lock (gate)
                return StatusNow();
        }
    }

    public void SetDesired(ProfileSet profiles)
    {
        var next = new Wanted(
            profiles,
            ProfileVersion.Of(profiles.Functions, [], profiles.PlatformEnvironment),
            ProfileVersion.Of([], profiles.Services, []),
            ProfileVersion.Of([], [], profiles.PlatformEnvironment));
        lock (gate)
        {
            if (wanted?.Set.Version == profiles.Version)
                return;

            wanted = next;

            // What failed with the older set may succeed with this one.
            foreach (var plane in planes)
                plane.Forgive();
        }

        Wake();
    }

    public void ControlPlaneConnected(int index) => Connection(controls[index], connected: true);

    public void ControlPlaneDisconnected(int index) => Connection(controls[index], connected: false);

    public void DataPlaneConnected(int index) => Connection(datas[index], connected: true);

    public void DataPlaneDisconnected(int index) => Connection(datas[index], connected: false);

    public async ValueTask DisposeAsync()
    {
        Task[] running;
        lock (gate)
        {
            if (disposed)
                return;
            disposed = true;
            running = [.. planes.Select(plane => plane.Attempt?.CancelAsync() ?? Task.CompletedTask)];
        }

        await Task.WhenAll(running);
        await retry.DisposeAsync();
        Wake();
        await loop;
    }

    private void Connection(Plane plane, bool connected)
    {
        Attempt? interrupted;
        lock (gate)
        {
            interrupted = plane.Attempt;
            plane.NewLife(connected);
            anyHolds &= plane.IsControl;

            // Back alone, before a control plane that could have given it its functions: what was set once is not known to be there now.
            if (connected && !plane.IsControl && !Array.Exists(datas, other => other != plane && other.Connected)
                && !Array.Exists(controls, control => control.Connected && control.Told == wanted?.ControlKey))
            {
                appliedFunctions = null;
            }
        }

        // A plane that is gone gives no answer: the call must not be waited for until its time is up.
        if (interrupted is not null)
            _ = interrupted.CancelAsync();
        Wake();
    }

    private void Wake() => wake.Writer.TryWrite(true);

    private async Task RunAsync()
    {
        while (true)
        {
            lock (gate)
            {
                if (!disposed)
                    StartDue();
                else if (planes.TrueForAll(plane => plane.Attempt is null))
                    return;
            }

            Raise();
            await wake.Reader.ReadAsync(CancellationToken.None);
        }
    }

    private void StartDue()
    {
        if (wanted is null)
            return;

        var now = time.GetTimestamp();
        var inFlight = planes.Find(plane => plane.Attempt is not null)?.Attempt!.Wanted;
        if (inFlight is not null && inFlight.Set.Version != wanted.Set.Version)
            return;

        TimeSpan? next = null;
        foreach (var plane in planes)
        {
            if (!plane.Connected || plane.Attempt is not null || plane.Told == wanted.Key(plane))
                continue;

            var wait = plane.Pause - time.GetElapsedTime(plane.FailedAt, now);
            if (plane.Failures > 0 && wait > TimeSpan.Zero)
            {
                next = next is null || wait < next ? wait : next;
                continue;
            }

            var attempt = new Attempt(wanted, plane.Life);
            plane.Attempt = attempt;
            _ = Task.Run(() => TryAsync(plane, attempt));
        }

        // A timer may fire a little before its time by the other clock's reckoning; a millisecond more spares a turn.
        if (next is { } due)
            retry.Change(due + TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
    }

    private async Task TryAsync(Plane plane, Attempt attempt)
    {
        string? error = null;
        var done = false;
        try
        {
            done = plane.IsControl ? await PushFunctionsAsync(plane, attempt) : await PushServicesAsync(plane, attempt);
        }
        catch (OperationCanceledException) when (attempt.Token.IsCancellationRequested)
        {
            // The plane has gone, or we have: nothing was learnt about the set.
        }
        catch (GrpcException exception)
        {
            error = Describe(exception);
        }
        catch (NotSettledException exception)
        {
            error = exception.Message;
        }
        catch (Exception exception)
        {
            LogUnexpected(logger, exception, plane.Caller.Name);
            error = "unexpected error: " + exception.GetType().Name;
        }

        lock (gate)
        {
            plane.Attempt = null;
            if (plane.Life == attempt.Life)
                Note(plane, attempt, done, error);
        }

        Wake();
    }

    private void Note(Plane plane, Attempt attempt, bool done, string? error)
    {
        if (done)
        {
            plane.Told = attempt.Wanted.Key(plane);
            plane.Forgive();
            LogSet(logger, attempt.Wanted.Set.Version, plane.Caller.Name);
        }
        else if (error is not null && attempt.Wanted == wanted)
        {
            plane.Failures++;
            plane.FailedAt = time.GetTimestamp();
            plane.Pause = Pause(plane.Failures);
            plane.Error = error;
            LogFailed(logger, attempt.Wanted.Set.Version, plane.Caller.Name, error, plane.Pause);
        }
    }

    private async Task<bool> PushFunctionsAsync(Plane plane, Attempt attempt)
    {
        var set = attempt.Wanted.Set;
        if (plane.KnownLife != attempt.Life)
            plane.ForgetKnown(attempt.Life, time.GetTimestamp());

        if (plane.EnvironmentTold != attempt.Wanted.EnvironmentKey)
        {
            var variables = new SetPlatformEnvironmentVariablesRequest();
            variables.Envs.AddRange(set.PlatformEnvironment);
            var answer = await CallAsync(
                plane, attempt, PlaneMethods.SetPlatformEnvironmentVariables, variables, SetPlatformEnvironmentVariablesResponse.Parser, options.CallTimeout);
            if (!answer.Set)
                throw new GrpcException(new GrpcStatus(GrpcStatusCode.Unknown, "the plane did not set the platform environment variables"));
            plane.EnvironmentTold = attempt.Wanted.EnvironmentKey;
        }

        await SettleAsync(plane, attempt);
        if (IsSuperseded(plane, attempt))
            return false;

        // From here until it answers nobody knows what the plane holds; without an answer it is asked before the next set.
        plane.Sent = set.Functions;
        plane.Held = null;
        var request = new SetFunctionProfileRequest { Mode = Mode };
        request.Profiles.AddRange(set.Functions);
        try
        {
            var response = await CallAsync(
                plane, attempt, PlaneMethods.SetFunctionProfile, request, SetFunctionProfileResponse.Parser, options.SetProfilesTimeout);
            if (!response.Set)
                throw new GrpcException(new GrpcStatus(GrpcStatusCode.Unknown, "the plane did not set the function profiles"));
        }
        finally
        {
            plane.SetAt = time.GetTimestamp();
        }

        plane.Held = set.Functions;
        plane.Sent = [];
        return true;
    }

    private async Task SettleAsync(Plane plane, Attempt attempt)
    {
        if (plane.Held is null)
        {
            // This also waits for a plane that is still busy with a set whose time was up: it answers when it is able to again.
            var answer = await CallAsync(
                plane, attempt, PlaneMethods.GetFunctionProfile, new Empty(), GetFunctionProfileResponse.Parser, options.CallTimeout);
            plane.Held = [.. answer.Profiles, .. plane.Sent];
        }

        var settling = new Settling(plane.Held, attempt.Wanted.Set.Functions);
        if (settling.IsTrivial)
            return;

        var began = time.GetTimestamp();
        while (!IsSuperseded(plane, attempt))
        {
            var snapshot = await CallAsync(
                plane, attempt, PlaneMethods.GetWorkerStatsSnapshot, new Empty(), WorkerStatsSnapshotResponse.Parser, options.CallTimeout);
            var blocking = settling.Blocking(snapshot, excuseReserved: time.GetElapsedTime(plane.SetAt) >= ReserveGrace);
            if (blocking.Count == 0)
                return;
            if (time.GetElapsedTime(began) >= SettleLimit)
                throw new NotSettledException(blocking);

            await Task.Delay(SettlePause, time, attempt.Token);
        }
    }

    private async Task<bool> PushServicesAsync(Plane plane, Attempt attempt)
    {
        // A set whose time was up may still be worked at.
        if (plane.ServicesInDoubt)
            await CallAsync(plane, attempt, PlaneMethods.GetServiceProfiles, new Empty(), ServiceProfilesAccessor.Parser, options.CallTimeout);

        var services = attempt.Wanted.Set.Services;
        if (services.Count > 0)
            plane.MayHoldServices = true;

        var request = new ServiceProfilesAccessor();
        request.Profiles.AddRange(services);
        plane.ServicesInDoubt = true;
        await CallAsync(plane, attempt, PlaneMethods.SetServiceProfiles, request, Empty.Parser, options.SetProfilesTimeout);
        plane.ServicesInDoubt = false;
        plane.MayHoldServices = services.Count > 0;
        return true;
    }

    private static Task<TResponse> CallAsync<TResponse>(
        Plane plane, Attempt attempt, string path, IMessage request, MessageParser<TResponse> parser, TimeSpan timeout)
        where TResponse : class, IMessage<TResponse>
    {
        attempt.Token.ThrowIfCancellationRequested();
        return plane.Caller.CallAsync(path, request, parser, timeout, attempt.Token);
    }

    private bool IsSuperseded(Plane plane, Attempt attempt)
    {
        lock (gate)
            return attempt.Wanted != wanted || plane.Life != attempt.Life;
    }

    private TimeSpan Pause(int failures)
    {
        var longest = options.ReconnectMax.TotalMilliseconds;
        var full = Math.Min(longest, options.ReconnectMin.TotalMilliseconds * Math.Pow(2, Math.Min(failures - 1, 30)));
        return TimeSpan.FromMilliseconds(full * (0.5 + (random.NextDouble() / 2)));
    }

    private ProfilesStatus StatusNow()
    {
        if (wanted is null)
            return new ProfilesStatus(ProfilesState.None, null, null);

        var control = false;
        var controlMissing = false;
        var dataMissing = false;
        string? error = null;
        foreach (var plane in planes)
        {
            if (!plane.Connected)
                continue;

            var missing = plane.Told != wanted.Key(plane) && IsNeeded(plane);
            control |= plane.IsControl;
            controlMissing |= missing && plane.IsControl;
            dataMissing |= missing && !plane.IsControl;
            if (plane.Error is not null)
                error ??= $"{plane.Caller.Name}: {plane.Error}";
        }

        // Data planes keep the functions that a control plane once gave them: calls go on while it restarts and is told again.
        if (control && !controlMissing)
            appliedFunctions = wanted.ControlKey;

        var state = appliedFunctions == wanted.ControlKey && !dataMissing ? ProfilesState.Applied : ProfilesState.Pending;
        anyHolds |= state == ProfilesState.Applied;
        return new ProfilesStatus(state, wanted.Set.Version, error) { EarlierHolds = anyHolds && state == ProfilesState.Pending };
    }

    // Clearing services that an earlier process may have left is done, but nobody has to wait for it.
    private bool IsNeeded(Plane plane) => plane.IsControl || wanted!.Set.Services.Count > 0 || plane.MayHoldServices;

    private void Raise()
    {
        var status = Status;
        if (status == raised)
            return;

        raised = status;
        try
        {
            Changed?.Invoke();
        }
        catch (Exception exception)
        {
            LogHandlerFailed(logger, exception);
        }
    }

    private static string Describe(GrpcException exception) =>
        JsonText.Cut($"{exception.Status.Code}: {exception.Status.Message}", 300);

    [LoggerMessage(EventId = 120, Level = LogLevel.Information, Message = "Profiles {Version} are set on {Plane}")]
    private static partial void LogSet(ILogger logger, string version, string plane);

    [LoggerMessage(EventId = 121, Level = LogLevel.Warning, Message = "Profiles {Version} could not be set on {Plane}, next try in {Pause}: {Reason}")]
    private static partial void LogFailed(ILogger logger, string version, string plane, string reason, TimeSpan pause);

    [LoggerMessage(EventId = 122, Level = LogLevel.Error, Message = "Setting profiles on {Plane} failed unexpectedly")]
    private static partial void LogUnexpected(ILogger logger, Exception exception, string plane);

    [LoggerMessage(EventId = 123, Level = LogLevel.Error, Message = "A handler of a change of the profiles' status failed")]
    private static partial void LogHandlerFailed(ILogger logger, Exception exception);

    /// <summary>The wanted set, with keys that tell whether a plane's own part of it changed.</summary>
    private sealed record Wanted(ProfileSet Set, string ControlKey, string DataKey, string EnvironmentKey)
    {
        internal string Key(Plane plane) => plane.IsControl ? ControlKey : DataKey;
    }

    /// <summary>One try to bring a set to one plane during one life of its connection.</summary>
#pragma warning disable CA1001 // The source has neither a timer nor a wait handle, and may be cancelled after the attempt has ended.
    private sealed class Attempt(Wanted wanted, int life)
#pragma warning restore CA1001
    {
        private readonly CancellationTokenSource cancellation = new();

        internal Wanted Wanted => wanted;

        internal int Life => life;

        internal CancellationToken Token => cancellation.Token;

        internal Task CancelAsync() => cancellation.CancelAsync();
    }

    /// <summary>
    /// What is known of a plane. The upper part is guarded by the gate; the lower belongs to the running attempt, of which there is
    /// at most one.
    /// </summary>
    private sealed class Plane(IUnaryCaller caller, bool isControl)
    {
        internal IUnaryCaller Caller => caller;

        internal bool IsControl => isControl;

        internal bool Connected { get; private set; }

        internal int Life { get; private set; }

        internal string? Told { get; set; }

        internal Attempt? Attempt { get; set; }

        internal int Failures { get; set; }

        internal long FailedAt { get; set; }

        internal TimeSpan Pause { get; set; }

        internal string? Error { get; set; }

        internal string? EnvironmentTold { get; set; }

        /// <summary>Function profiles that the plane may hold; null when it must be asked.</summary>
        internal IReadOnlyList<FunctionProfile>? Held { get; set; }

        /// <summary>The life that the rest was learnt in.</summary>
        internal int KnownLife { get; private set; } = -1;

        /// <summary>Function profiles that were sent and not answered for.</summary>
        internal IReadOnlyList<FunctionProfile> Sent { get; set; } = [];

        /// <summary>When the last set ended, or this life's first try began: reserved workers may be coming up since then.</summary>
        internal long SetAt { get; set; }

        internal volatile bool MayHoldServices;

        internal bool ServicesInDoubt { get; set; }

        internal void NewLife(bool connected)
        {
            Connected = connected;
            Life++;
            Told = null;
            Forgive();
        }

        internal void ForgetKnown(int life, long now)
        {
            KnownLife = life;
            SetAt = now;
            EnvironmentTold = null;
            Held = null;
        }

        internal void Forgive() => (Failures, Error) = (0, null);
    }

    private sealed class NotSettledException(IReadOnlyList<string> functions) : Exception(Say(functions))
    {
        private static string Say(IReadOnlyList<string> functions) => string.Create(
            CultureInfo.InvariantCulture,
            $"workers are still being started after {SettleLimit.TotalSeconds} s, of {JsonText.Cut(string.Join(", ", functions), 200)}: a set sent now could crash the control plane");
    }
}
