using System.Diagnostics;
using System.Text.Json;
using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Control;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Emulator.Harness;

namespace NoslateFleet.Tests.Emulator.Node;

/// <summary>The emulator as users start it: a process of its own.</summary>
public sealed class ExecutableTests
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "NoslateFleet.Emulator.dll");

    [SkippableTheory]
    [InlineData("hello")]
    [InlineData("busy")]
    public async Task Killed_LeavesNoWorkerBehind(string function)
    {
        Requires.Node();
        string directory = TestNode.NewDirectory();
        using Process emulator = Start("--workdir", directory);
        Assert.StartsWith($"emulator: ready, workdir {directory}, node v", await emulator.StandardOutput.ReadLineAsync(), StringComparison.Ordinal);
        using var control = new RpcClient(Path.Combine(directory, "socks", "cp-0.sock"));
        using var data = new RpcClient(Path.Combine(directory, "socks", "dp-0.sock"));
        await PushAsync(control, TestNode.Function(function, change: it => it.Worker.ReservationCount = 1));
        int pid = 0;
        await Until.TrueAsync(
            async () =>
            {
                pid = (await SnapshotAsync(control)).Brokers.SelectMany(it => it.Workers).Select(it => it.Pid).FirstOrDefault();
                return pid != 0;
            },
            "no worker was started");
        using RpcTestCall call = data.Open(TestNode.Invoke);
        await call.SendAsync(new Noslate.Protocol.Data.InvokeRequest
        {
            Name = function,
            Deadline = (TimeProvider.System.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMilliseconds + 60_000,
        });
        if (function == "hello")
            Assert.NotNull(await call.ReadAsync());
        else
        {
            await Until.TrueAsync(
                async () => (await TrafficAsync(data)).Brokers.Sum(it => it.Workers.Sum(w => w.ActiveRequestCount)) == 1, "the call got no worker");
        }


        emulator.Kill();
        await emulator.WaitForExitAsync();
        await Until.TrueAsync(() => !Alive(pid), "the worker outlives its emulator");
        Assert.True(File.Exists(Path.Combine(directory, "socks", "dp-0.sock")));

        // The stale files are no hindrance to the next one.
        using Process next = Start("--workdir", directory);
        Assert.StartsWith("emulator: ready", await next.StandardOutput.ReadLineAsync(), StringComparison.Ordinal);
        await StopAsync(next, directory);
        Assert.Empty(Directory.GetFiles(Path.Combine(directory, "socks")));
        Directory.Delete(directory, true);
    }

    [SkippableFact]
    public async Task SampleFunctions_AnswerAsDescribed()
    {
        Requires.Node();
        await using TestNode node = await TestNode.StartAsync();
        string samples = Path.Combine(AppContext.BaseDirectory, "Functions");
        using JsonDocument file = JsonDocument.Parse(File.ReadAllText(Path.Combine(samples, "functions.json")));
        FunctionProfile[] profiles = [.. file.RootElement.GetProperty("functions").EnumerateArray().Select(it => new FunctionProfile
        {
            Name = it.GetProperty("name").GetString(),
            Runtime = it.GetProperty("runtime").GetString(),
            Url = "file://" + Path.Combine(samples, it.GetProperty("url").GetString()!["file:./".Length..]),
            Signature = it.GetProperty("signature").GetString(),
            Handler = it.GetProperty("handler").GetString(),
        })];
        Assert.Equal(["hello", "echo", "stream", "slow", "fail"], profiles.Select(it => it.Name));
        await node.SetAsync(profiles);
        Assert.Equal("Hello, Ada!\n", (await node.CallAsync("hello", "/?name=Ada")).Text);
        Noslate.Protocol.Data.InvokeRequest request = node.Request("echo", "/x?y");
        request.Headers.Add(new Noslate.Protocol.Common.KeyValuePair { Key = "Content-Type", Value = "text/x" });
        request.Body = Google.Protobuf.ByteString.CopyFromUtf8("body");
        Outcome echo = await node.CallAsync(request);
        Assert.Equal("body", echo.Text);
        Assert.Equal(
            [("x-echo-method", "POST"), ("x-echo-url", "/x?y"), ("content-type", "text/x")], echo.Headers.Select(it => (it.Key, it.Value)));
        Assert.Equal("line 1 of 2\nline 2 of 2\n", (await node.CallAsync("stream", "/?n=2")).Text);
        Assert.Equal("answered after 1 ms\n", (await node.CallAsync("slow", "/?ms=1")).Text);
        Assert.Equal(1, (await node.CallAsync("fail", "/")).Error?.Code);
        Assert.Equal(1, (await node.CallAsync("fail", "/?how=reject")).Error?.Code);
        Assert.Equal(4, (await node.CallAsync("fail", "/?how=exit")).Error?.Code);
        Assert.Equal("peer reset stream", (await node.CallAsync("fail", "/?how=after-head")).Error?.Message);
        Assert.Equal(500, (await node.CallAsync("fail", "/?how=status")).Status);
    }

    [Fact]
    public async Task MissingNode_IsOneLine_AndExitCode3()
    {
        string directory = TestNode.NewDirectory();
        using Process emulator = Start("--workdir", directory, "--node", "/no/such/node");
        string error = await emulator.StandardError.ReadToEndAsync();
        await emulator.WaitForExitAsync();
        Assert.Equal(3, emulator.ExitCode);
        Assert.Equal(
            "emulator: functions run in Node.js 18 or later, but '/no/such/node' can't be used: there is no such program; "
            + "install Node.js or name it with --node PATH\n",
            error);
        Directory.Delete(directory, true);
    }

    [Fact]
    public async Task UnknownOption_IsOneLine_AndExitCode2()
    {
        using Process emulator = Start("--wrokdir", "x");
        Assert.Equal("emulator: unknown option --wrokdir; --help lists them\n", await emulator.StandardError.ReadToEndAsync());
        await emulator.WaitForExitAsync();
        Assert.Equal(2, emulator.ExitCode);
    }

    private static Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Program);
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    private static async Task StopAsync(Process process, string directory)
    {
        using (Process term = Process.Start("/bin/sh", ["-c", $"kill -TERM {process.Id}"]))
            await term.WaitForExitAsync();
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
        Assert.False(File.Exists(Path.Combine(directory, "socks", "dp-0.sock")));
        Assert.False(File.Exists(Path.Combine(directory, "socks", "cp-0.sock")));
    }

    private static async Task PushAsync(RpcClient control, FunctionProfile profile) =>
        await control.UnaryAsync<SetFunctionProfileResponse>(
            "/noslated.control.ControlPlane/setFunctionProfile", new SetFunctionProfileRequest { Profiles = { profile } });

    private static Task<WorkerStatsSnapshotResponse> SnapshotAsync(RpcClient control) =>
        control.UnaryAsync<WorkerStatsSnapshotResponse>("/noslated.control.ControlPlane/getWorkerStatsSnapshot", new Empty());

    private static Task<Noslate.Protocol.Data.WorkerTrafficStatsResponse> TrafficAsync(RpcClient data) =>
        data.UnaryAsync<Noslate.Protocol.Data.WorkerTrafficStatsResponse>("/noslated.data.DataPlane/getWorkerTrafficStats", new Empty());

    private static bool Alive(int pid)
    {
        try
        {
            // A zombie that nobody has reaped yet is dead all the same.
            string stat = File.ReadAllText($"/proc/{pid}/stat");
            return stat[stat.LastIndexOf(')') + 2] != 'Z';
        }
        catch (IOException)
        {
            return false;
        }
    }
}
