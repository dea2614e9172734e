using System.Text.Json;
using Google.Protobuf;
using NoslateFleet.Emulator.Node;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Emulator.Harness;
using Pair = NoslateFleet.Noslate.Protocol.Common.KeyValuePair;

namespace NoslateFleet.Tests.Emulator.DataPlane;

public sealed class InvocationTests
{
    private const int Megabyte = 1024 * 1024;

    [SkippableFact]
    public async Task Request_ReachesTheFunctionAsSent()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("describe", change: it => it.Initializer = "index.initializer"));
        InvokeRequest request = node.Request("describe", "/a?b=c");
        request.Headers.Add(new Pair { Key = "x-a", Value = "1" });
        request.Headers.Add(new Pair { Key = "X-Case", Value = "grüße" });
        request.Headers.Add(new Pair { Key = "x-a", Value = "2" });
        request.Baggage.Add(new Pair { Key = "trace", Value = "t" });
        request.Body = ByteString.CopyFromUtf8("first ");
        using RpcTestCall call = await node.OpenAsync(request);
        await call.SendAsync(new InvokeRequest { Body = ByteString.CopyFromUtf8("second") });
        call.Complete();
        JsonElement seen = JsonDocument.Parse((await TestNode.ReadOutcomeAsync(call)).Text).RootElement;
        Assert.Equal("POST", seen.GetProperty("method").GetString());
        Assert.Equal("/a?b=c", seen.GetProperty("url").GetString());
        Assert.Equal("2", seen.GetProperty("headers").GetProperty("x-a").GetString());
        Assert.Equal("grüße", seen.GetProperty("headers").GetProperty("X-Case").GetString());
        Assert.Equal(["x-a", "1", "X-Case", "grüße", "x-a", "2"], seen.GetProperty("rawHeaders").EnumerateArray().Select(it => it.GetString()));
        Assert.Equal("t", seen.GetProperty("baggage").GetProperty("trace").GetString());
        Assert.Equal("first second", seen.GetProperty("body").GetString());
        Assert.Equal(1, seen.GetProperty("initialized").GetInt32());
        Assert.Equal(["Dapr", "sendBeacon"], seen.GetProperty("ctx").EnumerateArray().Select(it => it.GetString()));
    }

    [SkippableFact]
    public async Task AbsentFields_GetTheirDefaults()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("describe"));
        Outcome outcome = await node.CallAsync(new InvokeRequest { Name = "describe" });
        JsonElement seen = JsonDocument.Parse(outcome.Text).RootElement;
        Assert.Equal("GET", seen.GetProperty("method").GetString());
        Assert.Equal("", seen.GetProperty("url").GetString());
    }

    [SkippableFact]
    public async Task Head_KeepsStatusOrderCaseRepeatsUtf8AndEmptyValues()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("head"));
        Outcome outcome = await node.CallAsync("head");
        Assert.Equal(201, outcome.Status);
        Assert.Equal(
            [("X-Case-Kept", "Yes"), ("multi", "one"), ("multi", "two"), ("multi", "three"), ("utf8", "grüße 你好"), ("empty", "")],
            outcome.Headers.Select(it => (it.Key, it.Value)));
    }

    [SkippableFact]
    public async Task BodyBytes_ComeEvenWith304()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("notModified"));
        Outcome outcome = await node.CallAsync("notModified");
        Assert.Equal(304, outcome.Status);
        Assert.Equal("bytes all the same", outcome.Text);
    }

    [SkippableFact]
    public async Task Head_IsAMessageOfItsOwn_AndOneWriteIsOneMessage()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("writes"));
        using RpcTestCall call = await node.OpenAsync(node.Request("writes", $"/{9 * Megabyte}/2"));
        call.Complete();
        InvokeResponse head = (await call.ReadAsync())!;
        Assert.Equal(200, head.Result.Status);
        Assert.Empty(head.Result.Body);
        Assert.Equal(9 * Megabyte, (await call.ReadAsync())!.Result.Body.Length);
        Assert.Equal(9 * Megabyte, (await call.ReadAsync())!.Result.Body.Length);
        Assert.Null(await call.ReadMessageAsync());
        Assert.Equal((0, "OK"), await call.StatusAsync());
    }

    [SkippableFact]
    public async Task WriteAboveTheLimit_BringsTheHead_ThenStatus8()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("writes"));
        using RpcTestCall call = await node.OpenAsync(node.Request("writes", $"/{10 * Megabyte}/1"));
        call.Complete();
        Assert.Equal(200, (await call.ReadAsync())!.Result.Status);
        Assert.Null(await call.ReadMessageAsync());
        (int code, string message) = await call.StatusAsync();
        Assert.Equal(8, code);

        // 10 MiB of body in two length-delimited fields (5 bytes each) behind a prefix of 5.
        Assert.Equal("Sent message larger than max (10485775 vs. 10485760)", message);
        await node.Node.WaitForAsync(it => it["writes"].Active == 0);
    }

    [SkippableFact]
    public async Task SixtyFourMebibytes_PassBothWays()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("echo"));
        using RpcTestCall call = await node.OpenAsync(node.Request("echo"));
        byte[] chunk = new byte[Megabyte];
        for (int i = 0; i < chunk.Length; i++)
            chunk[i] = (byte)(i * 31);
        Task sending = Task.Run(async () =>
        {
            for (int i = 0; i < 64; i++)
                await call.SendAsync(new InvokeRequest { Body = ByteString.CopyFrom(chunk) });
            call.Complete();
        });
        long size = 0;
        await call.ReadAsync();
        while (await call.ReadAsync() is { } part)
        {
            ReadOnlySpan<byte> body = part.Result.Body.Span;
            foreach (byte value in body)
            {
                if (value != (byte)(size++ % Megabyte * 31))
                    Assert.Fail($"Byte {size - 1} is wrong.");
            }
        }

        await sending;
        Assert.Equal(64L * Megabyte, size);
        Assert.Equal((0, "OK"), await call.StatusAsync());
    }

    [SkippableFact]
    public async Task Response_MayEndBeforeTheRequestDoes()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("early"));
        using RpcTestCall call = await node.OpenAsync(node.Request("early"));
        Outcome outcome = await TestNode.ReadOutcomeAsync(call);
        Assert.Equal("done", outcome.Text);
        await node.Node.WaitForAsync(it => it["early"].Active == 0);

        // The rest of the request still has somewhere to go, well above every window.
        for (int i = 0; i < 4; i++)
            await call.SendAsync(new InvokeRequest { Body = ByteString.CopyFrom(new byte[Megabyte]) });
        call.Complete();
        await node.Node.WaitForAsync(it => it.OpenDataPlaneCalls == 0);
    }

    [SkippableFact]
    public async Task FunctionThatIgnoresItsBody_StillAnswers()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("ignores"));
        using RpcTestCall call = await node.OpenAsync(node.Request("ignores"));
        Task sending = Task.Run(async () =>
        {
            for (int i = 0; i < 8; i++)
                await call.SendAsync(new InvokeRequest { Body = ByteString.CopyFrom(new byte[Megabyte]) });
            call.Complete();
        });
        Assert.Equal("never read it", (await TestNode.ReadOutcomeAsync(call)).Text);
        await sending;
    }

    [SkippableFact]
    public async Task WriteWithoutWriteHead_SendsTheHead_AndSaysThatARealNodeWouldWait()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("writesOnly"));
        using RpcTestCall call = await node.OpenAsync(node.Request("writesOnly"));
        Assert.Equal(200, (await call.ReadAsync())!.Result.Status);
        Assert.Equal("early", (await call.ReadAsync())!.Result.Body.ToStringUtf8());
        call.Complete();
        Assert.Null(await call.ReadAsync());
        Assert.Contains("Call writeHead() first", Log(node, "writesOnly", "stderr.log"), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task HeadAlone_IsSentAtOnce()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("headOnly"), TestNode.Function("never"));
        using RpcTestCall call = await node.OpenAsync(node.Request("headOnly"));
        Assert.Equal(200, (await call.ReadAsync())!.Result.Status);
        EmulatorStats stats = node.Node.GetStats();
        Assert.Equal(1, stats["headOnly"].Active);
    }

    [SkippableFact]
    public async Task WithoutBackPressure_TheFunctionEndsBeforeAnybodyReads()
    {
        await using TestNode node = await TestNode.StartAsync(options: it => new() { Workdir = it, BackPressure = false });
        await node.SetAsync(TestNode.Function("writes"), TestNode.Function("hello"));
        using RpcTestCall call = await node.OpenAsync(node.Request("writes", $"/{Megabyte}/16"));
        call.Complete();
        await call.ReadAsync();
        await Until.TrueAsync(() => Log(node, "writes") == "all written\n", "the function waits for its reader");
        int messages = 0;
        while (await call.ReadAsync() is { } part)
            messages += part.Result.Body.Length / Megabyte;
        Assert.Equal(16, messages);
    }

    [SkippableFact]
    public async Task DeadlineInThePast_IsAnImmediateTimeout()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("never"));
        await WarmAsync(node, "never");
        Outcome outcome = await node.CallAsync(node.Request("never", deadline: 1));
        Assert.Equal(("NoslatedError", 2), (outcome.Error?.Name, outcome.Error?.Code));
    }

    [SkippableFact]
    public async Task DeadlineBeyondATimersReach_IsAnImmediateTimeout()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("never"));
        await WarmAsync(node, "never");
        Outcome outcome = await node.CallAsync(node.Request("never", deadline: node.NowMs + TimeSpan.FromDays(30).TotalMilliseconds));
        Assert.Equal(("NoslatedError", 2), (outcome.Error?.Name, outcome.Error?.Code));
    }

    [SkippableFact]
    public async Task DeadlineTwentyFourDaysAhead_Works()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("hello"));
        Outcome outcome = await node.CallAsync(node.Request("hello", deadline: node.NowMs + TimeSpan.FromDays(24).TotalMilliseconds));
        Assert.Equal("hello", outcome.Text);
    }

    [SkippableFact]
    public async Task Deadline_CoversTheTimeToTheHeadOnly()
    {
        var clock = new ManualTimeProvider();
        await using TestNode node = await TestNode.StartAsync(clock);
        await node.SetAsync(TestNode.Function("gate"));
        using RpcTestCall call = await node.OpenAsync(node.Request("gate", "/head/a", node.NowMs + 1000));
        await call.ReadAsync();
        clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("opened", (await node.CallAsync("gate", "/open/a")).Text);
        string text = "";
        while (await call.ReadAsync() is { } part)
        {
            Assert.Null(part.Error);
            text += part.Result.Body.ToStringUtf8();
        }

        Assert.Equal(".passed", text);
    }

    [SkippableFact]
    public async Task CancelBeforeTheHead_LetsTheFunctionRun_AndItsCountFallsAtItsEnd()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("gate"));
        RpcTestCall call = await node.OpenAsync(node.Request("gate", "/wait/a"));
        await node.Node.WaitForAsync(it => it["gate"].Active == 1);
        call.Cancel();
        EmulatorStats after = await node.Node.WaitForAsync(it => it.OpenDataPlaneCalls == 0);
        Assert.Equal(1, after["gate"].Active);
        Assert.Equal(1, Assert.Single((await node.TrafficAsync()).Brokers.Single().Workers).ActiveRequestCount);
        Assert.Equal("opened", (await node.CallAsync("gate", "/open/a")).Text);
        await node.Node.WaitForAsync(it => it["gate"].Active == 0);
        call.Dispose();
    }

    [SkippableFact]
    public async Task CancelWhileQueued_KeepsTheRequestInTheQueue_AndRunsItInItsTurn()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("gate", change: it =>
        {
            it.Worker.MaxActivateRequests = 1;
            it.Worker.ReplicaCountLimit = 1;
        }));
        using RpcTestCall first = await node.OpenAsync(node.Request("gate", "/head/a"));
        await first.ReadAsync();
        using RpcTestCall second = await node.OpenAsync(node.Request("gate", "/open/a"));
        await node.Node.WaitForAsync(it => it["gate"].Queued == 1);
        second.Cancel();
        Assert.Equal(1, (await node.Node.WaitForAsync(it => it.OpenDataPlaneCalls == 1))["gate"].Queued);
        first.Cancel();
        await node.Node.WaitForAsync(it => it["gate"] is { Queued: 0, Active: 0, Dispatched: 2 });
    }

    [SkippableFact]
    public async Task CancelInMidStream_FreesThePlaceAtOnce()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("gate"));
        using RpcTestCall call = await node.OpenAsync(node.Request("gate", "/head/a"));
        await call.ReadAsync();
        Assert.Equal(1, node.Node.GetStats()["gate"].Active);
        call.Cancel();
        await node.Node.WaitForAsync(it => it["gate"].Active == 0);

        // The worker is as good as before.
        Assert.Equal("opened", (await node.CallAsync("gate", "/open/a")).Text);
    }

    [SkippableFact]
    public async Task Service_CallsItsFunction_ByItsSelector()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("hello"), TestNode.Function("head"));
        await node.SetServicesAsync(
            new FunctionService { Name = "plain", Type = "default", Selector = { new Pair { Key = "functionName", Value = "hello" } } },
            new FunctionService
            {
                Name = "split",
                Type = "proportional-load-balance",
                Selectors =
                {
                    new Selector { Selector_ = { new Pair { Key = "functionName", Value = "head" } }, Proportion = 1 },
                    new Selector { Selector_ = { new Pair { Key = "functionName", Value = "hello" } }, Proportion = 0 },
                },
            });
        Assert.Equal("hello", (await node.CallAsync(node.Request("plain"), TestNode.InvokeService)).Text);
        Assert.Equal(201, (await node.CallAsync(node.Request("split"), TestNode.InvokeService)).Status);
        ServiceProfilesAccessor got = await node.Data.UnaryAsync<ServiceProfilesAccessor>(
            "/noslated.data.DataPlane/getServiceProfiles", new Noslate.Protocol.Common.Empty());
        Assert.Equal(["plain", "split"], got.Profiles.Select(it => it.Name));
    }

    private static string Log(TestNode node, string function, string file = "stdout.log") =>
        File.ReadAllText(Path.Combine(node.Node.GetStats()[function].Workers[0].LogDirectory, file));

    private static async Task WarmAsync(TestNode node, string function)
    {
        using RpcTestCall call = await node.OpenAsync(node.Request(function));
        await node.Node.WaitForAsync(it => it[function].Ready == 1);
    }
}
