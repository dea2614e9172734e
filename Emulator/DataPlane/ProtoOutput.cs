using System.IO.Pipelines;

namespace NoslateFleet.Emulator.DataPlane;

/// <summary>Writes protobuf by hand where a message object would copy a body.</summary>
internal static class ProtoOutput
{
    /// <summary>Tag and length of a length-delimited field whose number is below 16.</summary>
    public static void WriteHead(PipeWriter writer, int field, uint length)
    {
        Span<byte> span = writer.GetSpan(6);
        int at = 0;
        span[at++] = (byte)((field << 3) | 2);
        while (length >= 0x80)
        {
            span[at++] = (byte)(length | 0x80);
            length >>= 7;
        }

        span[at++] = (byte)length;
        writer.Advance(at);
    }
}
