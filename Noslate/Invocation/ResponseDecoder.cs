using System.Buffers;
using Google.Protobuf;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Noslate.Transport;

namespace NoslateFleet.Noslate.Invocation;

/// <summary>What a <see cref="ResponseDecoder"/> finds next.</summary>
internal enum ResponseItem
{
    /// <summary>Nothing whole: more bytes are needed.</summary>
    NeedMore,

    /// <summary>The response head. Told once.</summary>
    Head,

    /// <summary>Body bytes, some of which may still be on their way.</summary>
    Body,

    /// <summary>An error message.</summary>
    Error,

    /// <summary>What came can't be an answer of a data plane.</summary>
    Malformed,
}

/// <summary>
/// Decodes a stream of gRPC-framed InvokeResponse messages, cut anywhere. A message that bears nothing but body is passed on as it
/// comes; any other is held whole, at most 10 MiB. Bytes are put into <see cref="GetBuffer"/>, told by <see cref="Filled"/>, and
/// looked at by <see cref="Next"/>; body bytes that have not come yet may be read past this object and told by <see cref="TakenDirectly"/>.
/// </summary>
internal sealed class ResponseDecoder : IDisposable
{
    // Holds the head and a body of a few KiB; what is larger is read straight into the caller's buffer.
    private const int InitialCapacity = 8 * 1024;

    // Room that makes a read worth its while.
    private const int MinimumRoom = 512;

    // The longest start of a body-only message that is looked at: two tags and two lengths, padded ones included.
    private const int MaxBodyHead = 24;

    private readonly List<KeyValuePair<string, string>> _headers = [];
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(InitialCapacity);
    private int _start;
    private int _end;
    private int _bodyRest;
    private int _afterBody;
    private bool _headSeen;
    private bool _headTold;

    /// <summary>The response's HTTP status, once the head was told.</summary>
    public int Status { get; private set; }

    /// <summary>The response's headers, once the head was told.</summary>
    public KeyValuePair<string, string>[] Headers { get; private set; } = [];

    /// <summary>The error message, when one was told.</summary>
    public InvokeErrorResponse? Error { get; private set; }

    /// <summary>Why the answer is malformed, when that was told.</summary>
    public string? Malformation { get; private set; }

    /// <summary>Bytes of the present body message that have neither come nor been taken.</summary>
    public int BodyOnTheWay => _bodyRest - Math.Min(_bodyRest, _end - _start);

    /// <summary>True when the bytes so far end inside a message.</summary>
    public bool InsideMessage => _end > _start || _bodyRest > 0;

    /// <summary>Where the next bytes go; never empty.</summary>
    public Memory<byte> GetBuffer()
    {
        if (_start == _end)
        {
            _start = _end = 0;
        }

        if (_buffer.Length - _end < MinimumRoom)
        {
            int held = _end - _start;

            // Grows with what has come, not with what a prefix promises: a hostile length costs nothing.
            byte[] target = held > _buffer.Length / 2 ? ArrayPool<byte>.Shared.Rent(_buffer.Length * 2) : _buffer;
            Buffer.BlockCopy(_buffer, _start, target, 0, held);
            if (!ReferenceEquals(target, _buffer))
            {
                ArrayPool<byte>.Shared.Return(_buffer);
                _buffer = target;
            }

            _start = 0;
            _end = held;
        }

        return _buffer.AsMemory(_end);
    }

    /// <summary>Tells how many bytes were put into <see cref="GetBuffer"/>.</summary>
    public void Filled(int count) => _end += count;

    /// <summary>Copies body bytes that are at hand. 0 when there are none, or the next thing is no body.</summary>
    public int TakeBody(Span<byte> destination)
    {
        int count = Math.Min(Math.Min(_bodyRest, _end - _start), destination.Length);
        if (count > 0)
        {
            _buffer.AsSpan(_start, count).CopyTo(destination);
            _start += count;
            BodyTaken(count);
        }

        return count;
    }

    /// <summary>Tells that body bytes were read past this object; at most <see cref="BodyOnTheWay"/>, and only with nothing at hand.</summary>
    public void TakenDirectly(int count) => BodyTaken(count);

    /// <summary>Looks at what has come.</summary>
    public ResponseItem Next()
    {
        while (true)
        {
            if (_headSeen && !_headTold)
            {
                _headTold = true;
                return ResponseItem.Head;
            }

            if (_bodyRest > 0)
            {
                return ResponseItem.Body;
            }

            if (Error is not null)
            {
                return ResponseItem.Error;
            }

            if (Malformation is not null)
            {
                return ResponseItem.Malformed;
            }

            ReadOnlySpan<byte> held = _buffer.AsSpan(_start, _end - _start);
            if (held.Length < GrpcWire.PrefixLength)
            {
                return ResponseItem.NeedMore;
            }

            Malformation = GrpcWire.ReadPrefix(held[..GrpcWire.PrefixLength], out int length);
            if (Malformation is not null)
            {
                continue;
            }

            ReadOnlySpan<byte> message = held[GrpcWire.PrefixLength..];
            message = message[..Math.Min(message.Length, length)];
            if (_headSeen && ReadBodyHead(message, length, out int headLength, out int bodyLength))
            {
                _start += GrpcWire.PrefixLength + headLength;
                _bodyRest = bodyLength;
                continue;
            }

            if (message.Length < length)
            {
                return ResponseItem.NeedMore;
            }

            int messageStart = _start + GrpcWire.PrefixLength;
            _start = messageStart + length;
            ReadMessage(message, messageStart);
        }
    }

    /// <summary>Makes it as new, for another call.</summary>
    public void Reset()
    {
        _start = _end = _bodyRest = _afterBody = 0;
        _headSeen = _headTold = false;
        _headers.Clear();
        Headers = [];
        Status = 0;
        Error = null;
        Malformation = null;
        if (_buffer.Length > InitialCapacity)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = ArrayPool<byte>.Shared.Rent(InitialCapacity);
        }
    }

    public void Dispose()
    {
        byte[] buffer = _buffer;
        _buffer = [];
        if (buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // True when the message is result{body} and nothing else, which its first bytes tell.
    private static bool ReadBodyHead(ReadOnlySpan<byte> message, int length, out int headLength, out int bodyLength)
    {
        headLength = 0;
        bodyLength = 0;
        ReadOnlySpan<byte> head = message[..Math.Min(message.Length, MaxBodyHead)];
        int offset = 0;
        if (head.IsEmpty || head[offset++] != ((2 << 3) | ProtoWire.Bytes)
            || !ProtoWire.TryReadVarint(head, ref offset, out ulong result) || result != (ulong)(length - offset)
            || offset >= head.Length || head[offset++] != ((3 << 3) | ProtoWire.Bytes)
            || !ProtoWire.TryReadVarint(head, ref offset, out ulong body) || body != (ulong)(length - offset))
        {
            return false;
        }

        headLength = offset;
        bodyLength = (int)body;
        return true;
    }

    private void BodyTaken(int count)
    {
        _bodyRest -= count;
        if (_bodyRest == 0)
        {
            _start += _afterBody;
            _afterBody = 0;
        }
    }

    // Fields in any order; of the oneof's two the last wins, and a repeated one is merged, as the protobuf parsers do.
    private void ReadMessage(ReadOnlySpan<byte> message, int messageStart)
    {
        InvokeErrorResponse? error = null;
        bool isResult = false;
        int status = 0;
        int bodyStart = 0;
        int bodyLength = 0;
        int offset = 0;
        _headers.Clear();
        while (offset < message.Length)
        {
            if (!ProtoWire.TryReadTag(message, ref offset, out int field, out int wireType))
            {
                Malformation = Unparsable;
                return;
            }

            if (wireType != ProtoWire.Bytes || field is not (1 or 2))
            {
                if (!ProtoWire.TrySkip(message, ref offset, field, wireType))
                {
                    Malformation = Unparsable;
                    return;
                }

                continue;
            }

            if (!ProtoWire.TryReadLength(message, ref offset, out int length))
            {
                Malformation = Unparsable;
                return;
            }

            ReadOnlySpan<byte> content = message.Slice(offset, length);
            if (field == 1)
            {
                isResult = false;
                try
                {
                    (error ??= new InvokeErrorResponse()).MergeFrom(content);
                }
                catch (InvalidProtocolBufferException)
                {
                    Malformation = Unparsable;
                    return;
                }
            }
            else
            {
                if (!isResult)
                {
                    isResult = true;
                    error = null;
                    status = bodyLength = 0;
                    _headers.Clear();
                }

                if (!ReadResult(content, messageStart + offset, ref status, ref bodyStart, ref bodyLength))
                {
                    Malformation = Unparsable;
                    return;
                }
            }

            offset += length;
        }

        Error = error;
        if (!isResult)
        {
            return;
        }

        if (!_headSeen)
        {
            _headSeen = true;
            Status = status;
            Headers = _headers.Count == 0 ? [] : [.. _headers];
        }

        if (bodyLength > 0)
        {
            _afterBody = _start - (bodyStart + bodyLength);
            _start = bodyStart;
            _bodyRest = bodyLength;
        }
    }

    private const string Unparsable = "the plane sent a message that can't be parsed as an InvokeResponse";

    private bool ReadResult(ReadOnlySpan<byte> content, int contentStart, ref int status, ref int bodyStart, ref int bodyLength)
    {
        int offset = 0;
        while (offset < content.Length)
        {
            if (!ProtoWire.TryReadTag(content, ref offset, out int field, out int wireType))
            {
                return false;
            }

            switch (field, wireType)
            {
                case (1, ProtoWire.Varint):
                    if (!ProtoWire.TryReadVarint(content, ref offset, out ulong value))
                    {
                        return false;
                    }

                    status = (int)(uint)value;
                    break;
                case (2, ProtoWire.Bytes):
                    if (!ProtoWire.TryReadLength(content, ref offset, out int pairLength)
                        || !ReadPair(content.Slice(offset, pairLength)))
                    {
                        return false;
                    }

                    offset += pairLength;
                    break;
                case (3, ProtoWire.Bytes):
                    if (!ProtoWire.TryReadLength(content, ref offset, out bodyLength))
                    {
                        return false;
                    }

                    bodyStart = contentStart + offset;
                    offset += bodyLength;
                    break;
                default:
                    if (!ProtoWire.TrySkip(content, ref offset, field, wireType))
                    {
                        return false;
                    }

                    break;
            }
        }

        return true;
    }

    private bool ReadPair(ReadOnlySpan<byte> content)
    {
        string key = "";
        string value = "";
        int offset = 0;
        while (offset < content.Length)
        {
            if (!ProtoWire.TryReadTag(content, ref offset, out int field, out int wireType))
            {
                return false;
            }

            if (wireType == ProtoWire.Bytes && (field is 1 or 2))
            {
                if (!ProtoWire.TryReadLength(content, ref offset, out int length))
                {
                    return false;
                }

                string text = _headSeen ? "" : CommonText.Decode(content.Slice(offset, length));
                (key, value) = field == 1 ? (text, value) : (key, text);
                offset += length;
            }
            else if (!ProtoWire.TrySkip(content, ref offset, field, wireType))
            {
                return false;
            }
        }

        if (!_headSeen)
        {
            _headers.Add(new(key, value));
        }

        return true;
    }
}
