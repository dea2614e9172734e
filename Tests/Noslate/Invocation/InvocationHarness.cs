using System.IO.Pipelines;
using Google.Protobuf;
using NoslateFleet.Noslate.Invocation;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Noslate.Transport;
using NoslateFleet.Tests.Common;
using KeyValuePair = NoslateFleet.Noslate.Protocol.Common.KeyValuePair;

namespace NoslateFleet.Tests.Noslate.Invocation;

/// <summary>A client and a fake data plane for one test.</summary>
internal sealed class InvocationHarness : IAsyncDisposable
{
    public const string InvokePath = "/noslated.data.PushServer/invoke";
    public const string InvokeServicePath = "/noslated.data.PushServer/invokeService";

    /// <summary>A wait that takes this long has failed.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly TempDirectory _directory = new();

    private InvocationHarness(TimeProvider time)
    {
        SocketPath = _directory.Combine("socks", "dp-0.sock");
        Channel = new PlaneChannel("dp-0", SocketPath, TimeSpan.FromSeconds(5), time);
        Invoker = new Invoker(time);
    }

    public string SocketPath { get; }

    public PlaneChannel Channel { get; }

    public Invoker Invoker { get; }

    public FakePlane? Plane { get; private set; }

    /// <summary>With a plane that answers invoke as told.</summary>
    public static async Task<InvocationHarness> StartAsync(Func<PlaneCall, Task> invoke, TimeProvider? time = null)
    {
        InvocationHarness harness = WithoutPlane(time);
        harness.Plane = await FakePlane.StartAsync(harness.SocketPath);
        harness.Plane.On(InvokePath, invoke);
        return harness;
    }

    public static InvocationHarness WithoutPlane(TimeProvider? time = null) => new(time ?? TimeProvider.System);

    public async Task<InvocationCall> InvokeAsync(
        PipeReader? body = null,
        TimeSpan? timeout = null,
        InvocationTarget target = InvocationTarget.Function,
        ICallCounter? counter = null,
        CancellationToken cancellationToken = default)
    {
        var request = InvocationRequest.Rent("hello", "POST", "/path?q=1", "id-1");
        request.AddHeader("X-Header", "value");
        return await Invoker.InvokeAsync(Channel, counter, retry: null, target, request, body, timeout ?? Patience, cancellationToken)
            .AsTask().WaitAsync(Patience, CancellationToken.None);
    }

    public async Task<InvocationError> FailAsync(PipeReader? body = null, TimeSpan? timeout = null) =>
        (await Assert.ThrowsAsync<InvocationFailedException>(() => InvokeAsync(body, timeout))).Error;

    public static byte[] Head(int status, string? body = null, params (string Key, string Value)[] headers)
    {
        var result = new InvokeResultResponse { Status = status };
        result.Headers.Add(headers.Select(pair => new KeyValuePair { Key = pair.Key, Value = pair.Value }));
        if (body is not null)
        {
            result.Body = ByteString.CopyFromUtf8(body);
        }

        return new InvokeResponse { Result = result }.ToByteArray();
    }

    public static byte[] Body(byte[] bytes) =>
        new InvokeResponse { Result = new InvokeResultResponse { Body = UnsafeByteOperations.UnsafeWrap(bytes) } }.ToByteArray();

    public static byte[] Body(string text) => Body(System.Text.Encoding.UTF8.GetBytes(text));

    public static byte[] Error(string name, int code, string message) =>
        new InvokeResponse { Error = new InvokeErrorResponse { Name = name, Code = code, Message = message, Stack = "at secret" } }.ToByteArray();

    public static async Task<byte[]> ReadToEndAsync(InvocationCall call, int bufferSize = 16 * 1024)
    {
        using var all = new MemoryStream();
        byte[] buffer = new byte[bufferSize];
        int read;
        while ((read = await ReadAsync(call, buffer)) > 0)
        {
            all.Write(buffer, 0, read);
        }

        return all.ToArray();
    }

    public static Task<int> ReadAsync(InvocationCall call, byte[] buffer) =>
        call.ReadAsync(buffer, CancellationToken.None).AsTask().WaitAsync(Patience);

    public async ValueTask DisposeAsync()
    {
        Invoker.Dispose();
        Channel.Dispose();
        if (Plane is not null)
        {
            await Plane.DisposeAsync();
        }

        _directory.Dispose();
    }
}
