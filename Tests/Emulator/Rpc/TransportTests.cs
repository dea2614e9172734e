using System.Buffers.Binary;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Google.Protobuf;
using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Emulator.Harness;

namespace NoslateFleet.Tests.Emulator.Rpc;

public sealed class TransportTests
{
    private const string Health = "/noslated.data.DataPlane/checkHealth";

    [SkippableTheory]
    [InlineData("/noslated.data.DataPlane/nothing")]
    [InlineData("/noslated.data.dataplane/checkHealth")]
    [InlineData("/noslated.control.ControlPlane/checkHealth")]
    public async Task UnknownPath_IsStatus12_TrailersOnly(string path)
    {
        await using TestNode node = await TestNode.StartAsync();
        using RpcTestCall call = node.Data.Send(path, RpcClient.Frame([]));
        Assert.Equal((12, "[object Object]"), await call.StatusAsync());
        HttpResponseMessage response = await call.Response;
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("[object Object]", Assert.Single(response.Headers.GetValues("grpc-message")));
        Assert.Null(await call.ReadMessageAsync());
        Assert.Empty(response.TrailingHeaders);
    }

    [SkippableFact]
    public async Task JsonContentType_IsHttp415()
    {
        await using TestNode node = await TestNode.StartAsync();
        using RpcTestCall call = node.Data.Send(Health, RpcClient.Frame([]), it =>
            it.Content!.Headers.ContentType = new MediaTypeHeaderValue("application/json"));
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, (await call.Response).StatusCode);
    }

    [SkippableFact]
    public async Task ProtoContentTypeWithTe_IsAccepted_AndRepliesNameTheirs()
    {
        await using TestNode node = await TestNode.StartAsync();
        using RpcTestCall call = node.Data.Send(Health, RpcClient.Frame([]), it =>
        {
            it.Headers.TE.ParseAdd("trailers");
            it.Content!.Headers.ContentType = new MediaTypeHeaderValue("application/grpc+proto");
        });
        PlaneHealthyResponse health = PlaneHealthyResponse.Parser.ParseFrom(await call.ReadMessageAsync());
        Assert.Equal(("DataPlane", true, ""), (health.Name, health.Health, health.Reason));
        HttpResponseMessage response = await call.Response;
        Assert.Equal("application/grpc+proto", response.Content.Headers.ContentType?.ToString());
        Assert.Equal("identity", Assert.Single(response.Headers.GetValues("grpc-encoding")));
    }

    [SkippableFact]
    public async Task GzipMessage_IsAccepted()
    {
        await using TestNode node = await TestNode.StartAsync();
        byte[] plain = new SetServices("s").ToBytes();
        using var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            await gzip.WriteAsync(plain);
        using RpcTestCall call = node.Data.Send(
            "/noslated.data.DataPlane/setServiceProfiles",
            RpcClient.Frame(packed.ToArray(), compressed: true),
            it => it.Headers.Add("grpc-encoding", "gzip"));
        Assert.NotNull(await call.ReadMessageAsync());
        Assert.Null(await call.ReadMessageAsync());
        Assert.Equal((0, "OK"), await call.StatusAsync());
        ServiceProfilesAccessor got = await node.Data.UnaryAsync<ServiceProfilesAccessor>("/noslated.data.DataPlane/getServiceProfiles", new Empty());
        Assert.Equal("s", Assert.Single(got.Profiles).Name);
    }

    [SkippableFact]
    public async Task GzipBomb_IsRefusedAtTheLimit()
    {
        await using TestNode node = await TestNode.StartAsync();
        using var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            await gzip.WriteAsync(new byte[64 * 1024 * 1024]);
        using RpcTestCall call = node.Data.Send(
            Health, RpcClient.Frame(packed.ToArray(), compressed: true), it => it.Headers.Add("grpc-encoding", "gzip"));
        (int code, string message) = await call.StatusAsync();
        Assert.Equal(8, code);
        Assert.StartsWith("Received message larger than max (", message, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData(TestNode.Invoke)]
    [InlineData(Health)]
    public async Task GarbageProtobuf_IsStatus13(string path)
    {
        await using TestNode node = await TestNode.StartAsync();
        using RpcTestCall call = node.Data.Send(path, RpcClient.Frame([0xff, 0xff, 0xff]));
        Assert.Equal(13, (await call.StatusAsync()).Code);
    }

    [SkippableTheory]
    [InlineData(TestNode.Invoke)]
    [InlineData(Health)]
    public async Task EndWithoutAMessage_LeavesTheCallHanging_UntilTheClientResets(string path)
    {
        await using TestNode node = await TestNode.StartAsync();
        using RpcTestCall call = node.Data.Send(path, []);
        await node.Node.WaitForAsync(it => it.OpenDataPlaneCalls == 1);

        // Another call on the same connection is answered meanwhile.
        await node.Data.UnaryAsync<PlaneHealthyResponse>(Health, new Empty());
        Assert.False(call.Response.IsCompleted);
        call.Cancel();
        await node.Node.WaitForAsync(it => it.OpenDataPlaneCalls == 0);
    }

    [SkippableFact]
    public async Task RequestAboveTheLimit_IsStatus8()
    {
        await using TestNode node = await TestNode.StartAsync();
        using RpcTestCall call = node.Data.Send(TestNode.Invoke, RpcClient.Frame(new byte[10485760]));
        Assert.Equal((8, "Received message larger than max (10485765 vs. 10485760)"), await call.StatusAsync());
    }

    [SkippableFact]
    public async Task RequestAtTheLimit_Passes()
    {
        await using TestNode node = await TestNode.StartAsync();
        InvokeRequest request = node.Request("nobody");
        int envelope = request.CalculateSize() + 5 + 5;
        request.Body = ByteString.CopyFrom(new byte[10485760 - envelope]);
        Assert.Equal(10485760 - 5, request.CalculateSize());
        Assert.Equal(5, (await node.CallAsync(request)).Error?.Code);
    }

    [SkippableFact]
    public async Task GrpcTimeout_EndsTheCallWithStatus4()
    {
        var clock = new ManualTimeProvider();
        await using TestNode node = await TestNode.StartAsync(clock);
        await node.SetAsync(TestNode.Function("never"), TestNode.Function("headOnly"));
        byte[] request = RpcClient.Frame(node.Request("never").ToByteArray());
        using RpcTestCall before = node.Data.Send(TestNode.Invoke, request, it => it.Headers.Add("grpc-timeout", "700m"));
        await clock.WhenArmedAsync(TimeSpan.FromMilliseconds(700));
        clock.Advance(TimeSpan.FromMilliseconds(700));
        Assert.Equal((4, "Deadline exceeded"), await before.StatusAsync());
        using (RpcTestCall warm = await node.OpenAsync(node.Request("headOnly")))
            await warm.ReadAsync();
        using RpcTestCall after = node.Data.Send(
            TestNode.Invoke, RpcClient.Frame(node.Request("headOnly").ToByteArray()), it => it.Headers.Add("grpc-timeout", "1S"));
        Assert.Equal(200, (await after.ReadAsync())!.Result.Status);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(await after.ReadMessageAsync());
        Assert.Equal((4, "Deadline exceeded"), await after.StatusAsync());
    }

    [SkippableFact]
    public async Task BadGrpcTimeout_IsStatus11()
    {
        await using TestNode node = await TestNode.StartAsync();
        using RpcTestCall call = node.Data.Send(Health, RpcClient.Frame([]), it => it.Headers.Add("grpc-timeout", "soon"));
        Assert.Equal(11, (await call.StatusAsync()).Code);
    }

    [SkippableFact]
    public async Task Settings_AnnounceTheSmallWindow_AndNoLimitOfStreams()
    {
        await using TestNode node = await TestNode.StartAsync();
        await using NetworkStream stream = await ConnectAsync(node);
        (byte type, _, _, byte[] payload) = await RawPlane.ReadFrameAsync(stream);
        Assert.Equal(RawPlane.Settings, type);
        Dictionary<int, uint> settings = payload.Chunk(6).ToDictionary(
            it => (int)BinaryPrimitives.ReadUInt16BigEndian(it), it => BinaryPrimitives.ReadUInt32BigEndian(it.AsSpan(2)));
        Assert.Equal(65535u, settings.GetValueOrDefault(4, 65535u));
        Assert.Equal(16384u, settings.GetValueOrDefault(5, 16384u));
        Assert.True(settings.GetValueOrDefault(3, uint.MaxValue) >= int.MaxValue);
    }

    [SkippableFact]
    public async Task IdleConnection_IsNotClosed()
    {
        await using TestNode node = await TestNode.StartAsync();
        await using NetworkStream stream = await ConnectAsync(node);

        // The server looks for overdue connections once a second; a closed one would end the reading.
        using var looks = new CancellationTokenSource(TimeSpan.FromSeconds(2.5));
        byte[] buffer = new byte[4096];
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            while (await stream.ReadAsync(buffer, looks.Token) > 0)
            {
            }
        });
    }

    [SkippableFact]
    public async Task AThousandCallsAtOnce_ShareOneConnection()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("hello"));
        Outcome[] all = await Task.WhenAll(Enumerable.Range(0, 1000).Select(_ => node.CallAsync("hello")));
        Assert.All(all, it => Assert.Equal("hello", it.Text));
        Assert.Equal(1, node.Node.GetStats().DataPlaneConnections);
    }

    /// <summary>A connection on which the client has said what HTTP/2 wants at first, and nothing else.</summary>
    private static async Task<NetworkStream> ConnectAsync(TestNode node)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(node.Node.DataPlaneSocket()));
        var stream = new NetworkStream(socket, ownsSocket: true);
        await stream.WriteAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray());
        await stream.WriteAsync(RawPlane.Frame(RawPlane.Settings, 0, 0, []));
        return stream;
    }

    private sealed record SetServices(string Name)
    {
        public byte[] ToBytes() => new ServiceProfilesAccessor { Profiles = { new FunctionService { Name = Name, Type = "default" } } }.ToByteArray();
    }
}
