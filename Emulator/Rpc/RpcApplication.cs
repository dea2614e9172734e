using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using NoslateFleet.Emulator.Node;
using NoslateFleet.Noslate.Transport;

namespace NoslateFleet.Emulator.Rpc;

/// <summary>Turns the HTTP/2 streams of one socket into calls of a plane's methods.</summary>
internal sealed partial class RpcApplication(RpcMethods methods, NodeState state)
    : IHttpApplication<IFeatureCollection>
{
    // A length-delimited field that is longer than the message.
    private static readonly byte[] Garbage = [0x12, 0x7f, 0xff, 0xfe];

    private readonly ConcurrentDictionary<RpcCall, byte> open = new();

    public int OpenCalls => open.Count;

    public IFeatureCollection CreateContext(IFeatureCollection contextFeatures) => contextFeatures;

    public void DisposeContext(IFeatureCollection context, Exception? exception)
    {
    }

    public void ResetAll()
    {
        foreach (RpcCall call in open.Keys)
            call.Reset();
    }

    public async Task ProcessRequestAsync(IFeatureCollection context)
    {
        IHttpRequestFeature request = context.GetRequiredFeature<IHttpRequestFeature>();
        string type = request.Headers.ContentType.ToString();
        if (request.Method != "POST" || !type.StartsWith("application/grpc", StringComparison.Ordinal))
        {
            IHttpResponseFeature response = context.GetRequiredFeature<IHttpResponseFeature>();
            response.StatusCode = 415;
            await context.GetRequiredFeature<IHttpResponseBodyFeature>().CompleteAsync();
            return;
        }

        using var call = new RpcCall(context);
        open.TryAdd(call, 0);
        state.Changes.Pulse();
        ITimer? timer = null;
        try
        {
            string timeout = request.Headers["grpc-timeout"].ToString();
            if (timeout.Length > 0)
            {
                if (!StatusText.TryReadTimeout(timeout, out TimeSpan left))
                    throw new RpcStatusException(GrpcStatusCode.OutOfRange, "Invalid deadline");
                if (left < TimeSpan.FromMilliseconds(int.MaxValue))
                    timer = state.Clock.CreateTimer(Expire, call, left, Timeout.InfiniteTimeSpan);
            }

            // The real plane's own text for a path it does not know.
            Func<RpcCall, Task> handler = methods.Find(call.Path)
                ?? throw new RpcStatusException(GrpcStatusCode.Unimplemented, "[object Object]");
            await (state.Faults.Find(call.Path) is { } fault ? ServeAsync(call, handler, fault) : handler(call));
        }
        catch (RpcStatusException error)
        {
            await FinishAsync(call, error);
        }
        catch (Exception) when (call.Ended.IsCancellationRequested)
        {
            if (call.Failure is { } failure)
                await FinishAsync(call, failure);
        }
        catch (Exception error)
        {
            LogFault(state.Logger, call.Path, error);
            await FinishAsync(call, new RpcStatusException(GrpcStatusCode.Internal, error.Message));
        }
        finally
        {
            timer?.Dispose();
            open.TryRemove(call, out _);
            state.Changes.Pulse();
        }
    }

    private async Task ServeAsync(RpcCall call, Func<RpcCall, Task> handler, CallFault fault)
    {
        switch (fault.Kind)
        {
            case CallFaultKind.Refuse:
                throw new RpcStatusException(fault.Code, fault.Message);
            case CallFaultKind.Silence:
                await call.HangAsync();
                break;
            case CallFaultKind.Garbage:
                PipeWriter writer = call.BeginMessage(Garbage.Length);
                writer.Write(Garbage);
                await call.FlushAsync(writer);
                await call.CompleteAsync(GrpcStatusCode.Ok, "OK");
                break;
            case CallFaultKind.Delay:
                call.Hold = Task.Delay(fault.Time, state.Clock, call.Ended);
                await handler(call);
                break;
            default:
                call.CutAfter = fault.Bytes;
                await handler(call);
                break;
        }
    }

    private static void Expire(object? state) =>
        ((RpcCall)state!).Fail(new RpcStatusException(GrpcStatusCode.DeadlineExceeded, "Deadline exceeded"));

    private static async Task FinishAsync(RpcCall call, RpcStatusException status)
    {
        if (call.Aborted.IsCancellationRequested)
            return;
        try
        {
            await call.CompleteAsync(status.Code, status.Message);
        }
        catch (Exception error) when (error is IOException or OperationCanceledException or InvalidOperationException)
        {
            // The stream was lost while its last words were written; nobody is left to tell.
        }
    }

    [LoggerMessage(EventId = 100, Level = LogLevel.Error, Message = "Call {Path} failed inside the emulator.")]
    private static partial void LogFault(ILogger logger, string path, Exception error);
}
