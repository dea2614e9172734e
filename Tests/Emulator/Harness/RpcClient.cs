using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Google.Protobuf;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Emulator.Harness;

/// <summary>A plain gRPC client on HttpClient over a unix socket: it does what it is told, sensible or not.</summary>
internal sealed class RpcClient : IDisposable
{
    private readonly HttpClient http;

    public RpcClient(string socket)
    {
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancel) =>
            {
                var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancel);
                    return new NetworkStream(connection, true);
                }
                catch
                {
                    connection.Dispose();
                    throw;
                }
            },
            InitialHttp2StreamWindowSize = 65535,
            UseProxy = false,
        };
        http = new HttpClient(handler) { BaseAddress = new Uri("http://localhost"), Timeout = Timeout.InfiniteTimeSpan };
    }

    public static byte[] Frame(byte[] payload, bool compressed = false)
    {
        byte[] frame = new byte[payload.Length + 5];
        frame[0] = compressed ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), payload.Length);
        payload.CopyTo(frame, 5);
        return frame;
    }

    public RpcTestCall Open(string path, Action<HttpRequestMessage>? change = null)
    {
        var content = new OpenContent();
        HttpRequestMessage request = Request(path, content);
        change?.Invoke(request);
        return new RpcTestCall(http, request, content);
    }

    /// <summary>Sends exactly these bytes and the request's end.</summary>
    public RpcTestCall Send(string path, byte[] bytes, Action<HttpRequestMessage>? change = null)
    {
        HttpRequestMessage request = Request(path, new ByteArrayContent(bytes));
        change?.Invoke(request);
        return new RpcTestCall(http, request, null);
    }

    public async Task<TResponse> UnaryAsync<TResponse>(string path, IMessage request)
        where TResponse : IMessage<TResponse>, new()
    {
        using RpcTestCall call = Send(path, Frame(request.ToByteArray()));
        byte[] answer = await call.ReadMessageAsync() ?? throw new InvalidOperationException($"No answer: {await call.StatusAsync()}");
        Assert.Null(await call.ReadMessageAsync());
        Assert.Equal((0, "OK"), await call.StatusAsync());
        return new MessageParser<TResponse>(() => new TResponse()).ParseFrom(answer);
    }

    public void Dispose() => http.Dispose();

    private static HttpRequestMessage Request(string path, HttpContent content)
    {
        content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        return new HttpRequestMessage(HttpMethod.Post, path)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
    }
}

/// <summary>One call of <see cref="RpcClient"/>.</summary>
internal sealed class RpcTestCall : IDisposable
{
    private readonly OpenContent? content;
    private readonly CancellationTokenSource cancel = new();
    private readonly HttpRequestMessage request;
    private readonly Task<HttpResponseMessage> sending;
    private Stream? body;

    public RpcTestCall(HttpClient http, HttpRequestMessage request, OpenContent? content)
    {
        this.request = request;
        this.content = content;
        sending = http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel.Token);
    }

    public Task<HttpResponseMessage> Response => sending;

    public Task SendAsync(IMessage message) => content!.WriteAsync(RpcClient.Frame(message.ToByteArray()));

    public Task SendRawAsync(byte[] bytes) => content!.WriteAsync(bytes);

    public void Complete() => content!.Complete();

    /// <summary>Resets the stream.</summary>
    public void Cancel()
    {
        cancel.Cancel();

        // HttpClient resets a stream only when the request's content has ended too.
        content?.Abort();

        // With the head already here only the response can reset the stream.
        if (sending.IsCompletedSuccessfully)
            sending.Result.Dispose();
    }

    /// <summary>The next message, or null at the response's end.</summary>
    public async Task<byte[]?> ReadMessageAsync()
    {
        HttpResponseMessage response = await sending;
        body ??= await response.Content.ReadAsStreamAsync();
        byte[] prefix = new byte[5];
        int got = await body.ReadAtLeastAsync(prefix, 5, throwOnEndOfStream: false);
        if (got == 0)
            return null;
        Assert.Equal(5, got);
        Assert.Equal(0, prefix[0]);
        byte[] message = new byte[BinaryPrimitives.ReadInt32BigEndian(prefix.AsSpan(1))];
        await body.ReadExactlyAsync(message);
        return message;
    }

    public async Task<InvokeResponse?> ReadAsync() => await ReadMessageAsync() is { } message ? InvokeResponse.Parser.ParseFrom(message) : null;

    /// <summary>Status and message, from the trailers or from a head that is the trailers.</summary>
    public async Task<(int Code, string Message)> StatusAsync()
    {
        HttpResponseMessage response = await sending;
        HttpHeaders source = response.Headers.Contains("grpc-status") ? response.Headers : response.TrailingHeaders;
        string code = Assert.Single(source.GetValues("grpc-status"));
        return (int.Parse(code, System.Globalization.CultureInfo.InvariantCulture), Uri.UnescapeDataString(source.GetValues("grpc-message").Single()));
    }

    public void Dispose()
    {
        // A response that nobody took, or a fault that nobody saw, must not outlive the call.
        cancel.Cancel();
        content?.Abort();
        _ = sending.ContinueWith(
            it =>
            {
                if (it.IsCompletedSuccessfully)
                    it.Result.Dispose();
                else
                    _ = it.Exception;
                request.Dispose();
                cancel.Dispose();
            },
            TaskScheduler.Default);
    }
}
