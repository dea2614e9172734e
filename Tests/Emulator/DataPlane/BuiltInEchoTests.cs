using Google.Protobuf;
using NoslateFleet.Emulator.Node;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Tests.Emulator.Harness;

namespace NoslateFleet.Tests.Emulator.DataPlane;

public sealed class BuiltInEchoTests
{
    [Fact]
    public async Task WithoutNode_EchoAnswers_AndOtherFunctionsTellWhyNot()
    {
        await using TestNode node = await StartAsync();
        Assert.Equal("", node.Node.NodeVersion);
        InvokeRequest request = node.Request("echo");
        request.Body = ByteString.CopyFromUtf8("body");
        Outcome outcome = await node.CallAsync(request);
        Assert.Equal((200, "body"), (outcome.Status, outcome.Text));
        await node.SetAsync(TestNode.Function("hello"));
        Outcome hello = await node.CallAsync("hello");
        Assert.Contains("there is no node program", hello.Error?.Message, StringComparison.Ordinal);
        Assert.Equal(1, node.Node.GetStats()["echo"].Dispatched);
    }

    [Fact]
    public async Task EmptyRequest_IsAnsweredEmpty()
    {
        await using TestNode node = await StartAsync();
        Outcome outcome = await node.CallAsync("echo");
        Assert.Equal((200, "", null), (outcome.Status, outcome.Text, outcome.Error));
    }

    [Fact]
    public async Task Body_ComesBackPieceByPiece_WhileTheRequestIsOpen()
    {
        await using TestNode node = await StartAsync();
        using RpcTestCall call = await node.OpenAsync(node.Request("echo"));
        Assert.Equal(200, (await call.ReadAsync())!.Result.Status);
        foreach (int size in new[] { 1, 300, 70_000, 2_000_000 })
        {
            byte[] body = new byte[size];
            new Random(size).NextBytes(body);
            await call.SendAsync(new InvokeRequest { Body = ByteString.CopyFrom(body) });
            Assert.Equal(body, (await call.ReadAsync())!.Result.Body.ToByteArray());
        }

        call.Complete();
        Assert.Null(await call.ReadAsync());
        Assert.Equal((0, "OK"), await call.StatusAsync());
        await node.Node.WaitForAsync(it => it.OpenDataPlaneCalls == 0);
    }

    [Fact]
    public async Task OpenBreaker_RefusesEchoToo()
    {
        await using TestNode node = await StartAsync();
        node.Node.ForceCircuitBreaker(true);
        Assert.Equal(9, (await node.CallAsync("echo")).Error?.Code);
    }

    [Fact]
    public async Task Garbage_IsStatus13()
    {
        await using TestNode node = await StartAsync();
        using RpcTestCall call = node.Data.Send(TestNode.Invoke, RpcClient.Frame([0xff, 0xff, 0xff]));
        Assert.Null(await call.ReadMessageAsync());
        Assert.Equal(13, (await call.StatusAsync()).Code);
    }

    private static Task<TestNode> StartAsync() => TestNode.StartAsync(
        options: directory => new EmulatorOptions { Workdir = directory, BuiltInEcho = true, NodePath = "/no/such/node" }, needsNode: false);
}
