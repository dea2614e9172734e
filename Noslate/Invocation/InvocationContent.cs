using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Http;
using System.Runtime.CompilerServices;
using NoslateFleet.Noslate.Transport;

namespace NoslateFleet.Noslate.Invocation;

/// <summary>
/// The upload of one invocation: head and whatever body is at hand in the first message, the rest as it comes. Used for one call at
/// a time, and again for another once that ended well.
/// </summary>
internal sealed class InvocationContent : HttpContent
{
    // One HTTP/2 frame: up to here head and body are cheaper copied together than written one after the other.
    private const int InlineLimit = 16 * 1024;

    // Far below the plane's 10 MiB, and small enough that the plane can pass the start on while the rest is on its way.
    private const int MaxBodyMessage = 256 * 1024;

    // Tag and length of a body field.
    private const int MaxFieldHead = 1 + 5;

    // The largest payload of an HTTP/2 frame that a plane takes. A body comes from Kestrel in blocks of 4 KiB; a frame for each of
    // them costs both ends more than copying them together.
    private const int FrameSize = 16 * 1024;

    private readonly Lock _gate = new();
    private InvocationRequest? _request;
    private PipeReader? _body;
    private double _deadline;
    private Task? _upload;
    private byte[]? _scratch;
    private long _bodyBytesSent;
    private bool _bodyTouched;
    private bool _waiting;
    private bool _stopped;
    private bool _again;

    /// <summary>
    /// True when all that was, or will be, sent is still held in the request's own buffer, so that it can be sent once more: there is no body, or
    /// it was at hand whole and small enough to be copied behind the head.
    /// </summary>
    public bool IsRepeatable { get; private set; }

    /// <summary>True once request bytes were handed to the connection.</summary>
    public bool Sent { get; private set; }

    /// <summary>Bytes of the caller's body handed to the connection so far. May be read from any thread.</summary>
    public long BodyBytesSent => Volatile.Read(ref _bodyBytesSent);

    /// <summary>True once System.Net.Http asked for the content; before, nothing was sent and nothing was read.</summary>
    public bool Begun => _upload is not null;

    /// <summary>What reading the caller's body threw; null if it did not.</summary>
    public Exception? BodyError { get; private set; }

    /// <summary>True when the whole request was handed over, or never began.</summary>
    public bool EndedWell => _upload is null or { IsCompletedSuccessfully: true };

    public void Prepare(InvocationRequest request, PipeReader? body, double deadline)
    {
        _request = request;
        _body = body;
        _deadline = deadline;
    }

    /// <summary>Prepares to send a repeatable request once more, byte for byte.</summary>
    public void PrepareAgain(InvocationRequest request)
    {
        _request = request;
        _again = true;
    }

    /// <summary>Ends the upload: no further byte is read from the caller. The stream is reset if the upload had not ended.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            if (_stopped)
            {
                // Once is enough: a second cancellation would meet the caller's own next read.
                return;
            }

            _stopped = true;
            if (_waiting)
            {
                try
                {
                    // Within the lock: outside of it the reader could be the caller's again by then.
                    _body!.CancelPendingRead();
                }
                catch (Exception)
                {
                    // A reader whose connection was aborted throws here, and ends the read that is waited for by the same.
                }
            }
        }
    }

    /// <summary>Completes when the caller's body is no longer touched. Never throws.</summary>
    public ValueTask WhenEndedAsync() => _upload is null or { IsCompleted: true } ? default : Swallow(_upload);

    /// <summary>Makes it as new. Only after it ended well.</summary>
    public void Reset()
    {
        _request = null;
        _body = null;
        _upload = null;
        _bodyTouched = _waiting = _stopped = _again = IsRepeatable = false;
        Volatile.Write(ref _bodyBytesSent, 0);
        Sent = false;
        BodyError = null;
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        // System.Net.Http sends a request again when the plane surely has not looked at it (GOAWAY, REFUSED_STREAM).
        if (_upload is { IsCompleted: false } || _bodyTouched)
        {
            Task refused = Task.FromException(new GrpcException(
                new GrpcStatus(GrpcStatusCode.Unavailable, "the plane refused the call when its body was already being read"), neverSent: true));
            _upload = _upload is { IsCompleted: false } first ? Both(first, refused) : refused;
            return refused;
        }

        return _upload = Upload(stream, cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    private static async Task Both(Task first, Task second)
    {
        await Task.WhenAll(first, second);
    }

    private static async ValueTask Swallow(Task upload) => await upload.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private static int MessageLength(int bodyLength) => 1 + ProtoWire.SizeOf((uint)bodyLength) + bodyLength;

    private Task Upload(Stream stream, CancellationToken cancellationToken)
    {
        if (_body is null)
        {
            Sent = IsRepeatable = true;
            return stream.WriteAsync(_again ? _request!.Encoded : _request!.Encode(_deadline, 0, null, 0), cancellationToken).AsTask();
        }

        bool any;
        ReadResult read;
        try
        {
            any = TryReadBody(out read);
        }
        catch (Exception e)
        {
            return Task.FromException(e);
        }

        if (!any || !read.IsCompleted || read.Buffer.Length + _request!.MessageLength > InlineLimit)
        {
            return UploadInParts(stream, any, read, cancellationToken);
        }

        // The common case: everything is here and fits into one frame.
        ReadOnlyMemory<byte> whole = EncodeInline(read.Buffer);
        try
        {
            Advance(read.Buffer.End);
        }
        catch (Exception e)
        {
            return Task.FromException(e);
        }

        Sent = IsRepeatable = true;
        return stream.WriteAsync(whole, cancellationToken).AsTask();
    }

    private ReadOnlyMemory<byte> EncodeInline(in ReadOnlySequence<byte> body) =>
        _request!.Encode(_deadline, (int)body.Length, static (target, source) => source.CopyTo(target), body);

    private async Task UploadInParts(Stream stream, bool any, ReadResult read, CancellationToken cancellationToken)
    {
        bool headSent = false;
        CancellationTokenRegistration registration = default;
        try
        {
            while (true)
            {
                if (!any)
                {
                    if (!headSent)
                    {
                        headSent = Sent = true;
                        await stream.WriteAsync(_request!.Encode(_deadline, 0, null, 0), cancellationToken);
                    }

                    await stream.FlushAsync(cancellationToken);
                    if (registration == default)
                    {
                        // A reset by the plane or a lost connection ends the wait for the caller too.
                        registration = cancellationToken.UnsafeRegister(static state => ((InvocationContent)state!).Stop(), this);
                    }

                    read = await WaitForBody();
                }

                ReadOnlySequence<byte> rest = read.Buffer;
                try
                {
                    if (!headSent)
                    {
                        headSent = Sent = true;
                        rest = rest.Slice(await SendHead(stream, rest, cancellationToken));
                    }

                    while (!rest.IsEmpty)
                    {
                        ThrowIfStopped();
                        ReadOnlySequence<byte> part = rest.Slice(0, Math.Min(rest.Length, MaxBodyMessage));
                        await SendBody(stream, part, cancellationToken);
                        Volatile.Write(ref _bodyBytesSent, _bodyBytesSent + part.Length);
                        rest = rest.Slice(part.End);
                    }
                }
                finally
                {
                    Advance(rest.Start);
                }

                if (read.IsCompleted)
                {
                    return;
                }

                any = TryReadBody(out read);
            }
        }
        finally
        {
            await registration.DisposeAsync();
            if (_scratch is { } scratch)
            {
                _scratch = null;
                ArrayPool<byte>.Shared.Return(scratch);
            }
        }
    }

    private async ValueTask<long> SendHead(Stream stream, ReadOnlySequence<byte> body, CancellationToken cancellationToken)
    {
        long room = GrpcWire.MaxMessageLength - _request!.MessageLength - sizeof(double) - 1 - MaxFieldHead;
        body = body.Slice(0, Math.Min(Math.Min(body.Length, MaxBodyMessage), Math.Max(room, 0)));
        if (body.Length + _request.MessageLength <= InlineLimit)
        {
            await stream.WriteAsync(EncodeInline(body), cancellationToken);
        }
        else
        {
            ReadOnlyMemory<byte> head = _request.Encode(_deadline, (int)body.Length, null, 0);
            if (head.Length < FrameSize)
            {
                head.CopyTo(Scratch());
                await WriteFrames(stream, head.Length, body, cancellationToken);
            }
            else
            {
                await stream.WriteAsync(head, cancellationToken);
                await WriteFrames(stream, 0, body, cancellationToken);
            }
        }

        Volatile.Write(ref _bodyBytesSent, body.Length);
        return body.Length;
    }

    private ValueTask SendBody(Stream stream, ReadOnlySequence<byte> body, CancellationToken cancellationToken) =>
        WriteFrames(stream, WriteBodyHead(Scratch(), (int)body.Length), body, cancellationToken);

    // Writes what stands in the scratch buffer already and the body behind it.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask WriteFrames(Stream stream, int held, ReadOnlySequence<byte> body, CancellationToken cancellationToken)
    {
        byte[] scratch = Scratch();
        if (body.IsSingleSegment && body.Length >= FrameSize)
        {
            if (held > 0)
            {
                await stream.WriteAsync(scratch.AsMemory(0, held), cancellationToken);
            }

            await stream.WriteAsync(body.First, cancellationToken);
            return;
        }

        while (true)
        {
            int count = (int)Math.Min(body.Length, FrameSize - held);
            body.Slice(0, count).CopyTo(scratch.AsSpan(held));
            await stream.WriteAsync(scratch.AsMemory(0, held + count), cancellationToken);
            body = body.Slice(count);
            if (body.IsEmpty)
            {
                return;
            }

            held = 0;
        }
    }

    private byte[] Scratch() => _scratch ??= ArrayPool<byte>.Shared.Rent(FrameSize);

    private static int WriteBodyHead(Span<byte> target, int bodyLength)
    {
        GrpcWire.WritePrefix(target, MessageLength(bodyLength));
        int at = GrpcWire.PrefixLength;
        target[at++] = (7 << 3) | ProtoWire.Bytes;
        for (uint rest = (uint)bodyLength; ; rest >>= 7)
        {
            if (rest < 0x80)
            {
                target[at++] = (byte)rest;
                return at;
            }

            target[at++] = (byte)(rest | 0x80);
        }
    }

    // False when nothing is at hand. Throws what the caller's body throws.
    private bool TryReadBody(out ReadResult read)
    {
        ThrowIfStopped();
        try
        {
            if (!_body!.TryRead(out read))
            {
                return false;
            }
        }
        catch (Exception e)
        {
            BodyError = e;
            throw;
        }

        if (read.Buffer.IsEmpty && !read.IsCompleted)
        {
            // Someone else's cancelled read: it says nothing about the body.
            Advance(read.Buffer.End);
            return false;
        }

        _bodyTouched = true;
        return true;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> WaitForBody()
    {
        while (true)
        {
            ReadResult read;
            lock (_gate)
            {
                ThrowIfStopped();
                _waiting = true;
            }

            try
            {
                read = await _body!.ReadAsync(CancellationToken.None);
            }
            catch (Exception e)
            {
                BodyError = e;
                throw;
            }
            finally
            {
                lock (_gate)
                {
                    _waiting = false;
                }
            }

            if (_stopped)
            {
                GiveBack(read);
                ThrowIfStopped();
            }

            if (!read.Buffer.IsEmpty || read.IsCompleted)
            {
                _bodyTouched = true;
                return read;
            }

            Advance(read.Buffer.End);
        }
    }

    // A reader whose client has gone, or whose body broke, may tell so here first.
    private void Advance(SequencePosition consumed)
    {
        try
        {
            _body!.AdvanceTo(consumed);
        }
        catch (Exception e)
        {
            BodyError ??= e;
            throw;
        }
    }

    // The caller gets the reader back as it was: nothing consumed, and no cancelled read left for the next who reads.
    private void GiveBack(in ReadResult read)
    {
        try
        {
            _body!.AdvanceTo(read.Buffer.Start);
            if (!read.IsCanceled && _body.TryRead(out ReadResult cancelled))
            {
                _body.AdvanceTo(cancelled.Buffer.Start);
            }
        }
        catch (Exception e)
        {
            // The body broke in the meantime. The call is over, so it matters to nobody but the caller, who will see it too.
            BodyError = e;
        }
    }

    private void ThrowIfStopped()
    {
        if (_stopped)
        {
            throw new OperationCanceledException("the call ended before its request body did");
        }
    }
}
