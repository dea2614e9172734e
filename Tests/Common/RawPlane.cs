using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;

namespace NoslateFleet.Tests.Common;

/// <summary>A unix socket on which a test writes HTTP/2 frames itself, for what no proper server sends.</summary>
public sealed class RawPlane : IAsyncDisposable
{
    public const byte Data = 0;
    public const byte Headers = 1;
    public const byte RstStream = 3;
    public const byte Settings = 4;
    public const byte GoAway = 7;
    public const byte EndStream = 1;
    public const byte EndHeaders = 4;

    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly ConcurrentBag<Socket> _connections = [];
    private readonly Func<NetworkStream, Task> _script;
    private readonly Task _loop;

    public RawPlane(string socketPath, Func<NetworkStream, Task> script)
    {
        _script = script;
        Directory.CreateDirectory(Path.GetDirectoryName(socketPath)!);
        _listener.Bind(new UnixDomainSocketEndPoint(socketPath));
        _listener.Listen();
        _loop = AcceptAsync();
    }

    /// <summary>Reads the client's preface and sends and confirms settings.</summary>
    public static async Task GreetAsync(NetworkStream stream)
    {
        byte[] preface = new byte[24];
        await stream.ReadExactlyAsync(preface);
        await stream.WriteAsync(Frame(Settings, 0, 0, []));
    }

    /// <summary>Reads frames until the client has sent a request's head; gives its stream's number.</summary>
    public static async Task<int> ReadRequestAsync(NetworkStream stream)
    {
        while (true)
        {
            (byte type, byte flags, int id, _) = await ReadFrameAsync(stream);
            if (type == Settings && (flags & 1) == 0)
            {
                await stream.WriteAsync(Frame(Settings, 1, 0, []));
            }
            else if (type == Headers)
            {
                return id;
            }
        }
    }

    /// <summary>
    /// Reads frames until some of the request's body has come too, and gives its stream's number. Before that the client may take the call for
    /// one that was never begun, and send it again.
    /// </summary>
    public static async Task<int> ReadBegunRequestAsync(NetworkStream stream)
    {
        int id = await ReadRequestAsync(stream);
        while ((await ReadFrameAsync(stream)).Type != Data)
        {
        }

        return id;
    }

    /// <summary>Reads until the client closes.</summary>
    public static async Task DrainAsync(NetworkStream stream)
    {
        byte[] buffer = new byte[4096];
        while (await stream.ReadAsync(buffer) > 0)
        {
        }
    }

    public static async Task<(byte Type, byte Flags, int Stream, byte[] Payload)> ReadFrameAsync(NetworkStream stream)
    {
        byte[] head = new byte[9];
        await stream.ReadExactlyAsync(head);
        byte[] payload = new byte[(head[0] << 16) | (head[1] << 8) | head[2]];
        await stream.ReadExactlyAsync(payload);
        return (head[3], head[4], BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(5)), payload);
    }

    public static byte[] Frame(byte type, byte flags, int stream, byte[] payload)
    {
        byte[] frame = new byte[9 + payload.Length];
        frame[0] = (byte)(payload.Length >> 16);
        frame[1] = (byte)(payload.Length >> 8);
        frame[2] = (byte)payload.Length;
        frame[3] = type;
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame, 9);
        return frame;
    }

    /// <summary>A header block of literals without indexing or Huffman coding.</summary>
    public static byte[] Block(params (string Name, string Value)[] headers)
    {
        var block = new List<byte>();
        foreach ((string name, string value) in headers)
        {
            block.Add(0);
            block.Add((byte)name.Length);
            block.AddRange(Encoding.ASCII.GetBytes(name));
            block.Add((byte)value.Length);
            block.AddRange(Encoding.ASCII.GetBytes(value));
        }

        return [.. block];
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        foreach (Socket connection in _connections)
        {
            connection.Dispose();
        }

        await _loop;
    }

    private async Task AcceptAsync()
    {
        var running = new List<Task>();
        try
        {
            while (true)
            {
                Socket connection = await _listener.AcceptAsync();
                _connections.Add(connection);
                running.Add(ServeAsync(connection));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(running);
        }
    }

    private async Task ServeAsync(Socket connection)
    {
        await using var stream = new NetworkStream(connection, ownsSocket: true);
        try
        {
            await _script(stream);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // The client left; the test looks at the client's side.
        }
    }
}
