using NoslateFleet.Noslate.Transport;

namespace NoslateFleet.Noslate.Invocation;

/// <summary>
/// Everything of an invocation but its body. It is encoded as it is filled, into a pooled buffer, in the order of the calls.
/// Not thread-safe. Return it with <see cref="Dispose"/> once the invocation has ended.
/// </summary>
public sealed class InvocationRequest : IDisposable
{
    private const int InitialCapacity = 4096;

    // Only the buffer is pooled: an object that came back from a pool could be disposed by who held it before.
    private ProtoWriter _writer = new(GrpcWire.PrefixLength, InitialCapacity);
    private bool _disposed;
    private int _encodedLength;

    private InvocationRequest()
    {
    }

    /// <summary>Length of the encoded fields so far, in bytes.</summary>
    internal int MessageLength => _writer.Length - GrpcWire.PrefixLength;

    /// <summary>
    /// What <see cref="Encode"/> last gave out, once more: with the deadline, and with the body's bytes where they were copied behind the fields.
    /// Only as long as nothing was added since.
    /// </summary>
    internal ReadOnlyMemory<byte> Encoded => _writer.Buffer.AsMemory(0, _encodedLength);

    /// <summary>The function's or service's name, read back from the encoded fields.</summary>
    internal string ReadName()
    {
        ReadOnlySpan<byte> fields = _writer.Buffer.AsSpan(GrpcWire.PrefixLength, MessageLength);
        int offset = 0;
        return ProtoWire.TryReadTag(fields, ref offset, out int field, out _) && field == 1 && ProtoWire.TryReadLength(fields, ref offset, out int length)
            ? System.Text.Encoding.UTF8.GetString(fields.Slice(offset, length))
            : "";
    }

    /// <summary>Takes an empty request from the pool.</summary>
    /// <param name="name">The function's or service's name.</param>
    /// <param name="method">The HTTP method.</param>
    /// <param name="url">The url as the function shall see it.</param>
    /// <param name="requestId">The request's id, as it shall appear in the node's logs.</param>
    public static InvocationRequest Rent(string name, string method, string url, string requestId)
    {
        var request = new InvocationRequest();
        request._writer.WriteString(1, name);
        request._writer.WriteString(2, url);
        request._writer.WriteString(3, method);
        request._writer.WriteString(8, requestId);
        return request;
    }

    /// <summary>Adds a header. Repeated names stay repeated, in order.</summary>
    /// <param name="name">The name; ASCII letters in it are written in lower case.</param>
    /// <param name="value">The value; written as UTF-8.</param>
    public void AddHeader(string name, string value)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _writer.WritePair(4, name, value, lowerKey: true);
    }

    /// <summary>Adds a baggage pair: data that goes with the request but is no header.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    public void AddBaggage(string key, string value)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _writer.WritePair(5, key, value, lowerKey: false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _writer.Return();
        }
    }

    /// <summary>
    /// The first message as it goes on the wire: prefix, fields, deadline, and the head of a body field whose bytes follow: either
    /// copied behind it by <paramref name="inline"/>, or written by the caller. The fields themselves stay, so that it can be done again.
    /// </summary>
    /// <param name="deadline">Absolute, in epoch milliseconds.</param>
    /// <param name="bodyLength">Bytes of the body that are part of the message; 0 for none.</param>
    /// <param name="inline">Copies the body's bytes; null when the caller writes them.</param>
    /// <param name="state">For <paramref name="inline"/>.</param>
    internal ReadOnlyMemory<byte> Encode<TState>(
        double deadline, int bodyLength, System.Buffers.SpanAction<byte, TState>? inline, TState state)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        int fields = _writer.Length;
        _writer.WriteDouble(6, deadline);
        if (bodyLength > 0)
        {
            _writer.WriteBytesHead(7, bodyLength);
        }

        int message = _writer.Length - GrpcWire.PrefixLength + bodyLength;
        if (inline is not null)
        {
            inline(_writer.Reserve(bodyLength)[..bodyLength], state);
            _writer.Advance(bodyLength);
        }

        GrpcWire.WritePrefix(_writer.Buffer, message);
        _encodedLength = _writer.Length;
        _writer.Truncate(fields);
        return Encoded;
    }
}
