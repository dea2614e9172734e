using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace NoslateFleet.Tests.Common;

/// <summary>
/// A plane for tests: a real HTTP/2 server on a unix socket whose answers the test writes, message by message. Event streams are
/// held open until the test or the plane ends them.
/// </summary>
public sealed class FakePlane : IAsyncDisposable
{
    public const string ConnectPath = "/noslated.Host/connect";

    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, Func<PlaneCall, Task>> _handlers = new();

    private FakePlane(string socketPath)
    {
        SocketPath = socketPath;
        Directory.CreateDirectory(Path.GetDirectoryName(socketPath)!);
        File.Delete(socketPath);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromMilliseconds(100));
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Limits.MaxResponseBufferSize = 64 * 1024;
            kestrel.ListenUnixSocket(socketPath, listen => listen.Protocols = HttpProtocols.Http2);
        });
        _app = builder.Build();
        _app.Run(HandleAsync);
        On(ConnectPath, async call =>
        {
            await call.StartAsync();
            await call.Aborted;
        });
    }

    public string SocketPath { get; }

    public static async Task<FakePlane> StartAsync(string socketPath)
    {
        var plane = new FakePlane(socketPath);
        await plane._app.StartAsync();
        return plane;
    }

    /// <summary>Says how calls of a path are answered. A handler that returns ends the call; a path without one gets status 12.</summary>
    public void On(string path, Func<PlaneCall, Task> handler) => _handlers[path] = handler;

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(new CancellationToken(canceled: true));
        await _app.DisposeAsync();
    }

    private async Task HandleAsync(HttpContext context)
    {
        var call = new PlaneCall(context);
        if (!_handlers.TryGetValue(context.Request.Path.Value!, out Func<PlaneCall, Task>? handler))
        {
            context.Response.ContentType = "application/grpc+proto";
            context.Response.Headers["grpc-status"] = "12";
            context.Response.Headers["grpc-message"] = "[object Object]";
            return;
        }

        await handler(call);
    }
}

/// <summary>One call that a <see cref="FakePlane"/> got.</summary>
public sealed class PlaneCall
{
    private readonly TaskCompletionSource _aborted = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public PlaneCall(HttpContext context)
    {
        Context = context;
        context.RequestAborted.Register(() => _aborted.TrySetResult());
    }

    public HttpContext Context { get; }

    /// <summary>Completes when the client reset the call or its connection went.</summary>
    public Task Aborted => _aborted.Task;

    /// <summary>Sends the HTTP head.</summary>
    public async Task StartAsync()
    {
        Context.Response.ContentType = "application/grpc+proto";
        await Context.Response.Body.FlushAsync();
    }

    /// <summary>Reads the next message; null at the end of the request.</summary>
    public async Task<byte[]?> ReadAsync()
    {
        PipeReader reader = Context.Request.BodyReader;
        while (true)
        {
            ReadResult read = await reader.ReadAsync();
            ReadOnlySequence<byte> buffer = read.Buffer;
            if (buffer.Length >= 5)
            {
                int length = BinaryPrimitives.ReadInt32BigEndian(buffer.Slice(1, 4).ToArray());
                if (buffer.Length >= 5 + length)
                {
                    byte[] message = buffer.Slice(5, length).ToArray();
                    reader.AdvanceTo(buffer.GetPosition(5 + length));
                    return message;
                }
            }

            if (read.IsCompleted)
            {
                return buffer.IsEmpty ? null : throw new InvalidDataException("the request ended inside a message");
            }

            reader.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    /// <summary>Reads all that is left of the request.</summary>
    public async Task<List<byte[]>> ReadAllAsync()
    {
        var messages = new List<byte[]>();
        while (await ReadAsync() is { } message)
        {
            messages.Add(message);
        }

        return messages;
    }

    public Task WriteAsync(byte[] message) => WriteRawAsync(Frame(message));

    /// <summary>Sends bytes as they are.</summary>
    public async Task WriteRawAsync(ReadOnlyMemory<byte> bytes)
    {
        Context.Response.ContentType ??= "application/grpc+proto";
        await Context.Response.Body.WriteAsync(bytes);
        await Context.Response.Body.FlushAsync();
    }

    /// <summary>Sets how the call ends when its handler returns.</summary>
    public void SetStatus(int status, string? message = null)
    {
        Context.Response.ContentType ??= "application/grpc+proto";
        Context.Response.AppendTrailer("grpc-status", status.ToString(System.Globalization.CultureInfo.InvariantCulture));
        if (message is not null)
        {
            Context.Response.AppendTrailer("grpc-message", Uri.EscapeDataString(message));
        }
    }

    /// <summary>Resets the stream with an HTTP/2 error code.</summary>
    public void Reset(int errorCode) => Context.Features.GetRequiredFeature<IHttpResetFeature>().Reset(errorCode);

    public static byte[] Frame(byte[] message)
    {
        byte[] frame = new byte[5 + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        message.CopyTo(frame, 5);
        return frame;
    }
}
