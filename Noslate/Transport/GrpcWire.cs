using System.Buffers.Binary;

namespace NoslateFleet.Noslate.Transport;

/// <summary>The framing of gRPC messages (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md) and the planes' own limits.</summary>
internal static class GrpcWire
{
    /// <summary>Bytes before each message: one flag, four of length.</summary>
    public const int PrefixLength = 5;

    /// <summary>Longest message either way, in bytes: what a noslated of 0.25 takes and sends.</summary>
    public const int MaxMessageLength = 10 * 1024 * 1024;

    public static void WritePrefix(Span<byte> destination, int length)
    {
        destination[0] = 0;
        BinaryPrimitives.WriteInt32BigEndian(destination[1..], length);
    }

    /// <summary>Why a prefix can't be taken; null if it can.</summary>
    public static string? ReadPrefix(ReadOnlySpan<byte> prefix, out int length)
    {
        uint wide = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        length = wide <= MaxMessageLength ? (int)wide : 0;
        return prefix[0] switch
        {
            0 when wide <= MaxMessageLength => null,
            0 => $"the plane sent a message of {wide} bytes; the limit is {MaxMessageLength}",
            1 => "the plane sent a compressed message though none was asked for",
            _ => $"the plane sent a message with the flag byte {prefix[0]}; 0 is expected",
        };
    }
}
