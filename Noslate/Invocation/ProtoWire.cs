namespace NoslateFleet.Noslate.Invocation;

/// <summary>The parts of the protobuf wire format that the hand-written codec needs (https://protobuf.dev/programming-guides/encoding/).</summary>
internal static class ProtoWire
{
    public const int Varint = 0;
    public const int Fixed64 = 1;
    public const int Bytes = 2;
    public const int StartGroup = 3;
    public const int EndGroup = 4;
    public const int Fixed32 = 5;

    // As Google's own parsers: deeper nesting is an attack.
    private const int MaxDepth = 100;

    public static int SizeOf(uint value) => value switch
    {
        < 1u << 7 => 1,
        < 1u << 14 => 2,
        < 1u << 21 => 3,
        < 1u << 28 => 4,
        _ => 5,
    };

    /// <summary>Reads a varint at <paramref name="offset"/> and moves it on; false when it ends outside or is too long.</summary>
    public static bool TryReadVarint(ReadOnlySpan<byte> source, ref int offset, out ulong value)
    {
        value = 0;
        for (int shift = 0; shift < 70; shift += 7)
        {
            if ((uint)offset >= (uint)source.Length)
            {
                return false;
            }

            byte b = source[offset++];
            value |= shift < 64 ? (ulong)(b & 0x7F) << shift : 0;
            if (b < 0x80)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Reads a tag; false when it is broken.</summary>
    public static bool TryReadTag(ReadOnlySpan<byte> source, ref int offset, out int field, out int wireType)
    {
        bool read = TryReadVarint(source, ref offset, out ulong tag);
        field = (int)((uint)tag >> 3);
        wireType = (int)(tag & 7);
        return read && tag <= uint.MaxValue && field != 0;
    }

    /// <summary>Reads the length of a bytes field; false when the content does not lie within the source.</summary>
    public static bool TryReadLength(ReadOnlySpan<byte> source, ref int offset, out int length)
    {
        bool read = TryReadVarint(source, ref offset, out ulong wide);
        length = (int)(uint)wide;
        return read && wide <= (ulong)(source.Length - offset);
    }

    /// <summary>Skips a field whose tag has been read.</summary>
    public static bool TrySkip(ReadOnlySpan<byte> source, ref int offset, int field, int wireType, int depth = 0)
    {
        switch (wireType)
        {
            case Varint:
                return TryReadVarint(source, ref offset, out _);
            case Fixed64:
                return TryMove(source, ref offset, 8);
            case Fixed32:
                return TryMove(source, ref offset, 4);
            case Bytes:
                return TryReadLength(source, ref offset, out int length) && TryMove(source, ref offset, length);
            case StartGroup when depth < MaxDepth:
                while (TryReadTag(source, ref offset, out int inner, out int innerType))
                {
                    if (innerType == EndGroup)
                    {
                        return inner == field;
                    }

                    if (!TrySkip(source, ref offset, inner, innerType, depth + 1))
                    {
                        return false;
                    }
                }

                return false;
            default:
                return false;
        }
    }

    private static bool TryMove(ReadOnlySpan<byte> source, ref int offset, int count)
    {
        if (source.Length - offset < count)
        {
            return false;
        }

        offset += count;
        return true;
    }
}
