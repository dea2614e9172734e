using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace NoslateFleet.Noslate.Invocation;

/// <summary>Writes protobuf fields into a pooled buffer that grows.</summary>
internal struct ProtoWriter
{
    private byte[] _buffer;

    public ProtoWriter(int reserved, int capacity)
    {
        _buffer = ArrayPool<byte>.Shared.Rent(capacity);
        Length = reserved;
    }

    /// <summary>Bytes written, the reserved ones included.</summary>
    public int Length { get; private set; }

    public readonly byte[] Buffer => _buffer;

    /// <summary>Goes back to an earlier length.</summary>
    public void Truncate(int length) => Length = length;

    /// <summary>Makes room and gives the place behind what is written; <see cref="Advance"/> makes it part of it.</summary>
    public Span<byte> Reserve(int count)
    {
        if (_buffer.Length - Length < count)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(checked(Math.Max(_buffer.Length * 2, Length + count)));
            _buffer.AsSpan(0, Length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }

        return _buffer.AsSpan(Length);
    }

    public void Advance(int count) => Length += count;

    /// <summary>A string field; an empty one is left out, as proto3 does.</summary>
    public void WriteString(int field, string value)
    {
        if (value.Length == 0)
        {
            return;
        }

        int bytes = Encoding.UTF8.GetByteCount(value);
        Reserve(10 + bytes);
        WriteTag(field, ProtoWire.Bytes);
        WriteVarint((uint)bytes);
        WriteText(value, bytes, lower: false);
    }

    /// <summary>A KeyValuePair field.</summary>
    public void WritePair(int field, string key, string value, bool lowerKey)
    {
        // A lone surrogate becomes U+FFFD, three bytes in both the count and the text: it never throws.
        int keyBytes = Encoding.UTF8.GetByteCount(key);
        int valueBytes = Encoding.UTF8.GetByteCount(value);
        int keyField = keyBytes == 0 ? 0 : 1 + ProtoWire.SizeOf((uint)keyBytes) + keyBytes;
        int valueField = valueBytes == 0 ? 0 : 1 + ProtoWire.SizeOf((uint)valueBytes) + valueBytes;
        Reserve(20 + keyField + valueField);
        WriteTag(field, ProtoWire.Bytes);
        WriteVarint((uint)(keyField + valueField));
        if (keyBytes > 0)
        {
            WriteTag(1, ProtoWire.Bytes);
            WriteVarint((uint)keyBytes);
            WriteText(key, keyBytes, lowerKey);
        }

        if (valueBytes > 0)
        {
            WriteTag(2, ProtoWire.Bytes);
            WriteVarint((uint)valueBytes);
            WriteText(value, valueBytes, lower: false);
        }
    }

    public void WriteDouble(int field, double value)
    {
        Reserve(10);
        WriteTag(field, ProtoWire.Fixed64);
        BinaryPrimitives.WriteDoubleLittleEndian(_buffer.AsSpan(Length), value);
        Length += sizeof(double);
    }

    /// <summary>The head of a bytes field; its content is written by others.</summary>
    public void WriteBytesHead(int field, int length)
    {
        Reserve(10);
        WriteTag(field, ProtoWire.Bytes);
        WriteVarint((uint)length);
    }

    public void Return()
    {
        byte[] buffer = _buffer;
        _buffer = [];
        Length = 0;
        if (buffer is { Length: > 0 })
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void WriteTag(int field, int wireType) => _buffer[Length++] = (byte)((field << 3) | wireType);

    private void WriteVarint(uint value)
    {
        while (value >= 0x80)
        {
            _buffer[Length++] = (byte)(value | 0x80);
            value >>= 7;
        }

        _buffer[Length++] = (byte)value;
    }

    private void WriteText(string value, int bytes, bool lower)
    {
        Span<byte> target = _buffer.AsSpan(Length, bytes);
        Encoding.UTF8.GetBytes(value, target);
        if (lower)
        {
            // Byte by byte: Ascii.ToLowerInPlace stops at the first byte that is no ASCII.
            foreach (ref byte b in target)
            {
                b = b is >= (byte)'A' and <= (byte)'Z' ? (byte)(b | 0x20) : b;
            }
        }

        Length += bytes;
    }
}
