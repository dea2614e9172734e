using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Gateway.Http;

/// <summary>A client that writes HTTP/2 frames itself, for what no proper client sends.</summary>
internal sealed class Http2Client : IDisposable
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(30);

    private readonly Socket _socket;
    private readonly NetworkStream _stream;
    private int _next = 1;
    private bool _toldToGoAway;

    private Http2Client(Socket socket)
    {
        _socket = socket;
        _stream = new NetworkStream(socket, ownsSocket: true);
    }

    public static async Task<Http2Client> OpenAsync(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, port);
        var client = new Http2Client(socket);
        await client._stream.WriteAsync(Encoding.ASCII.GetBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
        await client.WriteAsync(RawPlane.Settings, 0, 0, []);
        return client;
    }

    /// <summary>Sends a request's head and gives the stream's number.</summary>
    public async Task<int> BeginAsync(string method, string path, bool end, params (string Name, string Value)[] headers)
    {
        var id = _next;
        _next += 2;
        byte[] block = RawPlane.Block([(":method", method), (":scheme", "http"), (":authority", "t"), (":path", path), .. headers]);
        await WriteAsync(RawPlane.Headers, (byte)(RawPlane.EndHeaders | (end ? RawPlane.EndStream : 0)), id, block);
        return id;
    }

    public Task WriteAsync(byte type, byte flags, int stream, byte[] payload) => _stream.WriteAsync(RawPlane.Frame(type, flags, stream, payload)).AsTask();

    /// <summary>
    /// Reads to the end of a stream: its status (0 without one, -1 for one that this client does not decode), its body, and how it ended.
    /// </summary>
    public async Task<Http2Answer> ReadAsync(int id)
    {
        using var limit = new CancellationTokenSource(_limit);
        var status = 0;
        using var body = new MemoryStream();
        while (true)
        {
            byte type;
            byte flags;
            int stream;
            byte[] payload;
            try
            {
                (type, flags, stream, payload) = await RawPlane.ReadFrameAsync(_stream).WaitAsync(limit.Token);
            }
            catch (Exception error) when (error is IOException or EndOfStreamException)
            {
                return new Http2Answer(status, body.ToArray(), Http2End.Closed);
            }

            if (type == RawPlane.Settings && (flags & 1) == 0)
            {
                await WriteAsync(RawPlane.Settings, 1, 0, []);
            }
            else if (type == RawPlane.GoAway)
            {
                if (!IsGraceful(payload, id))
                {
                    return new Http2Answer(status, body.ToArray(), Http2End.Closed);
                }

                _toldToGoAway = true;
            }
            else if (stream != id)
            {
                continue;
            }
            else if (type == RawPlane.Headers)
            {
                status = status == 0 ? Status(payload) : status;
            }
            else if (type == RawPlane.Data)
            {
                body.Write(payload);
            }
            else if (type == RawPlane.RstStream)
            {
                return new Http2Answer(status, body.ToArray(), Http2End.Reset);
            }

            if (type is RawPlane.Headers or RawPlane.Data && (flags & RawPlane.EndStream) != 0)
            {
                return new Http2Answer(status, body.ToArray(), Http2End.Proper);
            }
        }
    }

    /// <summary>Reads until the server has said that it takes no new stream; an end of the connection without that fails.</summary>
    public async Task ReadGoAwayAsync()
    {
        using var limit = new CancellationTokenSource(_limit);
        while (!_toldToGoAway)
        {
            var (type, _, _, payload) = await RawPlane.ReadFrameAsync(_stream).WaitAsync(limit.Token);
            _toldToGoAway = type == RawPlane.GoAway && IsGraceful(payload, 0);
        }
    }

    public void Dispose()
    {
        _stream.Dispose();
        _socket.Dispose();
    }

    // No error, and this stream is still answered (RFC 9113, section 6.8).
    private static bool IsGraceful(byte[] goAway, int stream) =>
        BinaryPrimitives.ReadInt32BigEndian(goAway.AsSpan(4)) == 0 && BinaryPrimitives.ReadInt32BigEndian(goAway) >= stream;

    // The first field of a head is :status: an entry of the static table (RFC 7541, appendix A), or a literal under its name.
    private static int Status(byte[] block)
    {
        var start = 0;
        while ((block[start] & 0xe0) == 0x20)
        {
            // A change of the table's size.
            start++;
        }

        return block[start] switch
        {
            0x88 => 200,
            0x89 => 204,
            0x8c => 400,
            0x8d => 404,
            0x8e => 500,
            0x08 or 0x48 or 0x18 when block[start + 1] == 3 => int.Parse(Encoding.ASCII.GetString(block, start + 2, 3), System.Globalization.CultureInfo.InvariantCulture),
            _ => -1,
        };
    }
}

/// <summary>How a stream ended.</summary>
internal enum Http2End
{
    /// <summary>By END_STREAM.</summary>
    Proper,

    /// <summary>By RST_STREAM.</summary>
    Reset,

    /// <summary>With the connection: GOAWAY or closed.</summary>
    Closed,
}

/// <summary>An answer over HTTP/2.</summary>
/// <param name="Status">The status; 0 for none.</param>
/// <param name="Body">The body's bytes.</param>
/// <param name="End">How the stream ended.</param>
internal sealed record Http2Answer(int Status, byte[] Body, Http2End End);
