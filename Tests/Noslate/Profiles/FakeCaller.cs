using Google.Protobuf;
using NoslateFleet.Noslate.Profiles;
using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Control;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Noslate.Transport;

namespace NoslateFleet.Tests.Noslate.Profiles;

/// <summary>A plane that answers as the test says, and tells each call it gets.</summary>
internal sealed class FakeCaller(string name) : IUnaryCaller
{
    private readonly Lock gate = new();
    private readonly List<Call> calls = [];
    private readonly List<(Func<Call, bool> Match, int Count, TaskCompletionSource<Call> Seen)> waiters = [];

    public string Name => name;

    /// <summary>What a real plane would hold.</summary>
    internal IReadOnlyList<FunctionProfile> Functions { get; set; } = [];

    internal IReadOnlyList<FunctionService> Services { get; set; } = [];

    internal WorkerStatsSnapshotResponse Snapshot { get; set; } = new();

    internal WorkerTrafficStatsResponse Traffic { get; set; } = new();

    /// <summary>Decides before the plane answers: may wait or throw. Null: it answers at once.</summary>
    internal Func<Call, Task>? Before { get; set; }

    internal IReadOnlyList<Call> Calls
    {
        get
        {
            lock (gate)
                return [.. calls];
        }
    }

    internal IReadOnlyList<string> Methods => [.. Calls.Select(call => call.Method)];

    internal static GrpcException Fault(GrpcStatusCode code, string message) => new(new GrpcStatus(code, message));

    /// <summary>Completes when the n-th call of a method has arrived.</summary>
    internal Task<Call> WhenCalledAsync(string method, int count = 1)
    {
        lock (gate)
        {
            var seen = calls.Where(call => call.Method == method).ToList();
            if (seen.Count >= count)
                return Task.FromResult(seen[count - 1]);
            var source = new TaskCompletionSource<Call>(TaskCreationOptions.RunContinuationsAsynchronously);
            waiters.Add((call => call.Method == method, count - seen.Count, source));
            return source.Task.WaitAsync(TimeSpan.FromSeconds(30));
        }
    }

    public async Task<TResponse> CallAsync<TResponse>(
        string path, IMessage request, MessageParser<TResponse> parser, TimeSpan timeout, CancellationToken cancellationToken)
        where TResponse : class, IMessage<TResponse>
    {
        var call = new Call(path[(path.LastIndexOf('/') + 1)..], path, request, timeout, cancellationToken);
        Note(call);
        if (Before is { } before)
            await before(call);
        cancellationToken.ThrowIfCancellationRequested();
        return parser.ParseFrom(Answer(call).ToByteArray());
    }

    private IMessage Answer(Call call)
    {
        switch (call.Path)
        {
            case PlaneMethods.SetFunctionProfile:
                Functions = [.. ((SetFunctionProfileRequest)call.Request).Profiles];
                return new SetFunctionProfileResponse { Set = true };
            case PlaneMethods.GetFunctionProfile:
                return new GetFunctionProfileResponse { Profiles = { Functions } };
            case PlaneMethods.SetPlatformEnvironmentVariables:
                return new SetPlatformEnvironmentVariablesResponse { Set = true };
            case PlaneMethods.GetWorkerStatsSnapshot:
                return Snapshot;
            case PlaneMethods.SetServiceProfiles:
                Services = [.. ((ServiceProfilesAccessor)call.Request).Profiles];
                return new Empty();
            case PlaneMethods.GetServiceProfiles:
                return new ServiceProfilesAccessor { Profiles = { Services } };
            case PlaneMethods.GetWorkerTrafficStats:
                return Traffic;
            default:
                throw Fault(GrpcStatusCode.Unimplemented, "[object Object]");
        }
    }

    private void Note(Call call)
    {
        lock (gate)
        {
            calls.Add(call);
            for (var i = waiters.Count - 1; i >= 0; i--)
            {
                var (match, count, seen) = waiters[i];
                if (!match(call))
                    continue;
                if (count > 1)
                {
                    waiters[i] = (match, count - 1, seen);
                    continue;
                }

                waiters.RemoveAt(i);
                seen.TrySetResult(call);
            }
        }
    }

    internal sealed record Call(string Method, string Path, IMessage Request, TimeSpan Timeout, CancellationToken Cancelled)
    {
        /// <summary>The names of the functions or services in it.</summary>
        internal string Names => Request switch
        {
            SetFunctionProfileRequest request => string.Join(',', request.Profiles.Select(profile => profile.Name)),
            ServiceProfilesAccessor request => string.Join(',', request.Profiles.Select(profile => profile.Name)),
            _ => "",
        };

        /// <summary>Waits as a call does whose plane does not answer: until it is cancelled.</summary>
        internal Task HangAsync() => Task.Delay(System.Threading.Timeout.Infinite, Cancelled);
    }
}
