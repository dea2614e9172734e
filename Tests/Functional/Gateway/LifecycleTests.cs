using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Functional.House;

namespace NoslateFleet.Tests.Functional.Gateway;

/// <summary>Signals, freezes and crashes of the real process.</summary>
public sealed class LifecycleTests
{
    private const string Token = "token-of-this-test";

    /// <summary>In FunctionCompute mode /initialize is not called here: the first invocation does it.</summary>
    private static readonly string[] _functionCompute =
    [
        "--Platform:Mode=FunctionCompute", "--FC_INSTANCE_ID=c-1", "--Admin:Token=" + Token, "--Platform:HookPeers=127.0.0.9", "--Routing:ByPath=true",
    ];

    [SkippableFact]
    public async Task SigTerm_TheListenersStayOpenUntilDrained_AndTheProcessEndsCleanly()
    {
        await using var product = await RunningProduct.StartAsync();
        var (begun, go) = (product.PathOf("begun"), product.PathOf("go"));
        var running = product.Http.GetAsync($"/invoke/large/wait?touch={begun}&until={go}");
        await Until.TrueAsync(() => File.Exists(begun), "the function does not run");
        product.Gateway.Terminate();
        await RefusesAsync(product);
        using (var ready = await product.Admin.GetAsync("/readyz"))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        }

        await File.WriteAllTextAsync(go, "");
        using var response = await running;
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(0, await product.Gateway.ExitAsync());
        Assert.Contains("Stopped, Clean, after", product.Gateway.Output, StringComparison.Ordinal);
        Assert.Contains(" accepted in all, 0 abandoned", product.Gateway.Output, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task SigIntOrSigTerm_Again_ForcesTheStop(bool interrupt)
    {
        var signal = interrupt ? ProcessSignal.Interrupt : ProcessSignal.Term;
        await using var product = await RunningProduct.StartBehindAsync(await Scripts.HeedingInterruptAsync());
        Skip.If(product.Gateway.Ignores(signal), $"{signal} is ignored: a shell sees to that in what it starts in the background, and the runtime heeds it");
        var begun = product.PathOf("begun");
        var running = product.Http.GetAsync($"/invoke/large/wait?touch={begun}&until={product.PathOf("never")}");
        await Until.TrueAsync(() => File.Exists(begun), "the function does not run");
        product.Gateway.Send(signal);
        await RefusesAsync(product);
        product.Gateway.Send(signal);
        Assert.Equal(0, await product.Gateway.ExitAsync());
        await Assert.ThrowsAsync<HttpRequestException>(() => running);
        Assert.Contains("Stopped, Forced, after", product.Gateway.Output, StringComparison.Ordinal);
        Assert.Contains("1 abandoned", product.Gateway.Output, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task SigTerm_OverItsBudget_EndsAllTheSame()
    {
        await using var product = await RunningProduct.StartAsync(
            "--Lifecycle:StopBudget=1s", "--Lifecycle:FlushBudget=100ms", "--Lifecycle:AnswerMargin=100ms");
        var begun = product.PathOf("begun");
        var running = product.Http.GetAsync($"/invoke/large/wait?touch={begun}&until={product.PathOf("never")}");
        await Until.TrueAsync(() => File.Exists(begun), "the function does not run");
        product.Gateway.Terminate();
        Assert.Equal(0, await product.Gateway.ExitAsync());
        await Assert.ThrowsAsync<HttpRequestException>(() => running);
        Assert.Contains("Stopped, Forced, after", product.Gateway.Output, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task HookAndSignal_JoinOneStop(bool hookFirst)
    {
        await using var product = await RunningProduct.StartAsync();
        var (begun, go) = (product.PathOf("begun"), product.PathOf("go"));
        var running = product.Http.GetAsync($"/invoke/large/wait?touch={begun}&until={go}");
        await Until.TrueAsync(() => File.Exists(begun), "the function does not run");
        Task<string> hook;
        if (hookFirst)
        {
            hook = product.Admin.GetStringAsync("/pre-stop");
            await RefusesAsync(product);
            product.Gateway.Terminate();
        }
        else
        {
            product.Gateway.Terminate();
            await RefusesAsync(product);
            hook = product.Admin.GetStringAsync("/pre-stop");
        }

        await File.WriteAllTextAsync(go, "");
        using var response = await running;
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var receipt = JsonDocument.Parse(await hook).RootElement;
        Assert.Equal(
            (hookFirst ? "hook" : "signal", "Clean", 0),
            (receipt.GetProperty("cause").GetString(), receipt.GetProperty("verdict").GetString(), receipt.GetProperty("abandoned").GetInt32()));
        Assert.Equal(0, await product.Gateway.ExitAsync());
    }

    [SkippableFact]
    public async Task TheHookCommand_StopsAndUndrains_OverLoopbackWithTheToken()
    {
        await using var product = await RunningProduct.StartAsync("--Platform:Mode=Kubernetes", "--Admin:Token=" + Token, "--Drain:LameDuck=0s");
        Assert.Equal(1, (await product.HookAsync("pre-stop")).Code);
        Assert.Equal(1, (await product.HookAsync("pre-stop", "--Admin:Token=wrong")).Code);
        Assert.Equal("ok", await product.Http.GetStringAsync("/invoke/large"));
        var (code, said) = await product.HookAsync("pre-stop", "--Admin:Token=" + Token);
        Assert.Equal((0, "Stopped"), (code, JsonDocument.Parse(said).RootElement.GetProperty("phase").GetString()));
        await RefusesAsync(product);
        Assert.Equal(0, (await product.HookAsync("undrain", "--Admin:Token=" + Token)).Code);
        Assert.Equal("ok", await product.Http.GetStringAsync("/invoke/large"));
        Assert.Equal(0, (await product.HookAsync("pre-freeze", "--Admin:Token=" + Token)).Code);
        Assert.Equal(2, (await product.HookAsync("pre-flight")).Code);
        product.Gateway.KillHard();
        await product.Gateway.ExitAsync();
        var (unreached, why) = await product.HookAsync("pre-stop", "--Admin:Token=" + Token);
        Assert.Equal(1, unreached);
        Assert.Contains("can't be reached", why, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task KilledWhileItDrains_ItComesUpDraining_UntilUndone()
    {
        await using var product = new RunningProduct { Settings = _functionCompute };
        await KillWhileDrainingAsync(product);
        await product.StartGatewayAsync();
        await RefusesAsync(product);
        Assert.Contains("was draining", product.Gateway.Output, StringComparison.Ordinal);
        Assert.Equal(0, (await product.HookAsync("undrain", "--Admin:Token=" + Token)).Code);
        Assert.Equal("ok", await product.Http.GetStringAsync("/invoke/large"));
        product.Gateway.KillHard();
        await product.StartGatewayAsync();
        Assert.Equal("ok", await product.Http.GetStringAsync("/invoke/large"));
    }

    [SkippableFact]
    public async Task KilledWhileItDrains_AnotherContainersLife_ServesAtOnce()
    {
        await using var product = new RunningProduct { Settings = _functionCompute };
        await KillWhileDrainingAsync(product);
        await product.StartGatewayAsync("--FC_INSTANCE_ID=c-2");
        Assert.Equal("ok", await product.Http.GetStringAsync("/invoke/large"));
        Assert.False(File.Exists(product.PathOf("noslatefleet-drain.json")));
    }

    [SkippableFact]
    public async Task KilledWhileItDrains_AfterTheBudget_ItServesAgainByItself()
    {
        await using var product = new RunningProduct { Settings = [.. _functionCompute, "--Lifecycle:StopBudget=3s"] };
        await KillWhileDrainingAsync(product);
        await product.StartGatewayAsync();
        await Until.TrueAsync(
            async () =>
            {
                using var response = await product.Http.GetAsync("/invoke/large");
                return response.StatusCode == HttpStatusCode.OK;
            },
            "it drains for ever");
    }

    [SkippableFact]
    public async Task InOpen_ADrainDoesNotSurvive()
    {
        await using var product = new RunningProduct();
        await KillWhileDrainingAsync(product);
        Assert.False(File.Exists(product.PathOf("noslatefleet-drain.json")));
        await product.StartGatewayAsync();
        await product.ReadyAsync();
        Assert.Equal("ok", await product.Http.GetStringAsync("/invoke/large"));
    }

    [SkippableTheory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"schema\":2,\"containerLife\":\"c-1\",\"cause\":\"hook\",\"writtenAt\":\"2026-01-01T00:00:00Z\",\"expiresAt\":\"2126-01-01T00:00:00Z\"}")]
    [InlineData("{\"schema\":1,\"containerLife\":\"c-1\"}")]
    [InlineData("a directory")]
    public async Task ADamagedDrainIntent_IsReportedAndSetAside_AndTheStartGoesOn(string content)
    {
        await using var product = new RunningProduct { Settings = _functionCompute };
        var path = product.PathOf("noslatefleet-drain.json");
        if (content == "a directory")
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            await File.WriteAllTextAsync(path, content);
        }

        await product.StartEmulatorAsync();
        await product.StartGatewayAsync();
        Assert.Equal("ok", await product.Http.GetStringAsync("/invoke/large"));
        if (content != "a directory")
        {
            Assert.Contains("It is set aside", product.Gateway.Output, StringComparison.Ordinal);
            Assert.True(File.Exists(path + ".damaged"));
        }
    }

    /// <summary>The next request is in the socket already when the instance thaws; the data plane may have been replaced meanwhile.</summary>
    [SkippableTheory]
    [InlineData(200, false)]
    [InlineData(1100, false)]
    [InlineData(2500, false)]
    [InlineData(2500, true)]
    public async Task Frozen_TheNextRequest_IsServedAtItsFirstTry(int milliseconds, bool nodeRestarted)
    {
        await using var product = new RunningProduct { Settings = _functionCompute };
        await product.StartEmulatorAsync();
        await product.StartGatewayAsync();
        Assert.Equal("ok", await product.Http.GetStringAsync("/invoke/large"));
        using var idle = new TcpClient();
        await idle.ConnectAsync(IPAddress.Loopback, product.Port);
        for (var freeze = 1; freeze <= 2; freeze++)
        {
            product.Gateway.Send(ProcessSignal.Stop);
            if (nodeRestarted)
            {
                product.Emulator.KillHard();
                await product.StartEmulatorAsync();
            }

            await idle.GetStream().WriteAsync("GET /invoke/large HTTP/1.1\r\nHost: h\r\n\r\n"u8.ToArray());

            // How long the instance is frozen is what this test is about.
            await Task.Delay(milliseconds);
            product.Gateway.Send(ProcessSignal.Continue);
            var answer = await WholeAnswerAsync(idle.GetStream());
            Assert.True(answer.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal), answer + product.Gateway.Output + product.Emulator.Output);
        }

        if (milliseconds > 1000)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/api/instance") { Headers = { { "Authorization", "Bearer " + Token } } };
            using var response = await product.Admin.SendAsync(request);
            var instance = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;

            // More of them where the machine is so busy that the process stands still by itself.
            Assert.InRange(instance.GetProperty("epoch").GetInt64(), 3, long.MaxValue);
            Assert.InRange(instance.GetProperty("time").GetProperty("frozenSeconds").GetDouble(), milliseconds * 2 / 1000.0, double.MaxValue);
        }
    }

    [SkippableFact]
    public async Task TheConsolesLogLines_AreWritten_InFunctionCompute()
    {
        await using var product = new RunningProduct { Settings = _functionCompute };
        await product.StartEmulatorAsync();
        await product.StartGatewayAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/invoke/large") { Headers = { { "x-fc-request-id", "1-marked" } } };
        using var response = await product.Http.SendAsync(request);
        await product.Gateway.SaysAsync("FC Invoke Start RequestId: 1-marked\n");
        await product.Gateway.SaysAsync("FC Invoke End RequestId: 1-marked\n");
    }

    /// <summary>Target: below 0.1 % of a core over a minute. A kernel tick is 10 ms, so a short look allows for one more.</summary>
    /// <remarks>
    /// Methods are compiled once here. Else the runtime compiles what ticks a second and a third time, whenever it has been called often enough: within the
    /// first minute, 30 to 80 ms at a time, and more on a slow machine. That ends, and is not what an idle instance costs.
    /// </remarks>
    [SkippableFact]
    public async Task ConnectedAndIdle_ItCostsNextToNoProcessorTime()
    {
        await using var product = await RunningProduct.StartBehindAsync(["env", "DOTNET_TieredCompilation=0"]);
        Assert.Equal("ok", await product.Http.GetStringAsync("/invoke/large"));

        // What the start left in the background comes to its end.
        await Task.Delay(TimeSpan.FromSeconds(5));
        var spent = TimeSpan.MaxValue;
        for (var look = 0; look < 3 && spent > TimeSpan.FromMilliseconds(30); look++)
        {
            var before = product.Gateway.ProcessorTime();
            await Task.Delay(TimeSpan.FromSeconds(10));
            spent = product.Gateway.ProcessorTime() - before;
        }

        Assert.True(spent <= TimeSpan.FromMilliseconds(30), string.Create(CultureInfo.InvariantCulture, $"{spent.TotalMilliseconds} ms in 10 s"));
    }

    private static async Task KillWhileDrainingAsync(RunningProduct product)
    {
        await product.StartEmulatorAsync();
        await product.StartGatewayAsync();
        if (product.Settings.Length == 0)
        {
            // Elsewhere the request itself waits for that.
            await product.ReadyAsync();
        }

        var begun = product.PathOf("begun");
        var running = product.Http.GetAsync($"/invoke/large/wait?touch={begun}&until={product.PathOf("never")}");
        await Until.TrueAsync(() => File.Exists(begun), "the function does not run");
        product.Gateway.Terminate();
        await RefusesAsync(product);
        product.Gateway.KillHard();
        await product.Gateway.ExitAsync();
        await Assert.ThrowsAsync<HttpRequestException>(() => running);
    }

    private static async Task<string> WholeAnswerAsync(NetworkStream stream)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var text = new StringBuilder();
        var buffer = new byte[4096];
        while (!IsWhole(text.ToString()))
        {
            var read = await stream.ReadAsync(buffer, limit.Token);
            Assert.True(read > 0, "the connection was closed after: " + text);
            text.Append(Encoding.ASCII.GetString(buffer, 0, read));
        }

        return text.ToString();
    }

    // A function's answer comes in chunks, a problem of the gateway's own with its length.
    private static bool IsWhole(string text)
    {
        const string Length = "\r\nContent-Length: ";
        var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        if (end < 0 || text.IndexOf(Length, StringComparison.OrdinalIgnoreCase) is not (> 0 and var at) || at > end)
        {
            return text.EndsWith("\r\n0\r\n\r\n", StringComparison.Ordinal);
        }

        at += Length.Length;
        var length = int.Parse(text.AsSpan(at, text.IndexOf("\r\n", at, StringComparison.Ordinal) - at), CultureInfo.InvariantCulture);
        return text.Length - end - 4 >= length;
    }

    private static Task RefusesAsync(RunningProduct product) => Until.TrueAsync(
        async () =>
        {
            using var response = await product.Http.GetAsync("/invoke/large");
            if (response.StatusCode == HttpStatusCode.OK)
            {
                return false;
            }

            Assert.Equal((HttpStatusCode.ServiceUnavailable, "draining"), (response.StatusCode, response.Headers.GetValues("x-noslate-reason").Single()));
            Assert.Equal("never", response.Headers.GetValues("x-noslate-executed").Single());
            Assert.True(response.Headers.ConnectionClose);
            return true;
        },
        "new requests are not refused");
}
