namespace NoslateFleet.Emulator.PlatformBox;

/// <summary>An invariant and how it fared.</summary>
/// <param name="Name">Its short name, as in the last line.</param>
/// <param name="Meaning">What it says.</param>
/// <param name="Checked">How many facts it was held against.</param>
/// <param name="Violations">What contradicts it, a sentence each.</param>
internal sealed record InvariantResult(string Name, string Meaning, int Checked, IReadOnlyList<string> Violations);

/// <summary>What must be true of every run, whatever was frozen, stopped or killed. Pure: facts in, findings out.</summary>
internal static class Invariants
{
    public static IReadOnlyList<InvariantResult> Check(RunFacts facts)
    {
        Dictionary<string, (int Starts, int Ends)> executions = facts.Executions
            .GroupBy(it => it.Id, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => (group.Sum(it => it.Starts), group.Sum(it => it.Ends)), StringComparer.Ordinal);
        int Starts(string id) => executions.GetValueOrDefault(id).Starts;
        return
        [
            new(
                "conservation", "every request ends once, and the counters add up",
                facts.Counters.Count + facts.Sent.Count, [.. Conservation(facts)]),
            new("own-errors", "no error of ours but declared refusals", facts.Requests.Count, [.. OwnErrors(facts)]),
            new("never-ran", "executed: never is true", facts.Requests.Count(it => it.Executed == "never"), [.. NeverRan(facts, Starts)]),
            new(
                "executed-once", "nothing is executed twice, and what is answered was executed",
                facts.Requests.Count, [.. ExecutedOnce(facts, Starts)]),
            new(
                "first-after-thaw", "the first request after a thaw is answered 200 at its first try",
                facts.Thaws.Count(it => it.First is not null), [.. FirstAfterThaw(facts)]),
            new(
                "clean-stop", "no accepted request is lost by a stop",
                facts.Lives.Count(it => it.End == LifeEnd.Stopped), [.. CleanStop(facts, Starts)]),
            new("hooks", "hooks answer 200 or 404, in time", facts.Hooks.Count, [.. Hooks(facts)]),
            new("alive", "instances run until the platform ends them", facts.Started, [.. Alive(facts)]),
            new("nothing-left", "ended instances leave nothing behind", facts.Lives.Count, [.. NothingLeft(facts)]),
            .. facts.Fleet.Count == 0 ? Array.Empty<InvariantResult>()
                : [new("fleet-view", "the fleet's view shows what is true", facts.Fleet.Count, [.. FleetView(facts)])],
        ];
    }

    private static IEnumerable<string> Conservation(RunFacts facts)
    {
        ILookup<string, RequestFact> ended = facts.Requests.ToLookup(it => it.Id, StringComparer.Ordinal);
        foreach (IGrouping<string, SentFact> sent in facts.Sent.GroupBy(it => it.Id, StringComparer.Ordinal))
        {
            if (sent.Count() != 1)
                yield return $"request {sent.Key} was sent {sent.Count()} times";
            if (ended[sent.Key].Count() != 1)
                yield return $"request {sent.Key} ended {ended[sent.Key].Count()} times";
        }

        foreach (CountersFact counters in facts.Counters)
        {
            string where = $"instance {counters.Life}, {counters.When}: {counters.Read}";
            if (Unlawful(counters.Read) is { } wrong)
                yield return $"{where}: {wrong}";
            if (counters.Drift != 0)
                yield return $"{where}: drift is {counters.Drift}";
            if (counters.Clients is { } clients)
            {
                foreach (string difference in Differences(counters.Read, clients))
                    yield return $"{where}: {difference} ({clients})";
            }
        }

        foreach (HookFact hook in facts.Hooks.Where(it => it.Receipt is not null))
        {
            if (Unlawful(hook.Receipt!.Counters) is { } wrong)
                yield return $"receipt of {hook.Path} of instance {hook.Life}: {hook.Receipt.Counters}: {wrong}";
        }
    }

    private static string? Unlawful(Counters it) =>
        it.Missing != 0 ? $"{it.Missing} are missing"
        : Math.Min(Math.Min(it.Accepted, it.Completed), Math.Min(it.Failed, it.Cancelled)) < 0 || it.Abandoned < 0 || it.InFlight < 0
            ? "a counter is negative"
        : null;

    /// <summary>
    /// Where counters and clients contradict each other. The gateway closes a ticket a moment after the client has the last byte, and a
    /// client that hangs up at that very moment may count as one that left: so these are bounds.
    /// </summary>
    private static IEnumerable<string> Differences(Counters read, Tally clients)
    {
        if (read.Accepted > clients.Sent)
            yield return "more were accepted than were sent";
        if (read.Accepted < clients.Answers + clients.Errors - clients.Refused)
            yield return "fewer were accepted than were answered";
        if (read.Completed > clients.Sent - clients.Errors)
            yield return "more completed than had an answer or left";
        if (read.Completed + read.Cancelled + read.InFlight < clients.Answers)
            yield return "fewer completed than had a whole answer";
    }

    private static IEnumerable<string> OwnErrors(RunFacts facts) =>
        facts.Requests.Where(it => it.Outcome == RequestOutcome.Broken).Select(it => it.ToString());

    private static IEnumerable<string> NeverRan(RunFacts facts, Func<string, int> starts) =>
        facts.Requests
            .Where(it => it.Executed == "never" && starts(it.Id) > 0)
            .Select(it => $"{it}: its function began {starts(it.Id)} times");

    private static IEnumerable<string> ExecutedOnce(RunFacts facts, Func<string, int> starts)
    {
        HashSet<string> sent = [.. facts.Sent.Select(it => it.Id)];
        foreach (string id in facts.Executions.Select(it => it.Id).Distinct(StringComparer.Ordinal))
        {
            if (starts(id) > 1)
                yield return $"request {id} was executed {starts(id)} times";
            if (!sent.Contains(id))
                yield return $"request {id} was executed and never sent";
        }

        foreach (RequestFact request in facts.Requests)
        {
            bool answered = request is { End: WireEnd.Whole, Reason: null } || request.Executed == "yes";
            if (answered && starts(request.Id) == 0)
                yield return $"{request}: no function noted its execution";
        }
    }

    private static IEnumerable<string> FirstAfterThaw(RunFacts facts)
    {
        ILookup<string, RequestFact> requests = facts.Requests.ToLookup(it => it.Id, StringComparer.Ordinal);
        foreach (ThawFact thaw in facts.Thaws.Where(it => it.First is not null))
        {
            RequestFact? first = requests[thaw.First!].FirstOrDefault();
            if (first?.Outcome is not (RequestOutcome.Completed or RequestOutcome.Interrupted))
            {
                string what = first?.ToString() ?? $"request {thaw.First} did not end";
                yield return $"frozen for {thaw.Frozen.TotalMilliseconds:F0} ms, then {what}";
            }
        }
    }

    private static IEnumerable<string> CleanStop(RunFacts facts, Func<string, int> starts)
    {
        HashSet<Life> stopped = [.. facts.Lives.Where(it => it.End == LifeEnd.Stopped).Select(it => it.Life)];
        foreach (HookFact hook in facts.Hooks.Where(it => it is { Path: HookPaths.PreStop, Receipt: not null }))
        {
            Receipt receipt = hook.Receipt!;
            if (receipt.Verdict != "Clean")
                yield return $"instance {hook.Life}: the verdict is {receipt.Verdict}, though every request could end within the budget";
            if (receipt.Counters.Abandoned != 0 || receipt.Counters.InFlight != 0)
                yield return $"instance {hook.Life}: stopped with {receipt.Counters}";
        }

        foreach (RequestFact request in facts.Requests.Where(it => stopped.Contains(it.Life) && starts(it.Id) > 0))
        {
            if (request.Outcome is RequestOutcome.Broken or RequestOutcome.CutByKill or RequestOutcome.Refused)
                yield return $"{request}: its function had begun";
        }

        foreach (LifeFact life in facts.Lives.Where(it => it.End == LifeEnd.Stopped))
        {
            if (life.HadToBeKilled)
                yield return $"instance {life.Life} did not end when asked to and had to be killed";
            else if (life.ExitCode != 0)
                yield return $"instance {life.Life}: the gateway ended with code {life.ExitCode}";
        }
    }

    private static IEnumerable<string> Hooks(RunFacts facts)
    {
        foreach (HookFact hook in facts.Hooks)
        {
            if (hook.Status is not (200 or 404))
                yield return hook.ToString();
            else if (hook.Reason == "no-route")
                yield return $"{hook}: it was taken for a request to a function";
            else if (hook.Took > hook.Limit)
                yield return $"{hook}: its limit is {hook.Limit.TotalMilliseconds:F0} ms";
            if (hook.Status == 200 && hook.Path != HookPaths.Initialize)
            {
                if (hook.Receipt is not { } receipt)
                    yield return $"{hook}: it has no receipt";
                else if ("/" + receipt.Hook != hook.Path || receipt.InstanceId != hook.InstanceId)
                {
                    yield return $"{hook}: its receipt is that of {receipt.Hook} of instance {receipt.InstanceId}, "
                        + $"not of {hook.InstanceId}";
                }
            }
        }
    }

    private static IEnumerable<string> Alive(RunFacts facts)
    {
        foreach (LifeFact life in facts.Lives.Where(it => it.End == LifeEnd.Crashed))
            yield return $"instance {life.Life}: {life.Detail}";
        if (facts.Lives.Count != facts.Started)
            yield return $"{facts.Started} instances were started, the end of {facts.Lives.Count} was seen";
    }

    private static IEnumerable<string> FleetView(RunFacts facts)
    {
        foreach (FleetFact it in facts.Fleet)
        {
            bool wrong = it.Id.Length == 0
                || (it.State is "frozen idle" or "stopped" && it.Shown == "Lost")
                || (it.AtEnd && it.State == "stopped" && it.Shown != "Stopped")
                || (it.AtEnd && it.State == "killed" && it.Shown is not ("Quiet" or "Lost"));
            if (wrong)
                yield return it.Id.Length == 0 ? it.Shown : $"instance {it.Id}, {it.State}, is shown as {it.Shown}";
        }
    }

    private static IEnumerable<string> NothingLeft(RunFacts facts)
    {
        foreach (LifeFact life in facts.Lives)
        {
            if (life.LeftProcesses > 0)
                yield return $"instance {life.Life} left {life.LeftProcesses} processes";
            if (life.LeftFiles.Count > 0)
                yield return $"instance {life.Life} left {string.Join(", ", life.LeftFiles)}";
        }

        foreach (string left in facts.LeftBehind)
            yield return left;
    }
}
