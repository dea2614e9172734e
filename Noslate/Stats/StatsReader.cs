using Google.Protobuf;
using NoslateFleet.Noslate.Node;
using NoslateFleet.Noslate.Profiles;
using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Control;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Noslate.Transport;

namespace NoslateFleet.Noslate.Stats;

/// <summary>
/// Asks all planes at once and merges what they tell. Workers' credentials, which the snapshot holds, are dropped here.
/// </summary>
internal sealed class StatsReader(
    IReadOnlyList<IUnaryCaller> controlPlanes, IReadOnlyList<IUnaryCaller> dataPlanes, NodeOptions options, TimeProvider time) : IStatsReader
{
    private readonly Lock gate = new();
    private Dictionary<string, HashSet<string>> lastWorkers = new(StringComparer.Ordinal);

    /// <summary>Reads once. A plane that is away or too slow leaves its part out.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    public async Task<NodeStats> ReadAsync(CancellationToken cancellationToken)
    {
        var traffic = dataPlanes.Select(
            plane => AskAsync(plane, PlaneMethods.GetWorkerTrafficStats, "traffic", WorkerTrafficStatsResponse.Parser, cancellationToken)).ToArray();
        var snapshots = controlPlanes.Select(
            plane => AskAsync(plane, PlaneMethods.GetWorkerStatsSnapshot, "workers", WorkerStatsSnapshotResponse.Parser, cancellationToken)).ToArray();
        var profiles = controlPlanes.Select(
            plane => AskAsync(plane, PlaneMethods.GetFunctionProfile, "profiles", GetFunctionProfileResponse.Parser, cancellationToken)).ToArray();

        var liveAnswers = await Task.WhenAll(traffic);
        var snapshotAnswers = await Task.WhenAll(snapshots);
        var profileAnswers = await Task.WhenAll(profiles);

        var errors = new List<string>();
        var merge = new StatsMerge();
        Take(profileAnswers, errors, answer => merge.AddProfiles(answer.Profiles), out _);
        var snapshotComplete = Take(snapshotAnswers, errors, merge.AddSnapshot, out var snapshotAsOf);
        Take(liveAnswers, errors, merge.AddTraffic, out var trafficAsOf);

        lock (gate)
        {
            // Only a whole picture can tell that a worker has gone.
            if (snapshotComplete && snapshotAsOf is not null)
            {
                var before = lastWorkers;
                lastWorkers = merge.ListedWorkers();
                merge.AddStopped(before);
            }
        }

        return new NodeStats(merge.Functions(), trafficAsOf, snapshotAsOf, errors);
    }

    private static bool Take<T>(Answer<T>[] answers, List<string> errors, Action<T> add, out DateTimeOffset? asOf)
        where T : class
    {
        asOf = null;
        var complete = true;
        foreach (var answer in answers)
        {
            if (answer.Message is null)
            {
                complete = false;
                errors.Add(answer.Error ?? "");
                continue;
            }

            // The oldest: none of the numbers is older than what is said.
            if (asOf is null || answer.At < asOf)
                asOf = answer.At;
            add(answer.Message);
        }

        return complete;
    }

    private async Task<Answer<T>> AskAsync<T>(IUnaryCaller plane, string path, string what, MessageParser<T> parser, CancellationToken cancellationToken)
        where T : class, IMessage<T>
    {
        try
        {
            var message = await plane.CallAsync(path, new Empty(), parser, options.CallTimeout, cancellationToken);
            return new Answer<T>(message, time.GetUtcNow(), null);
        }
        catch (GrpcException exception)
        {
            return Failed($"{exception.Status.Code}: {exception.Status.Message}");
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return Failed(exception.GetType().Name);
        }

        Answer<T> Failed(string reason) => new(null, default, $"{plane.Name} {what}: {JsonText.Cut(reason, 200)}");
    }

    private readonly record struct Answer<T>(T? Message, DateTimeOffset At, string? Error);
}
