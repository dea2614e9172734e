using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using Google.Protobuf;

namespace NoslateFleet.Noslate.Transport;

/// <summary>
/// One plane's HTTP/2 connection over its unix socket, opened when first needed and again after it was lost. Every call to the
/// plane is a stream on it. A SocketsHttpHandler is used bare: nothing of HttpClient's web habits applies between two processes.
/// </summary>
internal sealed class PlaneChannel : IUnaryCaller, IDisposable
{
    // What a caller who does not read holds up in this process, per call. The planes write without looking at back-pressure,
    // so a larger window only moves their memory here.
    private const int StreamWindow = 1024 * 1024;

    private readonly HttpMessageInvoker _invoker;
    private readonly TimeProvider _time;
    private int _connections;

    public PlaneChannel(string name, string socketPath, TimeSpan connectTimeout, TimeProvider time)
    {
        Name = name;
        SocketPath = socketPath;
        _time = time;
        _invoker = new HttpMessageInvoker(
            new SocketsHttpHandler
            {
                ConnectCallback = ConnectAsync,
                ConnectTimeout = connectTimeout,
                ActivityHeadersPropagator = null,
                AllowAutoRedirect = false,
                AutomaticDecompression = DecompressionMethods.None,
                EnableMultipleHttp2Connections = false,
                InitialHttp2StreamWindowSize = StreamWindow,
                PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
                PooledConnectionLifetime = Timeout.InfiniteTimeSpan,
                UseCookies = false,
                UseProxy = false,
            },
            disposeHandler: true);
    }

    public string Name { get; }

    public string SocketPath { get; }

    /// <summary>How many connections were opened so far: who remembers the number can tell that his is no longer the one in use.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Makes a request with the headers that the official client sends, save that no compressed answer is asked for.</summary>
    public static HttpRequestMessage CreateRequest(Uri uri, HttpContent content)
    {
        content.Headers.TryAddWithoutValidation("Content-Type", "application/grpc");
        var request = new HttpRequestMessage(HttpMethod.Post, uri)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        request.Headers.TryAddWithoutValidation("TE", "trailers");
        request.Headers.TryAddWithoutValidation("grpc-accept-encoding", "identity");
        request.Headers.TryAddWithoutValidation("User-Agent", "grpc-dotnet-noslatefleet");
        return request;
    }

    /// <summary>The authority is always <c>localhost</c>: a socket path in it is a protocol error for the planes.</summary>
    public static Uri UriOf(string path) => new("http://localhost" + path);

    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        _invoker.SendAsync(request, cancellationToken);

    public async Task<TResponse> CallAsync<TResponse>(
        string path, IMessage request, MessageParser<TResponse> parser, TimeSpan timeout, CancellationToken cancellationToken)
        where TResponse : class, IMessage<TResponse>
    {
        cancellationToken.ThrowIfCancellationRequested();
        var content = new UnaryContent(request);
        using HttpRequestMessage message = CreateRequest(UriOf(path), content);
        message.Headers.TryAddWithoutValidation("grpc-timeout", GrpcTimeout.Encode(timeout));
        using var clock = new CancellationTokenSource(Positive(timeout), _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(clock.Token, cancellationToken);
        try
        {
            using HttpResponseMessage response = await SendAsync(message, either.Token);
            return await ReadSingleAsync(response, parser, either.Token);
        }
        catch (GrpcException)
        {
            throw;
        }
        catch (Exception) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        catch (Exception e) when (clock.IsCancellationRequested)
        {
            throw new GrpcException(
                new GrpcStatus(GrpcStatusCode.DeadlineExceeded, $"{Name} did not answer {path} within {timeout.TotalSeconds:0.###} s"),
                neverSent: !content.Sent,
                e);
        }
        catch (Exception e)
        {
            throw GrpcFaults.Map(e, content.Sent).ToException(e);
        }
    }

    /// <summary>Opens a stream in both directions, sends the first messages and waits for the response head.</summary>
    /// <param name="path">The method's path.</param>
    /// <param name="first">Sent at once; at least one, since a plane answers a stream's head only after a message.</param>
    /// <param name="timeout">How long to wait for the head.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="GrpcException">The plane could not be reached, refused, or did not answer in time.</exception>
    public async Task<GrpcDuplexStream> OpenAsync(
        string path, IReadOnlyList<IMessage> first, TimeSpan timeout, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var content = new DuplexContent(first);
        HttpRequestMessage message = CreateRequest(UriOf(path), content);
        using var clock = new CancellationTokenSource(Positive(timeout), _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(clock.Token, cancellationToken);
        HttpResponseMessage? response = null;
        try
        {
            response = await SendAsync(message, either.Token);
            if (GrpcResponse.CheckHead(response) is { } fault)
            {
                throw fault.ToException();
            }

            return new GrpcDuplexStream(message, content, response);
        }
        catch (Exception e)
        {
            content.Abort();
            response?.Dispose();
            message.Dispose();
            if (e is GrpcException)
            {
                throw;
            }

            cancellationToken.ThrowIfCancellationRequested();
            throw clock.IsCancellationRequested
                ? new GrpcException(
                    new GrpcStatus(GrpcStatusCode.DeadlineExceeded, $"{Name} did not answer {path} within {timeout.TotalSeconds:0.###} s"),
                    innerException: e)
                : GrpcFaults.Map(e, content.Sent).ToException(e);
        }
    }

    public void Dispose() => _invoker.Dispose();

    private static TimeSpan Positive(TimeSpan timeout) => timeout > TimeSpan.Zero ? timeout : TimeSpan.Zero;

    private static async Task<TResponse> ReadSingleAsync<TResponse>(
        HttpResponseMessage response, MessageParser<TResponse> parser, CancellationToken cancellationToken)
        where TResponse : class, IMessage<TResponse>
    {
        if (GrpcResponse.CheckHead(response) is { } fault)
        {
            throw fault.ToException();
        }

        using Stream body = await response.Content.ReadAsStreamAsync(cancellationToken);
        using var reader = new GrpcMessageReader(body);
        TResponse? answer = null;
        bool second = false;
        while (await reader.ReadAsync(cancellationToken))
        {
            second |= answer is not null;
            try
            {
                answer ??= parser.ParseFrom(reader.Current.Span);
            }
            catch (InvalidProtocolBufferException e)
            {
                throw new GrpcException(new GrpcStatus(GrpcStatusCode.Internal, "the plane's answer can't be parsed: " + e.Message), innerException: e);
            }
        }

        GrpcStatus end = GrpcResponse.ReadEnd(response)
            ?? new GrpcStatus(GrpcStatusCode.Unknown, "the plane ended its answer without a grpc-status");
        if (end.Code != GrpcStatusCode.Ok)
        {
            throw new GrpcException(end);
        }

        if (reader.Truncated || second || answer is null)
        {
            string what = reader.Truncated ? "ended inside a message" : second ? "has more than one message" : "has no message";
            throw new GrpcException(new GrpcStatus(GrpcStatusCode.Internal, $"the plane's answer {what} though its status is OK"));
        }

        return answer;
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), cancellationToken);
            Interlocked.Increment(ref _connections);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
