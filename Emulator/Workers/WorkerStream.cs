using System.Buffers;
using System.Threading.Channels;
using NoslateFleet.Emulator.DataPlane;

namespace NoslateFleet.Emulator.Workers;

/// <summary>One invocation inside a worker: the request body goes in by credit, head and body come out by credit.</summary>
internal sealed class WorkerStream
{
    private readonly WorkerChannel channel;
    private readonly bool backPressure;
    private readonly TaskCompletionSource<ResponseHead> head = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Channel<ResponsePart> parts = Channel.CreateUnbounded<ResponsePart>(
        new UnboundedChannelOptions { SingleReader = true, SingleWriter = true, AllowSynchronousContinuations = false });

    private readonly Lock gate = new();
    private int bodyCredit = WorkerFrame.Window;
    private TaskCompletionSource? bodyRoom;
    private bool bodyStopped;
    private bool discarding;

    public WorkerStream(WorkerChannel channel, uint id, bool backPressure)
    {
        this.channel = channel;
        this.backPressure = backPressure;
        Id = id;
    }

    public uint Id { get; }

    /// <summary>The response's head, or an <see cref="InvokeException"/>.</summary>
    public Task<ResponseHead> Head => head.Task;

    /// <summary>Completes when the worker will send nothing more on this stream.</summary>
    public Task Finished => finished.Task;

    public ChannelReader<ResponsePart> Parts => parts.Reader;

    /// <summary>Sends a piece of the request's body, waiting for room. After <see cref="StopBody"/> it drops the piece.</summary>
    public async ValueTask SendBodyAsync(ReadOnlyMemory<byte> body, CancellationToken cancel)
    {
        while (body.Length > 0)
        {
            int size;
            Task? room = null;
            lock (gate)
            {
                if (bodyStopped)
                    return;
                size = Math.Min(Math.Min(body.Length, bodyCredit), WorkerFrame.Piece);
                bodyCredit -= size;
                if (size == 0)
                {
                    bodyRoom ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                    room = bodyRoom.Task;
                }
            }

            if (room is not null)
            {
                await room.WaitAsync(cancel);
                continue;
            }

            channel.Send(WorkerFrameKind.Body, 0, Id, body.Span[..size]);
            body = body[size..];
        }
    }

    public void EndBody() => channel.Send(WorkerFrameKind.BodyEnd, 0, Id, []);

    public void AbortBody() => channel.Send(WorkerFrameKind.BodyAbort, 0, Id, []);

    /// <summary>From now on the request's body is dropped: the response is over.</summary>
    public void StopBody()
    {
        TaskCompletionSource? waiting;
        lock (gate)
        {
            bodyStopped = true;
            waiting = bodyRoom;
            bodyRoom = null;
        }

        waiting?.TrySetResult();
    }

    /// <summary>From now on the response is dropped as it comes: nobody reads it, but the function runs on.</summary>
    public void Discard()
    {
        lock (gate)
            discarding = true;
        while (parts.Reader.TryRead(out ResponsePart part))
            Release(part, true);
    }

    /// <summary>Gives a part's buffer back, and its bytes back to the worker's credit.</summary>
    public void Release(ResponsePart part, bool credit)
    {
        if (part.Buffer is null)
            return;
        ArrayPool<byte>.Shared.Return(part.Buffer);
        if (credit && backPressure)
            channel.SendCredit(Id, part.Length);
    }

    /// <summary>Makes room for the rest of a write of which a piece is kept.</summary>
    public void CreditAhead(int count)
    {
        if (backPressure)
            channel.SendCredit(Id, count);
    }

    internal void OnHead(ResponseHead response) => head.TrySetResult(response);

    internal void OnHeadFailed(string message, string stack) =>
        head.TrySetException(InvokeException.WorkerFailed(message, stack));

    internal void OnData(byte[] buffer, int length, bool more)
    {
        bool drop;
        lock (gate)
            drop = discarding;
        var part = new ResponsePart(ResponsePartKind.Data, buffer, length, more);
        if (!backPressure)
            channel.SendCredit(Id, length);
        if (drop || !parts.Writer.TryWrite(part))
            Release(part, true);
    }

    internal void OnEnd(bool error) => Finish(error ? ResponsePartKind.PeerReset : ResponsePartKind.End);

    internal void OnClosed()
    {
        head.TrySetException(InvokeException.SessionClosed());
        Finish(ResponsePartKind.ConnectionClosed);
    }

    internal void OnBodyCredit(int count)
    {
        TaskCompletionSource? waiting;
        lock (gate)
        {
            bodyCredit = (int)Math.Min((long)bodyCredit + count, WorkerFrame.Window);
            waiting = bodyRoom;
            bodyRoom = null;
        }

        waiting?.TrySetResult();
    }

    private void Finish(ResponsePartKind kind)
    {
        parts.Writer.TryWrite(new ResponsePart(kind));
        parts.Writer.TryComplete();
        StopBody();
        finished.TrySetResult();

        // Nobody may be waiting for it: an unobserved fault is not a fault.
        _ = head.Task.Exception;
    }
}
