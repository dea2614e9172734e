using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace NoslateFleet.Tests.Gateway.Harness;

/// <summary>
/// A bare HTTP/1.1 client: shows the very bytes, and whether an answer ended as HTTP demands or was cut.
/// </summary>
internal sealed class RawConnection : IDisposable
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(30);

    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;

    /// <summary>Connects to a port of this machine.</summary>
    /// <param name="port">The port.</param>
    /// <param name="from">The address to call from; null for the usual one.</param>
    /// <param name="to">The address to call; null for 127.0.0.1.</param>
    /// <param name="receiveBuffer">How many bytes the system takes for it before it reads; null for the usual number.</param>
    public static async Task<RawConnection> OpenAsync(int port, IPAddress? from = null, IPAddress? to = null, int? receiveBuffer = null)
    {
        var connection = new RawConnection();
        if (receiveBuffer is { } size)
        {
            connection._socket.ReceiveBufferSize = size;
        }

        if (from is not null)
        {
            connection._socket.Bind(new IPEndPoint(from, 0));
        }

        await connection._socket.ConnectAsync(to ?? IPAddress.Loopback, port);
        return connection;
    }

    /// <summary>How many bytes the system has taken for it so far, read or not; Linux only.</summary>
    public long BytesReceived
    {
        get
        {
            // TCP_INFO, and tcpi_bytes_received in it.
            Span<byte> info = stackalloc byte[136];
            _socket.GetRawSocketOption(6, 11, info);
            return BitConverter.ToInt64(info[128..]);
        }
    }

    public Task SendAsync(string text) => SendAsync(Encoding.UTF8.GetBytes(text));

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await _socket.SendAsync(bytes)..];
        }
    }

    public async Task<RawResponse> ReadAsync(bool head = false)
    {
        var response = await ReadHeadAsync();
        using var body = new MemoryStream();
        if (!head && response.Status is not (204 or 205 or 304))
        {
            response = response with { Whole = await ReadBodyAsync(response, body), Body = body.ToArray() };
        }

        return response;
    }

    public async Task<RawResponse> ReadHeadAsync()
    {
        var lines = new List<string>();
        while (true)
        {
            var line = await ReadLineAsync() ?? throw new EndOfStreamException("the connection ended before the head did");
            if (line.Length == 0)
            {
                break;
            }

            lines.Add(line);
        }

        var headers = lines.Skip(1).Select(l => l.Split(": ", 2)).Select(p => KeyValuePair.Create(p[0], p.Length > 1 ? p[1] : "")).ToList();
        return new RawResponse(int.Parse(lines[0].Split(' ')[1], CultureInfo.InvariantCulture), headers, [], Whole: true);
    }

    /// <summary>The next chunk of a chunked body; empty at its proper end, null when the connection was cut.</summary>
    public async Task<byte[]?> ReadChunkAsync()
    {
        if (await ReadLineAsync() is not { } line)
        {
            return null;
        }

        var length = int.Parse(line, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        var chunk = await ReadBytesAsync(length);
        return chunk is null || await ReadLineAsync() is null ? null : chunk;
    }

    /// <summary>The next byte, whatever it belongs to; null when the connection has ended.</summary>
    public async Task<byte?> ReadByteAsync() => _start < _end || await FillAsync() ? _buffer[_start++] : null;

    /// <summary>True when the peer has closed or reset the connection and nothing more comes.</summary>
    public async Task<bool> IsClosedAsync() => _start == _end && !await FillAsync();

    /// <summary>Reads on to the end; true when that is a reset and no proper one.</summary>
    public async Task<bool> IsResetAsync()
    {
        using var limit = new CancellationTokenSource(_limit);
        try
        {
            while (await _socket.ReceiveAsync(_buffer, limit.Token) > 0)
            {
                // Whatever came before it.
            }

            return false;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    /// <summary>Ends what this side sends and goes on to listen.</summary>
    public void HalfClose() => _socket.Shutdown(SocketShutdown.Send);

    public void Reset()
    {
        _socket.LingerState = new LingerOption(true, 0);
        _socket.Close();
    }

    public void Dispose() => _socket.Dispose();

    private async Task<bool> ReadBodyAsync(RawResponse response, MemoryStream body)
    {
        if (response.Header("content-length") is { } length)
        {
            var bytes = await ReadBytesAsync(int.Parse(length, CultureInfo.InvariantCulture), body);
            return bytes is not null;
        }

        if (response.Header("transfer-encoding") != "chunked")
        {
            while (_start < _end || await FillAsync())
            {
                body.Write(_buffer, _start, _end - _start);
                _start = _end;
            }

            return true;
        }

        while (true)
        {
            if (await ReadChunkAsync() is not { } chunk)
            {
                return false;
            }

            if (chunk.Length == 0)
            {
                return true;
            }

            body.Write(chunk);
        }
    }

    /// <summary>The next bytes; null when the connection ended before.</summary>
    public async Task<byte[]?> ReadBytesAsync(int count, MemoryStream? copy = null)
    {
        var bytes = new byte[count];
        var filled = 0;
        while (filled < count)
        {
            if (_start == _end && !await FillAsync())
            {
                return null;
            }

            var step = Math.Min(count - filled, _end - _start);
            _buffer.AsSpan(_start, step).CopyTo(bytes.AsSpan(filled));
            copy?.Write(_buffer, _start, step);
            _start += step;
            filled += step;
        }

        return bytes;
    }

    private async Task<string?> ReadLineAsync()
    {
        var line = new MemoryStream();
        while (true)
        {
            if (_start == _end && !await FillAsync())
            {
                return null;
            }

            var b = _buffer[_start++];
            if (b == '\n')
            {
                return Encoding.UTF8.GetString(line.ToArray()).TrimEnd('\r');
            }

            line.WriteByte(b);
        }
    }

    private async Task<bool> FillAsync()
    {
        using var limit = new CancellationTokenSource(_limit);
        try
        {
            _start = 0;
            _end = await _socket.ReceiveAsync(_buffer, limit.Token);
            return _end > 0;
        }
        catch (SocketException)
        {
            _end = 0;
            return false;
        }
    }
}

/// <summary>An answer as it came.</summary>
/// <param name="Status">The status.</param>
/// <param name="Headers">The headers, in order.</param>
/// <param name="Body">The body's bytes.</param>
/// <param name="Whole">False when the body was cut.</param>
internal sealed record RawResponse(int Status, IReadOnlyList<KeyValuePair<string, string>> Headers, byte[] Body, bool Whole)
{
    public string Text => Encoding.UTF8.GetString(Body);

    public string? Header(string name) => Headers.FirstOrDefault(h => h.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;

    public string[] All(string name) => [.. Headers.Where(h => h.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(h => h.Value)];
}
