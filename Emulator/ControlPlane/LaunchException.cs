namespace NoslateFleet.Emulator.ControlPlane;

/// <summary>A worker could not be started, in a real node's words.</summary>
/// <param name="message">What waiting requests are told.</param>
/// <param name="fatal">Whether waiting requests fail even when the function does not ask for fast failing.</param>
internal sealed class LaunchException(string message, bool fatal) : Exception(message)
{
    public bool Fatal { get; } = fatal;

    public static LaunchException ReplicaLimit(int count, int limit) => new($"Replica count exceeded limit ({count} / {limit})", false);

    public static LaunchException NoMemory(long used, long need, long total) =>
        new($"No enough virtual memory (used: {used} + need: {need}) > total: {total}", true);

    public static LaunchException Code(string why) => new($"Failed to ensure (or download) code: Error: {why}", true);

    public static LaunchException Runtime(string runtime) => runtime.StartsWith("aworker", StringComparison.Ordinal)
        ? new($"Runtime {runtime} does not exist in the emulator, which runs nodejs only; run this function on a real Noslate node", true)
        : new($"Invalid runtime {runtime}", true);

    public static LaunchException Internal(string why) => new($"Internal error: Error: {why}", true);

    public static LaunchException StoppedEarly(string worker) => Internal($"Worker({worker}, status 3) stopped unexpected after start.");

    public static LaunchException InitializationTimeout(string worker, string credential) =>
        Internal($"Worker({worker}, {credential}) initialization timeout.");
}
