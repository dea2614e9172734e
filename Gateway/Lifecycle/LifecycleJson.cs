using System.Text.Json;
using System.Text.Json.Serialization;
using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>Answer of a successful /initialize.</summary>
/// <param name="InstanceId">The instance.</param>
/// <param name="Boot">The process.</param>
/// <param name="Epoch">Its life.</param>
/// <param name="Phase">Its phase.</param>
internal sealed record InitializeAnswer(string InstanceId, string Boot, long Epoch, InstancePhase Phase);

/// <summary>Answer of /undrain.</summary>
/// <param name="Undone">False if the instance neither drained nor had stopped.</param>
/// <param name="Phase">Its phase now.</param>
internal sealed record UndrainAnswer(bool Undone, InstancePhase Phase);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, UseStringEnumConverter = true)]
[JsonSerializable(typeof(Receipt))]
[JsonSerializable(typeof(FlightEvent))]
[JsonSerializable(typeof(InitializeAnswer))]
[JsonSerializable(typeof(UndrainAnswer))]
internal sealed partial class LifecycleJson : JsonSerializerContext;
