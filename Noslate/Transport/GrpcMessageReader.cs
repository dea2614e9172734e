using System.Buffers;

namespace NoslateFleet.Noslate.Transport;

/// <summary>Reads whole messages from a response body, one after the other, into one pooled buffer.</summary>
internal sealed class GrpcMessageReader(Stream stream) : IDisposable
{
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(4096);
    private int _start;
    private int _end;

    /// <summary>The message last read; valid until the next read.</summary>
    public ReadOnlyMemory<byte> Current { get; private set; }

    /// <summary>True when the body ended inside a message.</summary>
    public bool Truncated => _end > _start;

    /// <summary>Reads the next message; false when the body has ended.</summary>
    /// <exception cref="GrpcException">The framing is broken or the message is too long.</exception>
    public async ValueTask<bool> ReadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            int needed = GrpcWire.PrefixLength;
            if (_end - _start >= GrpcWire.PrefixLength)
            {
                if (GrpcWire.ReadPrefix(_buffer.AsSpan(_start, GrpcWire.PrefixLength), out int length) is { } error)
                {
                    var code = _buffer[_start] == 0 ? GrpcStatusCode.ResourceExhausted : GrpcStatusCode.Internal;
                    throw new GrpcException(new GrpcStatus(code, error));
                }

                needed += length;
                if (_end - _start >= needed)
                {
                    Current = _buffer.AsMemory(_start + GrpcWire.PrefixLength, length);
                    _start += needed;
                    return true;
                }
            }

            MakeRoom(needed);
            int read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken);
            if (read == 0)
            {
                return false;
            }

            _end += read;
        }
    }

    public void Dispose()
    {
        byte[] buffer = _buffer;
        _buffer = [];
        Current = default;
        if (buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // Grows with what has come, not with what a prefix promises: a hostile length costs nothing.
    private void MakeRoom(int needed)
    {
        int held = _end - _start;
        byte[] target = _buffer;
        if (_end < _buffer.Length && _start + needed <= _buffer.Length)
        {
            return;
        }

        if (held * 2 > _buffer.Length)
        {
            target = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
        }

        Buffer.BlockCopy(_buffer, _start, target, 0, held);
        if (!ReferenceEquals(target, _buffer))
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = target;
        }

        _start = 0;
        _end = held;
    }
}
