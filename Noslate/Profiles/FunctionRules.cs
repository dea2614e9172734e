using System.Globalization;
using System.Text.Json;
using NoslateFleet.Noslate.Protocol.Common;

namespace NoslateFleet.Noslate.Profiles;

/// <summary>
/// The rules of function profiles: Noslate's own schema, and what its control plane leaves unchecked. It answers "set" to
/// anything, so a mistake that gets past here shows only when an invocation fails.
/// </summary>
internal static class FunctionRules
{
    internal const string NodeRuntime = "nodejs";
    internal const string AworkerRuntime = "aworker";

    /// <summary>The node's own defaults, where a rule or a picture needs them (https://github.com/noslate-project/noslated, its default configuration).</summary>
    internal const int DefaultMaxActivateRequests = 10;

    internal const int DefaultReplicaCountLimit = 10;

    private const string FileDotExport = "file.export, with exactly one dot";
    private const string Plain = "text of 1 to 4096 characters without control characters";
    private const string Share = "a number above 0 and at most 1";

    private static readonly FieldTable<ResourceLimit> ResourceLimits = new(
        Field.Integer<ResourceLimit>("memory", 1, (to, value) => to.Memory = value),
        Field.Number<ResourceLimit>("cpu", "a number above 0", value => value > 0, (to, value) => to.Cpu = value));

    private static readonly FieldTable<RateLimit> RateLimits = new(
        Field.Integer<RateLimit>("maxTokenCount", 1, (to, value) => to.MaxTokenCount = value),
        Field.Integer<RateLimit>("tokensPerFill", 1, (to, value) => to.TokensPerFill = value),
        Field.Integer<RateLimit>("fillInterval", 1, (to, value) => to.FillInterval = value));

    private static readonly FieldTable<FunctionProfileWorker> Workers = new(
        Field.Integer<FunctionProfileWorker>("initializationTimeout", 1, (to, value) => to.InitializationTimeout = value),
        Field.Integer<FunctionProfileWorker>("maxActivateRequests", 1, (to, value) => to.MaxActivateRequests = value),
        Field.Integer<FunctionProfileWorker>("reservationCount", 0, (to, value) => to.ReservationCount = value),
        Field.Flag<FunctionProfileWorker>("fastFailRequestsOnStarting", (to, value) => to.FastFailRequestsOnStarting = value),
        Field.Integer<FunctionProfileWorker>("replicaCountLimit", 1, (to, value) => to.ReplicaCountLimit = value),
        Field.TextList<FunctionProfileWorker>("v8Options", (to, value) => to.V8Options.Add(value)),
        Field.Choice<FunctionProfileWorker>("shrinkStrategy", ["FILO", "FIFO", "LCC"], (to, value) => to.ShrinkStrategy = value),
        Field.TextList<FunctionProfileWorker>("execArgv", (to, value) => to.ExecArgv.Add(value)),
        Field.Flag<FunctionProfileWorker>("disposable", (to, value) => to.Disposable = value),
        Field.Flag<FunctionProfileWorker>("disableSeed", (to, value) => to.DisableSeed = value),
        Field.Flag<FunctionProfileWorker>("disableRequestQueue", (to, value) => to.DisableRequestQueue = value),
        Field.Choice<FunctionProfileWorker>("dispatchMode", ["least-request-count", "round-robin"], (to, value) => to.DispatchMode = value),
        Field.Integer<FunctionProfileWorker>("concurrencySlidingWindowSize", 1, (to, value) => to.ConcurrencySlidingWindowSize = value),
        Field.Integer<FunctionProfileWorker>("concurrencySlidingBucketCount", 1, (to, value) => to.ConcurrencySlidingBucketCount = value),
        Field.Number<FunctionProfileWorker>("emaConcurrencyAlpha", Share, IsShare, (to, value) => to.EmaConcurrencyAlpha = value),
        Field.Number<FunctionProfileWorker>("concurrencyExpandThreshold", Share, IsShare, (to, value) => to.ConcurrencyExpandThreshold = value),
        Field.Number<FunctionProfileWorker>(
            "concurrencyShrinkThreshold", "a number from 0 to 1", value => value is >= 0 and <= 1, (to, value) => to.ConcurrencyShrinkThreshold = value),
        Field.Integer<FunctionProfileWorker>("expandCooldown", 0, (to, value) => to.ExpandCooldown = value),
        Field.Integer<FunctionProfileWorker>("shrinkCooldown", 0, (to, value) => to.ShrinkCooldown = value),
        Field.Number<FunctionProfileWorker>("scaleFactor", Share, IsShare, (to, value) => to.ScaleFactor = value),
        Field.Number<FunctionProfileWorker>(
            "precisionZeroThreshold", "a number from 0", value => value >= 0, (to, value) => to.PrecisionZeroThreshold = value),
        Field.Choice<FunctionProfileWorker>(
            "concurrencyStatsMode", ["instant", "periodic_max", "periodic_avg"], (to, value) => to.ConcurrencyStatsMode = value),
        Field.Flag<FunctionProfileWorker>("shrinkCooldownOnStartup", (to, value) => to.ShrinkCooldownOnStartup = value));

    private static readonly FieldTable<FunctionProfile> Functions = new(
        Field.Text<FunctionProfile>("name", ProfileNames.Expected, ProfileNames.IsRight, (to, value) => to.Name = value, required: true),
        new("runtime", Field.OneOf([NodeRuntime, AworkerRuntime]), Required: true, ReadRuntime),
        new("url", CodeUrl.Expected, Required: true, ReadUrl),
        Field.Text<FunctionProfile>(
            "signature", $"{Plain}, which changes whenever the code does", Field.IsPlain, (to, value) => to.Signature = value, required: true),
        Field.Text<FunctionProfile>("handler", FileDotExport, IsFileDotExport, (to, value) => to.Handler = value),
        Field.Text<FunctionProfile>("initializer", FileDotExport, IsFileDotExport, (to, value) => to.Initializer = value),
        Field.Text<FunctionProfile>("sourceFile", Plain, Field.IsPlain, (to, value) => to.SourceFile = value),
        Field.Group<FunctionProfile, ResourceLimit>("resourceLimit", ResourceLimits, (to, value) => to.ResourceLimit = value),
        Field.Group<FunctionProfile, FunctionProfileWorker>("worker", Workers, (to, value) => to.Worker = value),
        new("environments", EnvironmentRules.Expected, Required: false, (at, value, to) => EnvironmentRules.Read(at, value, to.Environments)),
        Field.Group<FunctionProfile, RateLimit>("rateLimit", RateLimits, (to, value) => to.RateLimit = value),
        Field.Text<FunctionProfile>("namespace", Plain, Field.IsPlain, (to, value) => to.Namespace = value));

    // What one field alone cannot tell.
    private static readonly Action<Reading, FunctionProfile, HashSet<string>>[] Together =
    [
        (at, profile, seen) => Belongs(at, profile, seen, "handler", NodeRuntime, FileDotExport),
        (at, profile, seen) => Belongs(at, profile, seen, "sourceFile", AworkerRuntime, "the file to run, as app.js"),
        InitializerIsForNode,
        ReservationFitsLimit,
    ];

    internal static FunctionProfile Read(Reading at, JsonElement value)
    {
        var profile = new FunctionProfile();
        var seen = Functions.Read(at, value, profile);
        if (value.ValueKind != JsonValueKind.Object)
            return profile;

        foreach (var rule in Together)
            rule(at, profile, seen);

        return WithoutEmptyGroups(profile);
    }

    private static void ReadRuntime(Reading at, JsonElement value, FunctionProfile to)
    {
        var expected = Field.OneOf([NodeRuntime, AworkerRuntime]);
        if (!JsonText.TryGet(value, out var text))
            at.Wrong(value, expected);
        else if (text is NodeRuntime or AworkerRuntime)
            to.Runtime = text;
        else if (text.StartsWith("node", StringComparison.OrdinalIgnoreCase))
            at.Wrong(value, $"{expected}: write \"{NodeRuntime}\", without a version");
        else
            at.Wrong(value, expected);
    }

    private static void ReadUrl(Reading at, JsonElement value, FunctionProfile to)
    {
        if (!JsonText.TryGet(value, out var text) || text.Length > Field.LongestText)
            at.Wrong(value, CodeUrl.Expected);
        else if (CodeUrl.Resolve(text, at.BaseDirectory, out var url) is { } problem)
            at.Say(problem);
        else
            to.Url = url;
    }

    private static void Belongs(Reading at, FunctionProfile profile, HashSet<string> seen, string field, string runtime, string expected)
    {
        if (profile.Runtime.Length == 0)
            return;

        if (profile.Runtime == runtime && !seen.Contains(field))
            at.At(field).Say($"is missing, must be {expected}, with runtime \"{runtime}\"");
        else if (profile.Runtime != runtime && seen.Contains(field))
            at.At(field).Say($"is given with runtime \"{profile.Runtime}\", must be left out: it belongs to \"{runtime}\"");
    }

    private static void InitializerIsForNode(Reading at, FunctionProfile profile, HashSet<string> seen)
    {
        if (profile.Runtime == AworkerRuntime && seen.Contains("initializer"))
            at.At("initializer").Say($"is given with runtime \"{AworkerRuntime}\", must be left out: it belongs to \"{NodeRuntime}\"");
    }

    private static void ReservationFitsLimit(Reading at, FunctionProfile profile, HashSet<string> seen)
    {
        if (profile.Worker is not { HasReservationCount: true } worker)
            return;

        var limit = worker.HasReplicaCountLimit ? worker.ReplicaCountLimit : DefaultReplicaCountLimit;
        if (worker.ReservationCount > limit)
        {
            var origin = worker.HasReplicaCountLimit ? "" : " when left out";
            at.At("worker.reservationCount").Say(string.Create(
                CultureInfo.InvariantCulture, $"is {worker.ReservationCount}, must be at most worker.replicaCountLimit, which is {limit}{origin}"));
        }
    }

    // "worker": {} says the same as no worker at all: it must not make another version.
    private static FunctionProfile WithoutEmptyGroups(FunctionProfile profile)
    {
        if (profile.ResourceLimit?.CalculateSize() == 0)
            profile.ResourceLimit = null;
        if (profile.Worker?.CalculateSize() == 0)
            profile.Worker = null;
        if (profile.RateLimit?.CalculateSize() == 0)
            profile.RateLimit = null;
        return profile;
    }

    private static bool IsFileDotExport(string text) =>
        Field.IsPlain(text) && text.Count(c => c == '.') == 1 && text[0] != '.' && text[^1] != '.';

    private static bool IsShare(float value) => value is > 0 and <= 1;
}
