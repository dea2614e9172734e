using System.Buffers;
using System.IO.Pipelines;
using Google.Protobuf;
using NoslateFleet.Emulator.Node;
using NoslateFleet.Emulator.Rpc;
using NoslateFleet.Emulator.Workers;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Noslate.Transport;
using Pair = NoslateFleet.Noslate.Protocol.Common.KeyValuePair;

namespace NoslateFleet.Emulator.DataPlane;

/// <summary>PushServer.invoke and invokeService: one function call per stream, both bodies as they come.</summary>
internal sealed class PushServer(NodeState state, DataPlaneCore core)
{
    public void Register(RpcMethods methods)
    {
        methods.AddStream("/noslated.data.PushServer/invoke", core.Echo is { } echo ? call => EchoOrServeAsync(call, echo) : call => ServeAsync(call, service: false));
        methods.AddStream("/noslated.data.PushServer/invokeService", call => ServeAsync(call, service: true));
    }

    private async Task EchoOrServeAsync(RpcCall call, BuiltInEcho echo)
    {
        (bool found, (int Echoed, InvokeMessage First) begun) = await call.ReadAsync(
            message => BuiltInEcho.IsFor(message) && !core.Breaker.Open ? (echo.Begin(call, message), default) : (0, InvokeMessage.Parse(message)));
        if (!found)
            await call.HangAsync();
        else if (begun.Echoed > 0)
            await BuiltInEcho.GoOnAsync(call, begun.Echoed);
        else
            await ServeAsync(call, begun.First, service: false);
    }

    private async Task ServeAsync(RpcCall call, bool service)
    {
        (bool found, InvokeMessage first) = await call.ReadAsync(InvokeMessage.Parse);
        if (found)
            await ServeAsync(call, first, service);
        else
            await call.HangAsync();
    }

    private async Task ServeAsync(RpcCall call, InvokeMessage first, bool service)
    {
        var started = new TaskCompletionSource<WorkerStream?>(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<Running> running = RunAsync(first, service, started);
        Task pump = PumpAsync(call, first.Request.Body, started.Task);
        try
        {
            await RespondAsync(call, running);
        }
        finally
        {
            await pump;
        }
    }

    private async Task RespondAsync(RpcCall call, Task<Running> running)
    {
        Running run;
        try
        {
            run = await running.WaitAsync(call.Ended);
        }
        catch (InvokeException error)
        {
            // The trap of the wire: after an error as the first reply the stream stays open until the client ends it.
            await call.WriteAsync(error.ToResponse());
            await call.HangAsync();
            return;
        }
        catch (OperationCanceledException)
        {
            _ = AbandonAsync(running);
            throw;
        }

        bool over = false;
        try
        {
            await call.WriteAsync(new InvokeResponse { Result = ToResult(run.Head) });
            InvokeException? error = await WriteBodyAsync(call, run.Stream);
            over = true;
            if (error is not null)
                await call.WriteAsync(error.ToResponse());
        }
        finally
        {
            // A client that leaves in mid-stream frees the worker's place at once; the function may write on into the void.
            run.Stream.StopBody();
            if (!over)
                run.Stream.Discard();
            core.Release(run.Worker);
        }

        await call.CompleteAsync(GrpcStatusCode.Ok, "OK");
    }

    private async Task<Running> RunAsync(InvokeMessage message, bool service, TaskCompletionSource<WorkerStream?> started)
    {
        InvokeRequest request = message.Request;
        try
        {
            string function = request.Name;
            if (service)
            {
                if (core.Breaker.Open)
                    throw InvokeException.BreakerOpen();

                // CA5394: which function serves a call is no secret.
#pragma warning disable CA5394
                function = core.Services.Select(request.Name, Random.Shared.NextDouble()) ?? throw InvokeException.UnknownService();
#pragma warning restore CA5394
            }

            double deadline = message.DeadlineOr(state.NowMs);
            Worker worker = await core.AcquireAsync(function, deadline, message.RequestId);
            WorkerStream? stream = null;
            bool done = false;
            try
            {
                stream = worker.Channel!.Open(request.Url, message.Method, ToPairs(request.Headers), ToPairs(request.Baggage));
                started.TrySetResult(stream);
                ResponseHead head = await stream.Head.WaitAsync(Deadline.Left(deadline, state.NowMs), state.Clock);
                done = true;
                return new Running(worker, stream, head);
            }
            catch (TimeoutException)
            {
                throw InvokeException.Timeout();
            }
            finally
            {
                if (!done)
                {
                    stream?.Discard();
                    stream?.StopBody();
                    core.Release(worker);
                }
            }
        }
        finally
        {
            started.TrySetResult(null);
        }
    }

    /// <summary>The client left before the head: the function keeps its place until it ends.</summary>
    private async Task AbandonAsync(Task<Running> running)
    {
        try
        {
            Running run = await running;
            run.Stream.Discard();
            await run.Stream.Finished;
            core.Release(run.Worker);
        }
        catch (InvokeException)
        {
            // It failed by itself and gave its place back.
        }
    }

    private static async Task PumpAsync(RpcCall call, ByteString first, Task<WorkerStream?> started)
    {
        WorkerStream? stream = null;
        bool ended = false;
        try
        {
            stream = await started.WaitAsync(call.Ended);
            if (stream is null)
            {
                await call.DrainAsync();
                return;
            }

            await stream.SendBodyAsync(first.Memory, call.Ended);
            while (true)
            {
                (bool found, InvokeMessage message) = await call.ReadAsync(InvokeMessage.Parse);
                if (!found)
                    break;
                if (message.Request.Body.Length > 0)
                    await stream.SendBodyAsync(message.Request.Body.Memory, call.Ended);
            }

            ended = true;
        }
        catch (RpcStatusException error)
        {
            call.Fail(error);
        }
        catch (Exception error) when (call.Ended.IsCancellationRequested || error is IOException)
        {
            // The client left; the function sees its request end early.
        }
        finally
        {
            if (stream is null)
                _ = AbortLaterAsync(started);
            else if (ended)
                stream.EndBody();
            else
                stream.AbortBody();
        }
    }

    private static async Task AbortLaterAsync(Task<WorkerStream?> started) => (await started)?.AbortBody();

    private static async Task<InvokeException?> WriteBodyAsync(RpcCall call, WorkerStream stream)
    {
        List<ResponsePart> message = [];
        long size = 0;
        try
        {
            while (true)
            {
                ResponsePart part = await stream.Parts.ReadAsync(call.Ended);
                switch (part.Kind)
                {
                    case ResponsePartKind.End:
                        return null;
                    case ResponsePartKind.PeerReset:
                        return InvokeException.PeerReset();
                    case ResponsePartKind.ConnectionClosed:
                        return InvokeException.PeerClosed();
                }

                size += part.Length;
                if (size > MessageLimits.MaxMessageSize)
                    stream.Release(part, true);
                else
                    message.Add(part);
                if (part.More)
                {
                    // The rest of the same write must come, whatever the window is.
                    if (size <= MessageLimits.MaxMessageSize)
                        stream.CreditAhead(part.Length);
                    continue;
                }

                await WriteMessageAsync(call, message, size);
                for (int i = 0; i < message.Count; i++)
                    stream.Release(message[i], credit: !message[i].More);
                message.Clear();
                size = 0;
            }
        }
        finally
        {
            foreach (ResponsePart part in message)
                stream.Release(part, credit: !part.More);
        }
    }

    /// <summary>Writes one InvokeResponse{result{body}} without a copy of the body in between.</summary>
    private static async ValueTask WriteMessageAsync(RpcCall call, List<ResponsePart> parts, long body)
    {
        // Field 3 of result is the body, field 2 of the response is the result; both length-delimited.
        const int bodyField = 3;
        const int resultField = 2;
        long inner = 1 + CodedOutputStream.ComputeUInt64Size((ulong)body) + body;
        long size = 1 + CodedOutputStream.ComputeUInt64Size((ulong)inner) + inner;
        if (size + MessageLimits.PrefixSize > MessageLimits.MaxMessageSize)
            throw MessageLimits.SentTooLarge(size + MessageLimits.PrefixSize);
        PipeWriter writer = call.BeginMessage((int)size);
        ProtoOutput.WriteHead(writer, resultField, (uint)inner);
        ProtoOutput.WriteHead(writer, bodyField, (uint)body);
        foreach (ResponsePart part in parts)
            writer.Write(part.Buffer.AsSpan(0, part.Length));
        await call.FlushAsync(writer);
    }

    private static InvokeResultResponse ToResult(ResponseHead head) => new()
    {
        Status = head.Status,
        Headers = { head.Headers.Select(it => new Pair { Key = it.Key, Value = it.Value }) },
    };

    private static IEnumerable<KeyValuePair<string, string>> ToPairs(IEnumerable<Pair> pairs) =>
        pairs.Select(it => new KeyValuePair<string, string>(it.Key, it.Value));

    private sealed record Running(Worker Worker, WorkerStream Stream, ResponseHead Head);
}
