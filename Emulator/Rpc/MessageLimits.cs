namespace NoslateFleet.Emulator.Rpc;

/// <summary>The sizes of gRPC framing and of the limits that a real plane sets (10 MiB each way, prefix included).</summary>
internal static class MessageLimits
{
    public const int PrefixSize = 5;

    public const int MaxMessageSize = 10 * 1024 * 1024;

    public static RpcStatusException ReceivedTooLarge(long size) =>
        new(Noslate.Transport.GrpcStatusCode.ResourceExhausted, $"Received message larger than max ({size} vs. {MaxMessageSize})");

    public static RpcStatusException SentTooLarge(long size) =>
        new(Noslate.Transport.GrpcStatusCode.ResourceExhausted, $"Sent message larger than max ({size} vs. {MaxMessageSize})");
}
