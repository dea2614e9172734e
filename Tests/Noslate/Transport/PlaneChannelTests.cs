using Google.Protobuf;
using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Transport;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Noslate.Transport;

public sealed class PlaneChannelTests : IDisposable
{
    private const string Path = "/noslated.data.DataPlane/checkHealth";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly TempDirectory _directory = new();
    private readonly ManualTimeProvider _clock = new();
    private readonly PlaneChannel _channel;

    public PlaneChannelTests() => _channel = new PlaneChannel("dp-0", _directory.Combine("dp-0.sock"), TimeSpan.FromSeconds(5), _clock);

    [Fact]
    public async Task Answer_IsParsed_AndTheTimeoutIsSent()
    {
        await using FakePlane plane = await StartAsync(async call =>
        {
            Assert.Empty((await call.ReadAsync())!);
            await call.WriteAsync(new PlaneHealthyResponse { Name = call.Context.Request.Headers["grpc-timeout"].ToString(), Health = true }.ToByteArray());
            call.SetStatus(0);
        });
        PlaneHealthyResponse answer = await CallAsync(TimeSpan.FromSeconds(5));
        Assert.Equal(("5000000u", true), (answer.Name, answer.Health));
    }

    [Fact]
    public async Task LargeAnswer_IsReadAndATooLargeOneRefused()
    {
        string text = new('x', 9 * 1024 * 1024);
        await using FakePlane plane = await StartAsync(async call =>
        {
            await call.WriteAsync(new PlaneHealthyResponse { Reason = text }.ToByteArray());
            call.SetStatus(0);
        });
        Assert.Equal(text.Length, (await CallAsync()).Reason.Length);
        plane.On(Path, async call =>
        {
            await call.WriteRawAsync(new byte[] { 0, 0, 0xA0, 0, 1 });
            await call.Aborted;
        });
        GrpcException refused = await FailAsync();
        Assert.Equal(GrpcStatusCode.ResourceExhausted, refused.Status.Code);
        Assert.Contains("10485760", refused.Status.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TooLargeRequest_IsRefusedWithoutASend()
    {
        var exception = await Assert.ThrowsAsync<GrpcException>(() => _channel.CallAsync(
            Path, new PlaneHealthyResponse { Reason = new string('x', 10 * 1024 * 1024) }, Empty.Parser, Patience, CancellationToken.None));
        Assert.Equal((GrpcStatusCode.ResourceExhausted, true), (exception.Status.Code, exception.NeverSent));
    }

    [Fact]
    public async Task StatusNotOk_IsThrownWithItsMessageDecoded()
    {
        await using FakePlane plane = await StartAsync(async call =>
        {
            await call.StartAsync();
            call.SetStatus(9, "profile 你好 100%");
        });
        GrpcException exception = await FailAsync();
        Assert.Equal(new GrpcStatus(GrpcStatusCode.FailedPrecondition, "profile 你好 100%"), exception.Status);
        Assert.False(exception.NeverSent);
    }

    [Fact]
    public async Task UnknownMethod_IsUnimplemented()
    {
        await using FakePlane plane = await FakePlane.StartAsync(_channel.SocketPath);
        Assert.Equal(new GrpcStatus(GrpcStatusCode.Unimplemented, "[object Object]"), (await FailAsync()).Status);
    }

    [Fact]
    public async Task MissingStatus_IsUnknown()
    {
        await using FakePlane plane = await StartAsync(call => call.WriteAsync([]));
        Assert.Equal(GrpcStatusCode.Unknown, (await FailAsync()).Status.Code);
    }

    [Theory]
    [InlineData(0, "no message")]
    [InlineData(2, "more than one message")]
    public async Task OtherThanOneMessage_IsInternal(int count, string expected)
    {
        await using FakePlane plane = await StartAsync(async call =>
        {
            await call.StartAsync();
            for (int i = 0; i < count; i++)
            {
                await call.WriteAsync([]);
            }

            call.SetStatus(0);
        });
        GrpcException exception = await FailAsync();
        Assert.Equal(GrpcStatusCode.Internal, exception.Status.Code);
        Assert.Contains(expected, exception.Status.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[] { 0, 0, 0, 0, 9, 1 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 1, 0xFF })]
    [InlineData(new byte[] { 1, 0, 0, 0, 0 })]
    [InlineData(new byte[] { 0, 0, 0 })]
    public async Task GarbageMessage_IsInternal(byte[] wire)
    {
        await using FakePlane plane = await StartAsync(async call =>
        {
            await call.WriteRawAsync(wire);
            call.SetStatus(0);
        });
        Assert.Equal(GrpcStatusCode.Internal, (await FailAsync()).Status.Code);
    }

    [Theory]
    [InlineData(400, GrpcStatusCode.Internal)]
    [InlineData(401, GrpcStatusCode.Unauthenticated)]
    [InlineData(403, GrpcStatusCode.PermissionDenied)]
    [InlineData(404, GrpcStatusCode.Unimplemented)]
    [InlineData(429, GrpcStatusCode.Unavailable)]
    [InlineData(503, GrpcStatusCode.Unavailable)]
    [InlineData(418, GrpcStatusCode.Unknown)]
    public async Task HttpStatus_IsMappedAsGrpcSays(int http, GrpcStatusCode expected)
    {
        await using FakePlane plane = await StartAsync(call =>
        {
            call.Context.Response.StatusCode = http;
            return Task.CompletedTask;
        });
        Assert.Equal(expected, (await FailAsync()).Status.Code);
    }

    [Theory]
    [InlineData(0, GrpcStatusCode.Internal)]
    [InlineData(1, GrpcStatusCode.Internal)]
    [InlineData(2, GrpcStatusCode.Internal)]
    [InlineData(5, GrpcStatusCode.Internal)]
    [InlineData(7, GrpcStatusCode.Unavailable)]
    [InlineData(8, GrpcStatusCode.Cancelled)]
    [InlineData(11, GrpcStatusCode.ResourceExhausted)]
    [InlineData(12, GrpcStatusCode.PermissionDenied)]
    [InlineData(13, GrpcStatusCode.Unknown)]
    [InlineData(999, GrpcStatusCode.Internal)]
    public void ErrorCode_IsMappedAsGrpcSays(long code, GrpcStatusCode expected) => Assert.Equal(expected, GrpcFaults.StatusOf(code));

    [Fact]
    public async Task MissingSocket_IsUnavailableAndNeverSent()
    {
        GrpcException exception = await FailAsync();
        Assert.Equal((GrpcStatusCode.Unavailable, true), (exception.Status.Code, exception.NeverSent));
    }

    [Fact]
    public async Task NoAnswerInTime_IsDeadlineExceeded()
    {
        var arrived = new TaskCompletionSource();
        await using FakePlane plane = await StartAsync(async call =>
        {
            arrived.SetResult();
            await call.Aborted;
        });
        Task<PlaneHealthyResponse> calling = CallAsync(TimeSpan.FromSeconds(5));
        await arrived.Task.WaitAsync(Patience);
        _clock.Advance(TimeSpan.FromSeconds(5));
        var exception = await Assert.ThrowsAsync<GrpcException>(() => calling);
        Assert.Equal((GrpcStatusCode.DeadlineExceeded, false), (exception.Status.Code, exception.NeverSent));
    }

    [Fact]
    public async Task CancelledCall_ThrowsThatAndResets()
    {
        using var caller = new CancellationTokenSource();
        var arrived = new TaskCompletionSource();
        var reset = new TaskCompletionSource();
        await using FakePlane plane = await StartAsync(async call =>
        {
            arrived.SetResult();
            await call.Aborted;
            reset.SetResult();
        });
        Task<PlaneHealthyResponse> calling = CallAsync(Patience, caller.Token);
        await arrived.Task.WaitAsync(Patience);
        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => calling);
        await reset.Task.WaitAsync(Patience);
    }

    [Fact]
    public async Task DuplexStream_ReadsMessagesAndItsEnd()
    {
        await using FakePlane plane = await StartAsync(async call =>
        {
            Assert.NotNull(await call.ReadAsync());
            await call.WriteAsync([1]);
            await call.WriteAsync(new byte[100_000]);
            call.SetStatus(0);
        });
        using GrpcDuplexStream stream = await _channel.OpenAsync(Path, [new Empty()], Patience, CancellationToken.None);
        Assert.True(await stream.ReadAsync(CancellationToken.None));
        Assert.Equal([1], stream.Current.ToArray());
        Assert.True(await stream.ReadAsync(CancellationToken.None));
        Assert.Equal(100_000, stream.Current.Length);
        Assert.False(await stream.ReadAsync(CancellationToken.None));
    }

    [Fact]
    public async Task DisposedDuplexStream_IsReset()
    {
        var reset = new TaskCompletionSource();
        await using FakePlane plane = await StartAsync(async call =>
        {
            await call.StartAsync();
            await call.Aborted;
            reset.SetResult();
        });
        using (await _channel.OpenAsync(Path, [new Empty()], Patience, CancellationToken.None))
        {
            Assert.False(reset.Task.IsCompleted);
        }

        await reset.Task.WaitAsync(Patience);
    }

    public void Dispose()
    {
        _channel.Dispose();
        _directory.Dispose();
    }

    private async Task<FakePlane> StartAsync(Func<PlaneCall, Task> handler)
    {
        FakePlane plane = await FakePlane.StartAsync(_channel.SocketPath);
        plane.On(Path, handler);
        return plane;
    }

    private Task<PlaneHealthyResponse> CallAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        _channel.CallAsync(Path, new Empty(), PlaneHealthyResponse.Parser, timeout ?? Patience, cancellationToken).WaitAsync(Patience, CancellationToken.None);

    private async Task<GrpcException> FailAsync() => await Assert.ThrowsAsync<GrpcException>(() => CallAsync());
}
