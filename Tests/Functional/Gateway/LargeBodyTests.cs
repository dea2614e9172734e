using System.Net;
using System.Net.Sockets;
using System.Text;
using Xunit.Abstractions;

namespace NoslateFleet.Tests.Functional.Gateway;

/// <summary>A body of any size moves in constant memory: one of 1 GiB either way costs the gateway's process less than 64 MiB.</summary>
public sealed class LargeBodyTests(ITestOutputHelper output)
{
    private const long Size = 1L << 30;
    private const long Limit = 64L << 20;

    // The function answers an upload at its end, and a busy machine takes longer for 1 GiB than the deadline that is the default.
    private const string Patience = "--Forwarding:Timeout=15m";

    [SkippableFact]
    public async Task Upload_1GiB_ToAFunctionThatPauses_GrowsByLessThan64MiB()
    {
        await using var product = await RunningProduct.StartAsync(Patience);
        Assert.Equal(32L << 20, await UploadAsync(product, 32L << 20));
        await GrowsLittleAsync(product, async () => Assert.Equal(Size, await UploadAsync(product, Size)));
    }

    [SkippableFact]
    public async Task Download_1GiB_ToAClientThatPauses_GrowsByLessThan64MiB()
    {
        await using var product = await RunningProduct.StartAsync(Patience);
        Assert.Equal(32L << 20, await DownloadAsync(product, 32L << 20));
        await GrowsLittleAsync(product, async () => Assert.Equal(Size, await DownloadAsync(product, Size)));
    }

    private async Task GrowsLittleAsync(RunningProduct product, Func<Task> transfer)
    {
        var before = product.Gateway.Memory();
        await transfer();
        var after = product.Gateway.Memory();
        output.WriteLine($"resident: {before.Now >> 10} KiB before (peak {before.Most >> 10}), {after.Now >> 10} KiB after (peak {after.Most >> 10})");

        // The peak too: memory that came and went is memory all the same.
        Assert.InRange(after.Most - before.Now, 0, Limit);
    }

    private static async Task<long> UploadAsync(RunningProduct product, long size)
    {
        using var socket = await ConnectAsync(product);
        await SendAsync(socket, Encoding.ASCII.GetBytes($"POST /invoke/large/count HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n"));
        var piece = new byte[256 * 1024];
        for (var sent = 0L; sent < size; sent += piece.Length)
        {
            await SendAsync(socket, piece.AsMemory(0, (int)Math.Min(piece.Length, size - sent)));
        }

        using var answer = new MemoryStream();
        await using var stream = new NetworkStream(socket);
        await stream.CopyToAsync(answer);
        var text = Encoding.ASCII.GetString(answer.ToArray());
        Assert.StartsWith("HTTP/1.1 200 ", text, StringComparison.Ordinal);
        var body = text[(text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];
        return long.Parse(body.Split("\r\n") is [_, var chunk, ..] ? chunk : body, System.Globalization.CultureInfo.InvariantCulture);
    }

    private static async Task<long> DownloadAsync(RunningProduct product, long size)
    {
        using var socket = await ConnectAsync(product);
        await SendAsync(socket, Encoding.ASCII.GetBytes($"GET /invoke/large/give?bytes={size} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
        var piece = new byte[256 * 1024];
        var filled = 0;
        var head = -1;
        while (head < 0)
        {
            filled += await socket.ReceiveAsync(piece.AsMemory(filled));
            head = piece.AsSpan(0, filled).IndexOf("\r\n\r\n"u8);
        }

        Assert.StartsWith("HTTP/1.1 200 ", Encoding.ASCII.GetString(piece, 0, head), StringComparison.Ordinal);
        long received = filled - head - 4;
        var pause = 64L << 20;
        while (true)
        {
            var count = await socket.ReceiveAsync(piece);
            if (count == 0)
            {
                return received;
            }

            received += count;
            if (received >= pause)
            {
                // The pause is the point: everything before this client fills up while it does not read.
                pause += 64L << 20;
                await Task.Delay(50);
            }
        }
    }

    private static async Task<Socket> ConnectAsync(RunningProduct product)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, product.Port);
        return socket;
    }

    private static async Task SendAsync(Socket socket, ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await socket.SendAsync(bytes)..];
        }
    }
}
