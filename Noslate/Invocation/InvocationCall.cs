using System.Net.Http;
using System.Runtime.CompilerServices;
using NoslateFleet.Noslate.Transport;

namespace NoslateFleet.Noslate.Invocation;

/// <summary>
/// An invocation whose response head has been received. The body is read from it; disposing it ends the call: if the response
/// was not read to its end the call is cancelled, and in any case the request body's reader is no longer touched afterwards.
/// </summary>
public sealed class InvocationCall : IAsyncDisposable
{
    // From here on a read past the decoder saves more than the frame heads that it leaves unread cost.
    private const int DirectReadMinimum = 4 * 1024;

    private readonly InvocationSlot _slot;
    private readonly InvocationSlot.Pool _slots;
    private readonly ICallCounter? _load;
    private KeyValuePair<string, string>[] _headers = [];
    private CancellationTokenRegistration _registration;
    private CancellationToken _callerToken;
    private HttpResponseMessage? _response;
    private Stream? _stream;
    private InvocationFailedException? _failure;
    private volatile bool _headReceived;
    private volatile bool _callerGone;
    private bool _ended;
    private int _reading;
    private int _disposed;

    internal InvocationCall(InvocationSlot slot, InvocationSlot.Pool slots, ICallCounter? load)
    {
        _slot = slot;
        _slots = slots;
        _load = load;
    }

    /// <summary>The HTTP status as the function set it; unchecked.</summary>
    public int Status { get; private set; }

    /// <summary>The response headers as the function set them: case, order and repetitions kept; unchecked.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers => _headers;

    /// <summary>Bytes of the request body that were passed on so far. May be read from any thread: it tells whether an upload still moves.</summary>
    public long BytesSent => _slot.Content.BodyBytesSent;

    /// <summary>
    /// Reads the next bytes of the response body. Completes synchronously while bytes are at hand: a caller that batches its own
    /// output flushes when the returned task is not completed.
    /// </summary>
    /// <param name="buffer">Where the bytes go; must not be empty.</param>
    /// <param name="cancellationToken">Ends the wait; the call itself is cancelled by disposing it.</param>
    /// <returns>The number of bytes; 0 when the response has ended, and ended well.</returns>
    /// <exception cref="InvocationFailedException">The response broke off: an error message after the head, a status that is not OK,
    /// the connection lost.</exception>
    /// <exception cref="OperationCanceledException">The token given here or the one given to the invocation was cancelled.</exception>
    public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (buffer.IsEmpty)
        {
            throw new ArgumentException("The buffer must not be empty: 0 bytes mean the end.", nameof(buffer));
        }

        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        if (Interlocked.Exchange(ref _reading, 1) != 0)
        {
            throw new InvalidOperationException("A read is in progress; await it before the next.");
        }

        int taken = _callerGone ? 0 : _slot.Decoder.TakeBody(buffer.Span);
        if (taken > 0)
        {
            Volatile.Write(ref _reading, 0);
            return new ValueTask<int>(taken);
        }

        return ReadMoreAsync(buffer, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        // Waits for a callback that runs: none may touch the slot once it serves another call.
        await _registration.DisposeAsync();
        _slot.Disarm();
        if (!_ended)
        {
            _slot.Content.Stop();
        }

        _response?.Dispose();
        await _slot.Content.WhenEndedAsync();
        bool clean = _ended && _slot.Content.EndedWell && Volatile.Read(ref _reading) == 0;
        _slots.Return(_slot, clean);
        _load?.CallEnds();
    }

    /// <summary>Sends the request and waits for the response head.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    internal async ValueTask StartAsync(PlaneChannel channel, TimeSpan timeout, CancellationToken cancellationToken)
    {
        _callerToken = cancellationToken;
        _registration = cancellationToken.UnsafeRegister(static state => ((InvocationCall)state!).OnCallerGone(), this);
        try
        {
            try
            {
                _response = await channel.SendAsync(_slot.Request, _slot.Token);
            }
            catch (HttpRequestException e) when (MetADeadConnection(e))
            {
                _response = await channel.SendAsync(_slot.Request, _slot.Token);
            }

            if (GrpcResponse.CheckHead(_response) is { } fault)
            {
                throw Failed(fault);
            }

            // Not before the head of the invocation is in: HTTP's own head comes with it or earlier.
            _stream = _response.Content.ReadAsStream(CancellationToken.None);
            ResponseDecoder decoder = _slot.Decoder;
            ResponseItem item;
            while ((item = decoder.Next()) == ResponseItem.NeedMore)
            {
                int read = await _stream.ReadAsync(decoder.GetBuffer(), _slot.Token);
                if (read == 0)
                {
                    throw Failed(EndFault() ?? GrpcFault.Broken("the data plane ended the call with status OK and no response"));
                }

                decoder.Filled(read);
            }

            if (item != ResponseItem.Head)
            {
                throw Told(item);
            }

            _headReceived = true;
            _slot.Disarm();
            Status = decoder.Status;
            _headers = decoder.Headers;
            if (_callerGone)
            {
                throw new OperationCanceledException(cancellationToken);
            }
        }
        catch (InvocationFailedException) when (!_callerGone)
        {
            throw;
        }
        catch (Exception e)
        {
            _slot.Content.Stop();
            throw Explain(e, timeout);
        }
    }

    // The first call after the plane was restarted, or this process was frozen, may meet the connection that died then. Such a call
    // was not begun, so it can go to a new connection. A plane that can't be reached is another matter, and not tried twice.
    private bool MetADeadConnection(HttpRequestException e) =>
        !_slot.Content.Begun && e.HttpRequestError != HttpRequestError.ConnectionError && !_slot.Token.IsCancellationRequested;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> ReadMoreAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            if (_failure is not null)
            {
                throw _failure;
            }

            if (_ended)
            {
                return 0;
            }

            if (_callerGone)
            {
                throw new OperationCanceledException(_callerToken);
            }

            ResponseDecoder decoder = _slot.Decoder;
            while (true)
            {
                int read;
                switch (decoder.Next())
                {
                    case ResponseItem.Body:
                        int taken = decoder.TakeBody(buffer.Span);
                        if (taken > 0)
                        {
                            return taken;
                        }

                        int rest = decoder.BodyOnTheWay;
                        if (rest >= DirectReadMinimum && buffer.Length >= DirectReadMinimum)
                        {
                            read = await _stream!.ReadAsync(buffer[..Math.Min(rest, buffer.Length)], cancellationToken);
                            if (read == 0)
                            {
                                return End();
                            }

                            decoder.TakenDirectly(read);
                            return read;
                        }

                        break;
                    case ResponseItem.Error:
                        throw Told(ResponseItem.Error);
                    case ResponseItem.Malformed:
                        throw Told(ResponseItem.Malformed);
                }

                read = await _stream!.ReadAsync(decoder.GetBuffer(), cancellationToken);
                if (read == 0)
                {
                    return End();
                }

                decoder.Filled(read);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested && !_callerGone)
        {
            throw;
        }
        catch (InvocationFailedException e)
        {
            throw Broke(e);
        }
        catch (Exception e)
        {
            Exception explained = Explain(e, timeout: default);
            throw explained is InvocationFailedException failed ? Broke(failed) : explained;
        }
        finally
        {
            Volatile.Write(ref _reading, 0);
        }
    }

    // The call is over; what is left of it is taken down at once, not when the caller gets round to disposing it.
    private InvocationFailedException Broke(InvocationFailedException failure)
    {
        if (_failure is null)
        {
            _failure = failure;
            _slot.Content.Stop();
            _stream?.Dispose();
        }

        return _failure;
    }

    private int End()
    {
        if (EndFault() is { } fault)
        {
            throw Failed(fault);
        }

        _ended = true;

        // A response may end before its request does: then nobody reads the rest of the request.
        if (!_slot.Content.EndedWell)
        {
            _slot.Content.Stop();
        }

        return 0;
    }

    // What is wrong with the way the stream ended; null if nothing is.
    private GrpcFault? EndFault() => GrpcResponse.ReadEnd(_response!) switch
    {
        null => GrpcFault.Broken("the data plane ended the call without a grpc-status", GrpcStatusCode.Unknown),
        { Code: not GrpcStatusCode.Ok } status => new GrpcFault(status),
        _ when _slot.Decoder.InsideMessage => GrpcFault.Broken("the data plane ended the call inside a message, with status OK"),
        _ when !_headReceived => GrpcFault.Broken("the data plane ended the call with status OK and no response"),
        _ => null,
    };

    private InvocationFailedException Told(ResponseItem item) => item == ResponseItem.Error
        ? new InvocationFailedException(InvocationErrorTable.OfMessage(_slot.Decoder.Error!, _headReceived))
        : Failed(GrpcFault.Broken(_slot.Decoder.Malformation!));

    private InvocationFailedException Failed(GrpcFault fault, Exception? inner = null) =>
        new(InvocationErrorTable.OfFault(fault, _headReceived), inner);

    // What a thrown exception means, the most telling cause first.
    private Exception Explain(Exception exception, TimeSpan timeout)
    {
        InvocationContent content = _slot.Content;
        if (_callerGone)
        {
            return new OperationCanceledException(_callerToken);
        }

        Executed before = _headReceived ? Executed.Yes : content.Sent ? Executed.Maybe : Executed.Never;
        if (content.BodyError is { } bodyError)
        {
            return new InvocationFailedException(
                new InvocationError(
                    InvocationFailure.RequestBodyFailed, before, _headReceived, "reading the request body failed: " + bodyError.Message),
                bodyError);
        }

        if (_slot.TimedOut)
        {
            return new InvocationFailedException(
                new InvocationError(
                    InvocationFailure.DeadlineExceeded, before, _headReceived, $"no response head came within {timeout.TotalSeconds:0.###} s"),
                exception);
        }

        return Failed(GrpcFaults.Map(exception, content.Sent), exception);
    }

    private void OnCallerGone()
    {
        _callerGone = true;
        _slot.Content.Stop();
        _slot.Cancel();

        // Before the head the send or the first read has the token; later reads do not, so the stream itself is ended.
        if (_headReceived)
        {
            _stream?.Dispose();
        }
    }
}
