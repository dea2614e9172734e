using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace NoslateFleet.Emulator.PlatformBox;

/// <summary>The head of an answer.</summary>
internal sealed record AnswerHead(int Status, IReadOnlyDictionary<string, string> Headers)
{
    public string? Header(string name) => Headers.GetValueOrDefault(name);

    /// <summary>The reason of an error that is the gateway's own; null for anything else.</summary>
    public string? Reason =>
        Header("content-type")?.StartsWith("application/problem+json", StringComparison.OrdinalIgnoreCase) == true
            ? Header("x-noslate-reason") ?? ""
            : null;
}

/// <summary>
/// One HTTP/1.1 connection from the platform's own address, with every byte in our hand: a client library would send a request again
/// by itself when a kept connection turns out dead, and just that must be seen here.
/// </summary>
internal sealed class PlatformConnection : IDisposable
{
    private const int MaxHead = 64 * 1024;

    private readonly Socket socket;
    private byte[] buffer = new byte[16 * 1024];
    private int start;
    private int end;

    private PlatformConnection(Socket socket) => this.socket = socket;

    /// <summary>The head of the answer to the present request; null until it has come.</summary>
    public AnswerHead? Head { get; private set; }

    /// <summary>Whether another request may follow on it.</summary>
    public bool Reusable { get; private set; }

    public static async Task<PlatformConnection> OpenAsync(int port, CancellationToken cancel)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Parse(PlatformCalls.Address), 0));
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), cancel);
            return new PlatformConnection(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public async Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        Reusable = false;
        Head = null;
        while (!bytes.IsEmpty)
            bytes = bytes[await socket.SendAsync(bytes, cancel)..];
    }

    /// <exception cref="IOException">The connection ends before the head does, or it is none.</exception>
    public async Task<AnswerHead> ReadHeadAsync(CancellationToken cancel)
    {
        int length;
        while ((length = buffer.AsSpan(start, end - start).IndexOf("\r\n\r\n"u8)) < 0)
        {
            if (end - start > MaxHead)
                throw new IOException("the answer's head is endless");
            if (!await FillAsync(cancel))
                throw new IOException("the connection ended before an answer");
        }

        string[] lines = Encoding.UTF8.GetString(buffer, start, length).Split("\r\n");
        start += length + 4;
        if (lines[0].Split(' ', 3) is not ["HTTP/1.1", string status, ..]
            || !int.TryParse(status, NumberStyles.None, CultureInfo.InvariantCulture, out int code))
            throw new IOException($"the answer begins with '{lines[0]}'");
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (string line in lines.Skip(1))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0)
                headers[line[..colon]] = line[(colon + 1)..].Trim();
        }

        return Head = new AnswerHead(code, headers);
    }

    /// <summary>Waits for a first byte of the body.</summary>
    public async Task AwaitBodyAsync(CancellationToken cancel)
    {
        if (start == end && !await FillAsync(cancel))
            throw new IOException("the connection ended before the body");
    }

    /// <exception cref="IOException">The connection ends before the body does.</exception>
    public async Task<string> ReadBodyAsync(CancellationToken cancel)
    {
        var body = new MemoryStream();
        AnswerHead head = Head!;
        if (head.Header("transfer-encoding") is not null)
        {
            while (true)
            {
                string size = (await ReadLineAsync(cancel)).Split(';')[0];
                if (!int.TryParse(size, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int count))
                    throw new IOException($"a chunk's size is '{size}'");
                await ReadAsync(count, body, cancel);
                if ((await ReadLineAsync(cancel)).Length > 0)
                    throw new IOException("a chunk is longer than its size");
                if (count == 0)
                    break;
            }
        }
        else if (head.Header("content-length") is { } length)
            await ReadAsync(int.Parse(length, CultureInfo.InvariantCulture), body, cancel);
        else
            throw new IOException("the answer has no told length");

        Reusable = start == end && !string.Equals(head.Header("connection"), "close", StringComparison.OrdinalIgnoreCase);
        return Encoding.UTF8.GetString(body.ToArray());
    }

    /// <summary>Resets the connection instead of closing it.</summary>
    public void Abort()
    {
        socket.LingerState = new LingerOption(true, 0);
        socket.Dispose();
    }

    public void Dispose() => socket.Dispose();

    private async Task<string> ReadLineAsync(CancellationToken cancel)
    {
        int length;
        while ((length = buffer.AsSpan(start, end - start).IndexOf("\r\n"u8)) < 0)
        {
            if (!await FillAsync(cancel))
                throw new IOException("the connection ended within the body");
        }

        string line = Encoding.ASCII.GetString(buffer, start, length);
        start += length + 2;
        return line;
    }

    private async Task ReadAsync(int count, MemoryStream into, CancellationToken cancel)
    {
        while (count > 0)
        {
            if (start == end && !await FillAsync(cancel))
                throw new IOException("the connection ended within the body");
            int part = Math.Min(count, end - start);
            into.Write(buffer, start, part);
            start += part;
            count -= part;
        }
    }

    private async Task<bool> FillAsync(CancellationToken cancel)
    {
        if (start == end)
            start = end = 0;
        else if (end == buffer.Length && start > 0)
        {
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end) = (0, end - start);
        }
        else if (end == buffer.Length)
            Array.Resize(ref buffer, buffer.Length * 2);
        int count = await socket.ReceiveAsync(buffer.AsMemory(end), cancel);
        end += count;
        return count > 0;
    }
}
