using System.Text.Json;
using System.Text.Json.Serialization;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Noslate.Stats;

namespace NoslateFleet.Gateway.Admin;

/// <summary>Answer of /api/workers.</summary>
/// <param name="Workers">Each worker of the node, by function and name.</param>
/// <param name="TrafficAsOf">When the live numbers were read; null if no data plane answered.</param>
/// <param name="SnapshotAsOf">When the control plane's snapshot was read; null if it did not answer.</param>
/// <param name="Errors">What could not be read, one line each.</param>
internal sealed record WorkersAnswer(
    IReadOnlyList<WorkerLine> Workers, DateTimeOffset? TrafficAsOf, DateTimeOffset? SnapshotAsOf, IReadOnlyList<string> Errors);

/// <summary>A worker.</summary>
/// <param name="Function">The function that it runs.</param>
/// <param name="Name">Its name on the node.</param>
/// <param name="State">What it is doing.</param>
/// <param name="ProcessId">Its process id on the node; null while it has none.</param>
/// <param name="RegisteredAt">When it registered; null if unknown.</param>
/// <param name="ActiveRequests">Requests it holds.</param>
internal sealed record WorkerLine(string Function, string Name, WorkerState State, int? ProcessId, DateTimeOffset? RegisteredAt, int ActiveRequests);

/// <summary>Answer of /api/in-flight.</summary>
/// <param name="Epoch">The instance's life now: an invocation of an older one was accepted before a freeze.</param>
/// <param name="Invocations">What is in flight, the oldest first.</param>
internal sealed record InFlightAnswer(long Epoch, IReadOnlyList<InFlightLine> Invocations);

/// <summary>An invocation in flight.</summary>
/// <param name="RequestId">The request's id.</param>
/// <param name="Function">The function or service that it is for.</param>
/// <param name="AgeMs">Time since it was accepted.</param>
/// <param name="Epoch">The life in which it was accepted.</param>
internal sealed record InFlightLine(string RequestId, string Function, long AgeMs, long Epoch);

/// <summary>Answer of /api/receipts.</summary>
/// <param name="Receipts">What the last freezes and stops of this process did, oldest first.</param>
internal sealed record ReceiptsAnswer(IReadOnlyList<Receipt> Receipts);

/// <summary>Answer of /api/recorder.</summary>
/// <param name="Boot">The process: another one counts its events anew.</param>
/// <param name="Events">Lifecycle events, oldest first.</param>
/// <param name="Last">Ask with it as <c>after</c> for what comes next.</param>
internal sealed record RecorderAnswer(string Boot, IReadOnlyList<FlightEvent> Events, long Last);

/// <summary>Answer of /api/flush.</summary>
/// <param name="Complete">False if the time for it was over first, or a part of it failed.</param>
/// <param name="Ms">How long it took.</param>
internal sealed record FlushAnswer(bool Complete, double Ms);

/// <summary>Answer of /api/configuration.</summary>
/// <param name="Settings">What holds, by key.</param>
internal sealed record ConfigurationAnswer(IReadOnlyList<EffectiveSetting> Settings);

/// <summary>A setting.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Value">What holds; null for none; <c>(hidden)</c> for what is secret and there.</param>
internal sealed record EffectiveSetting(string Key, string? Value);

/// <summary>An error of the admin port, as a problem document of RFC 9457.</summary>
/// <param name="Type">urn:noslatefleet:problem: and the reason.</param>
/// <param name="Title">One sentence.</param>
/// <param name="Status">The HTTP status.</param>
/// <param name="Detail">One sentence on this very case; not always there.</param>
/// <param name="Component">Where it arose.</param>
/// <param name="Reason">A fixed word.</param>
/// <param name="RequestId">The request's id.</param>
/// <param name="Executed">Whether it may have been carried out: never, maybe, yes.</param>
internal sealed record ProblemAnswer(
    string Type, string Title, int Status, string? Detail, string Component, string Reason, string RequestId, string Executed);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, UseStringEnumConverter = true, WriteIndented = true)]
[JsonSerializable(typeof(WorkersAnswer))]
[JsonSerializable(typeof(InFlightAnswer))]
[JsonSerializable(typeof(ReceiptsAnswer))]
[JsonSerializable(typeof(RecorderAnswer))]
[JsonSerializable(typeof(FlushAnswer))]
[JsonSerializable(typeof(UndrainAnswer))]
[JsonSerializable(typeof(ConfigurationAnswer))]
internal sealed partial class InstanceApiJson : JsonSerializerContext;
