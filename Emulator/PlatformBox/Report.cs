using System.Text;

namespace NoslateFleet.Emulator.PlatformBox;

/// <summary>What a run tells at its end.</summary>
internal static class Report
{
    /// <summary>How many violations of one invariant are told; the rest are counted.</summary>
    private const int Shown = 10;

    private static readonly (string Name, RequestOutcome Outcome)[] Outcomes =
    [
        ("completed", RequestOutcome.Completed),
        ("failed by the function", RequestOutcome.FailedByFunction),
        ("refused, never ran", RequestOutcome.Refused),
        ("cancelled by the client", RequestOutcome.Cancelled),
        ("cut by a kill", RequestOutcome.CutByKill),
        ("interrupted", RequestOutcome.Interrupted),
        ("broken", RequestOutcome.Broken),
    ];

    public static string Of(RunFacts facts, IReadOnlyList<InvariantResult> results)
    {
        var text = new StringBuilder();
        text.Append($"\nrequests                  {facts.Requests.Count,6}\n");
        foreach ((string name, RequestOutcome outcome) in Outcomes)
        {
            int count = facts.Requests.Count(it => it.Outcome == outcome);
            if (count > 0 || outcome <= RequestOutcome.CutByKill)
                text.Append($"  {name,-24}{count,6}\n");
            if (outcome == RequestOutcome.Refused)
            {
                IEnumerable<RequestFact> refused = facts.Requests.Where(it => it.Outcome == outcome);
                foreach (IGrouping<string?, RequestFact> reason in refused.GroupBy(it => it.Reason))
                    text.Append($"    {reason.Key,-22}{reason.Count(),6}\n");
            }
        }

        text.Append($"executions                {facts.Executions.Sum(it => it.Starts),6}\n");
        text.Append($"instances started         {facts.Started,6}\n");
        foreach (LifeEnd end in Enum.GetValues<LifeEnd>())
        {
            int count = facts.Lives.Count(it => it.End == end);
            if (count > 0 || end <= LifeEnd.Killed)
                text.Append($"  {Words.Of(end),-24}{count,6}\n");
        }

        text.Append($"freezes                   {facts.Freezes,6}\n");
        ThawFact[] byRequest = [.. facts.Thaws.Where(it => it.First is not null)];
        text.Append($"thaws                     {facts.Thaws.Count,6}\n");
        text.Append($"  by a request            {byRequest.Length,6}{Spread("frozen", byRequest.Select(it => it.Frozen))}\n");
        text.Append($"    its answer            {"",6}{Spread("after", byRequest.Select(it => it.Latency))}\n");
        foreach (IGrouping<string, HookFact> hook in facts.Hooks.GroupBy(it => it.Path).OrderBy(it => it.Key, StringComparer.Ordinal))
        {
            int calledOff = hook.Count(it => it.Receipt?.CalledOff == true);
            text.Append($"{hook.Key,-26}{hook.Count(),6}{Spread("took", hook.Select(it => it.Took))}");
            text.Append(calledOff > 0 ? $", {calledOff} called off\n" : "\n");
        }

        text.Append('\n');
        foreach (InvariantResult result in results)
        {
            bool ok = result.Violations.Count == 0;
            text.Append($"{(ok ? "ok" : "VIOLATED"),-9} {result.Name,-17} {result.Meaning} ({result.Checked} checked)\n");
            foreach (string violation in result.Violations.Take(Shown))
                text.Append($"            {violation}\n");
            if (result.Violations.Count > Shown)
                text.Append($"            and {result.Violations.Count - Shown} more\n");
        }

        return text.ToString();
    }

    /// <summary>The last line.</summary>
    public static string Verdict(IReadOnlyList<InvariantResult> results)
    {
        string[] violated = [.. results.Where(it => it.Violations.Count > 0).Select(it => it.Name)];
        return violated.Length == 0 ? "platform: ok" : $"platform: VIOLATED {string.Join(", ", violated)}";
    }

    private static string Spread(string word, IEnumerable<TimeSpan> times)
    {
        double[] sorted = [.. times.Select(it => it.TotalMilliseconds).Order()];
        return sorted.Length == 0
            ? ""
            : $"  {word} {sorted[0]:F0} ms at least, {sorted[sorted.Length / 2]:F0} ms in the middle, {sorted[^1]:F0} ms at most";
    }
}
