using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using NoslateFleet.Gateway.Supervision;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Functional.Supervision;

namespace NoslateFleet.Tests.Functional.Gateway;

/// <summary>The gateway's process: how it starts, refuses to, ends, and outlives a node.</summary>
public sealed class ProcessLifeTests
{
    /// <summary>Such a process has no default for a signal: one that nobody takes is lost, and the container stays until it is killed.</summary>
    [SkippableFact]
    public async Task FirstProcessOfAContainer_TakesASignalFromItsFirstMomentOn()
    {
        string[] before = [Requires.Program("unshare"), "--pid", "--fork", "--kill-child"];
        await using (var can = new RunningProcess(new ProcessStartInfo(before[0], [.. before[1..], "true"])))
        {
            Skip.IfNot(await can.ExitAsync() == 0, "no process namespace may be made here");
        }

        await using var product = new RunningProduct();
        await using var gateway = product.NewGatewayBehind(before, []);
        await Until.TrueAsync(
            () =>
            {
                // Again and again, as only the program's own code can tell when its first line has run.
                foreach (var child in ProcessView.ChildrenOf(gateway.Id))
                {
                    ProcessTable.Signal(child.Id, ProcessTable.SigTerm);
                }

                return gateway.Error.Length > 0 || gateway.HasExited;
            },
            "it is not taken");
        Assert.Equal(0, await gateway.ExitAsync());
        Assert.Contains("gateway: SIGTERM before it had started", gateway.Error, StringComparison.Ordinal);
        Assert.Empty(gateway.Output);
    }

    [SkippableFact]
    public async Task StartedBeforeTheNode_SaysWhatIsMissing_ThenBecomesReadyByItself()
    {
        Requires.Node();
        await using var product = new RunningProduct();
        await product.StartGatewayAsync();
        using (var answer = await product.Admin.GetAsync("/readyz"))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
            Assert.Contains("no data plane is connected", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        using (var live = await product.Admin.GetAsync("/healthz"))
        {
            Assert.Equal(HttpStatusCode.OK, live.StatusCode);
        }

        using (var refused = await product.Http.GetAsync("/invoke/large"))
        {
            Assert.Equal((HttpStatusCode.ServiceUnavailable, "plane-unavailable"), (refused.StatusCode, Reason(refused)));
        }

        await product.StartEmulatorAsync();
        await product.ReadyAsync();
        Assert.Equal("ok", await product.Http.GetStringAsync("/invoke/large"));
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task NodeKilledMidRequest_IsAnErrorOrACut_AndARestartedNodeIsServedAgain(bool afterHead)
    {
        await using var product = await RunningProduct.StartAsync();
        var begun = product.PathOf("begun");
        var request = product.Http.GetAsync(
            $"/invoke/large/wait?touch={begun}&until={product.PathOf("never")}{(afterHead ? "&head" : "")}", HttpCompletionOption.ResponseHeadersRead);
        await Until.TrueAsync(() => File.Exists(begun), "the function does not run");
        if (afterHead)
        {
            using var cut = await request;
            product.Emulator.KillHard();
            await Assert.ThrowsAsync<HttpRequestException>(() => cut.Content.ReadAsStringAsync());
        }
        else
        {
            product.Emulator.KillHard();
            using var refused = await request;
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            Assert.Contains(Reason(refused), new[] { "plane-lost", "plane-stopped" });
        }

        await product.StartEmulatorAsync();
        await product.ReadyAsync();
        Assert.Equal("ok", await product.Http.GetStringAsync("/invoke/large"));
        using var counted = JsonDocument.Parse(await product.Admin.GetStringAsync("/api/functions"));
        var invocations = counted.RootElement.GetProperty("invocations");
        Assert.Equal(0, invocations.GetProperty("drift").GetInt64());
        Assert.Equal(0, invocations.GetProperty("inFlight").GetInt64());
        Assert.True(invocations.GetProperty("failed").GetInt64() >= 1);
    }

    [SkippableFact]
    public async Task SigTerm_WhileARequestStreams_ThePortsCloseAndTheProcessEndsWithoutACrash()
    {
        await using var product = await RunningProduct.StartAsync();
        var (begun, go) = (product.PathOf("begun"), product.PathOf("go"));
        using var response = await product.Http.GetAsync($"/invoke/large/wait?touch={begun}&until={go}&head", HttpCompletionOption.ResponseHeadersRead);
        await Until.TrueAsync(() => File.Exists(begun), "the function does not run");
        product.Gateway.Terminate();
        await File.WriteAllTextAsync(go, "");
        Assert.Equal(0, await product.Gateway.ExitAsync());
        Assert.DoesNotContain("Unhandled exception", product.Gateway.Output + product.Gateway.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ConfigurationErrors_AreToldAllAtOnce_ExitCode2()
    {
        await using var product = new RunningProduct();
        await using var gateway = product.NewGateway("--Forwarding:Timeout=soon", "--Platform:Mode=Cloud", "--Admin:Address=0.0.0.0");
        Assert.Equal(2, await gateway.ExitAsync());
        var lines = gateway.Error.TrimEnd('\n').Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.All(lines, line => Assert.StartsWith("configuration: ", line, StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("Forwarding:Timeout = \"soon\"", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("Platform:Mode = \"Cloud\"", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("Admin:Address = \"0.0.0.0\"", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task TakenPort_IsOneLine_ExitCode3(bool platform)
    {
        await using var product = new RunningProduct();
        var taken = platform ? product.Port : product.AdminPort;
        using var listener = new TcpListener(IPAddress.Loopback, taken);
        listener.Start();
        await using var gateway = product.NewGateway();
        Assert.Equal(3, await gateway.ExitAsync());
        var line = Assert.Single(gateway.Error.TrimEnd('\n').Split('\n'));
        Assert.StartsWith("gateway: ", line, StringComparison.Ordinal);
        Assert.Contains($":{taken}", line, StringComparison.Ordinal);
    }

    private static string Reason(HttpResponseMessage response) => response.Headers.GetValues("x-noslate-reason").Single();
}
