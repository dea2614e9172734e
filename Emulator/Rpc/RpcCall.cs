using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Pipelines;
using Google.Protobuf;
using Microsoft.AspNetCore.Http.Features;
using NoslateFleet.Noslate.Transport;

namespace NoslateFleet.Emulator.Rpc;

/// <summary>
/// One gRPC call on the server's side. One reader and one writer may work at the same time; <see cref="Ended"/> fires when the
/// client leaves, the connection is lost, the timeout passes or the call is failed from elsewhere.
/// </summary>
internal sealed class RpcCall : IDisposable
{
    // HTTP/2's INTERNAL_ERROR.
    private const int InternalError = 2;

    private readonly IFeatureCollection features;
    private readonly IHttpResponseFeature response;
    private readonly IHttpResponseBodyFeature responseBody;
    private readonly PipeReader requestReader;
    private readonly CancellationTokenSource ended;
    private readonly Lock gate = new();
    private readonly string? encoding;
    private RpcStatusException? failure;
    private long answered;
    private bool headSent;
    private bool disposed;

    public RpcCall(IFeatureCollection features)
    {
        this.features = features;
        response = features.GetRequiredFeature<IHttpResponseFeature>();
        responseBody = features.GetRequiredFeature<IHttpResponseBodyFeature>();
        requestReader = features.GetRequiredFeature<IRequestBodyPipeFeature>().Reader;
        IHttpRequestFeature request = features.GetRequiredFeature<IHttpRequestFeature>();
        encoding = request.Headers["grpc-encoding"];
        Path = request.RawTarget;
        Aborted = features.GetRequiredFeature<IHttpRequestLifetimeFeature>().RequestAborted;
        ended = CancellationTokenSource.CreateLinkedTokenSource(Aborted);
        Ended = ended.Token;
    }

    public string Path { get; }

    /// <summary>Fires when the stream itself is gone: nothing can be sent any more.</summary>
    public CancellationToken Aborted { get; }

    /// <summary>Fires when the call is over for whatever reason.</summary>
    public CancellationToken Ended { get; }

    /// <summary>Where the response's messages go; see <see cref="BeginMessage"/>.</summary>
    public PipeWriter Writer => responseBody.Writer;

    /// <summary>Why the call was failed from elsewhere, if it was.</summary>
    public RpcStatusException? Failure
    {
        get
        {
            lock (gate)
                return failure;
        }
    }

    /// <summary>A fault: nothing leaves before this has ended; null for none.</summary>
    public Task? Hold { get; set; }

    /// <summary>A fault: the stream is reset once this many bytes were answered; null for none.</summary>
    public long? CutAfter { get; set; }

    /// <summary>Ends the call with a status, from any thread; the first one wins.</summary>
    public void Fail(RpcStatusException status)
    {
        lock (gate)
        {
            if (failure is not null || disposed)
                return;
            failure = status;
        }

        ended.Cancel();
    }

    /// <summary>Resets the stream with CANCEL, which gRPC clients show as status 1.</summary>
    public void Reset()
    {
        lock (gate)
        {
            if (disposed)
                return;
            features.Get<IHttpResetFeature>()?.Reset(8);
        }
    }

    /// <summary>Reads one message and parses it from the pipe's own memory. Null-like default at the request's end.</summary>
    /// <returns>Whether there was a message, and what the parser made of it.</returns>
    public async ValueTask<(bool Found, T? Message)> ReadAsync<T>(Func<ReadOnlySequence<byte>, T> parse)
    {
        while (true)
        {
            ReadResult read = await requestReader.ReadAsync(Ended);
            ReadOnlySequence<byte> buffer = read.Buffer;
            if (buffer.Length >= MessageLimits.PrefixSize)
            {
                ReadPrefix(buffer, out bool compressed, out uint length);
                if (length + (long)MessageLimits.PrefixSize > MessageLimits.MaxMessageSize)
                {
                    requestReader.AdvanceTo(buffer.GetPosition(MessageLimits.PrefixSize));
                    await DiscardAsync(length);
                    throw MessageLimits.ReceivedTooLarge(length + (long)MessageLimits.PrefixSize);
                }

                if (buffer.Length >= MessageLimits.PrefixSize + length)
                {
                    ReadOnlySequence<byte> payload = buffer.Slice(MessageLimits.PrefixSize, length);
                    SequencePosition next = payload.End;
                    try
                    {
                        return (true, parse(compressed ? Decompress(payload) : payload));
                    }
                    catch (InvalidProtocolBufferException error)
                    {
                        throw new RpcStatusException(GrpcStatusCode.Internal, error.Message);
                    }
                    finally
                    {
                        requestReader.AdvanceTo(next);
                    }
                }
            }

            requestReader.AdvanceTo(buffer.Start, buffer.End);
            if (read.IsCompleted)
                return (false, default);
        }
    }

    /// <summary>Whether the next <see cref="ReadAsync"/> has a whole message, or the request's end, without waiting.</summary>
    public bool IsAtHand()
    {
        if (!requestReader.TryRead(out ReadResult read))
            return false;
        uint length = 0;
        bool prefix = read.Buffer.Length >= MessageLimits.PrefixSize;
        if (prefix)
            ReadPrefix(read.Buffer, out _, out length);
        bool whole = read.IsCompleted || (prefix && read.Buffer.Length >= MessageLimits.PrefixSize + (long)length);
        requestReader.AdvanceTo(read.Buffer.Start);
        return whole;
    }

    /// <summary>Reads and drops whatever else the client sends.</summary>
    public async Task DrainAsync()
    {
        while (true)
        {
            ReadResult read = await requestReader.ReadAsync(Ended);
            requestReader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
                return;
        }
    }

    /// <summary>Waits until the client or the plane ends the call; this is what a forgotten call of the real plane does.</summary>
    public Task HangAsync() => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, Ended);

    public async ValueTask WriteAsync(IMessage message)
    {
        int size = message.CalculateSize();
        if (size + MessageLimits.PrefixSize > MessageLimits.MaxMessageSize)
            throw MessageLimits.SentTooLarge(size + MessageLimits.PrefixSize);
        PipeWriter writer = BeginMessage(size);
        message.WriteTo(writer);
        await FlushAsync(writer);
    }

    /// <summary>Sends the head if need be and writes a message's prefix; the caller writes the payload and flushes.</summary>
    public PipeWriter BeginMessage(int size)
    {
        SendHead();
        PipeWriter writer = responseBody.Writer;
        Span<byte> prefix = writer.GetSpan(MessageLimits.PrefixSize);
        prefix[0] = 0;
        BinaryPrimitives.WriteInt32BigEndian(prefix[1..], size);
        writer.Advance(MessageLimits.PrefixSize);
        answered += MessageLimits.PrefixSize + size;
        return writer;
    }

    public async ValueTask FlushAsync(PipeWriter writer)
    {
        if (Hold is { } hold)
            await hold;
        FlushResult flushed = await writer.FlushAsync(Ended);
        if (flushed.IsCompleted)
            throw new OperationCanceledException(Ended);
        if (answered >= CutAfter)
        {
            features.Get<IHttpResetFeature>()?.Reset(InternalError);
            throw new IOException("the stream was cut");
        }
    }

    /// <summary>Ends the response: trailers after a head, or a head that is the trailers.</summary>
    public async Task CompleteAsync(GrpcStatusCode code, string message)
    {
        if (Hold is { } hold)
            await hold;
        string number = ((int)code).ToString(System.Globalization.CultureInfo.InvariantCulture);
        string text = StatusText.Encode(message);
        if (headSent)
        {
            IHttpResponseTrailersFeature trailers = features.GetRequiredFeature<IHttpResponseTrailersFeature>();
            trailers.Trailers["grpc-status"] = number;
            trailers.Trailers["grpc-message"] = text;
        }
        else
        {
            headSent = true;
            response.StatusCode = 200;
            response.Headers.ContentType = "application/grpc+proto";
            response.Headers["grpc-status"] = number;
            response.Headers["grpc-message"] = text;
        }

        await responseBody.CompleteAsync();
    }

    public void Dispose()
    {
        lock (gate)
            disposed = true;
        ended.Dispose();
    }

    private void SendHead()
    {
        if (headSent)
            return;
        headSent = true;
        response.StatusCode = 200;
        response.Headers.ContentType = "application/grpc+proto";
        response.Headers["grpc-encoding"] = "identity";
        response.Headers["grpc-accept-encoding"] = "identity,deflate,gzip";
    }

    private static void ReadPrefix(ReadOnlySequence<byte> buffer, out bool compressed, out uint length)
    {
        Span<byte> prefix = stackalloc byte[MessageLimits.PrefixSize];
        buffer.Slice(0, MessageLimits.PrefixSize).CopyTo(prefix);
        compressed = prefix[0] != 0;
        length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
    }

    private async Task DiscardAsync(uint length)
    {
        long left = length;
        while (left > 0)
        {
            ReadResult read = await requestReader.ReadAsync(Ended);
            long size = Math.Min(left, read.Buffer.Length);
            left -= size;
            requestReader.AdvanceTo(read.Buffer.GetPosition(size));
            if (read.IsCompleted && left > 0)
                return;
        }
    }

    private ReadOnlySequence<byte> Decompress(ReadOnlySequence<byte> payload)
    {
        using var source = new MemoryStream(payload.ToArray());
        using Stream inflater = encoding switch
        {
            "gzip" => new GZipStream(source, CompressionMode.Decompress),
            "deflate" => new ZLibStream(source, CompressionMode.Decompress),
            _ => throw new RpcStatusException(
                GrpcStatusCode.Unimplemented, $"Received message compressed with unsupported encoding \"{encoding}\""),
        };
        using var target = new MemoryStream();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
        try
        {
            int size;
            while ((size = inflater.Read(buffer)) > 0)
            {
                target.Write(buffer, 0, size);
                if (target.Length + MessageLimits.PrefixSize > MessageLimits.MaxMessageSize)
                    throw MessageLimits.ReceivedTooLarge(target.Length + MessageLimits.PrefixSize);
            }
        }
        catch (InvalidDataException error)
        {
            throw new RpcStatusException(GrpcStatusCode.Internal, error.Message);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return new ReadOnlySequence<byte>(target.GetBuffer(), 0, (int)target.Length);
    }
}
