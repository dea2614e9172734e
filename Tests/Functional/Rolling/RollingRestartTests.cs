using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Functional.Gateway;

namespace NoslateFleet.Tests.Functional.Rolling;

/// <summary>Instances are replaced one after the other while requests come: nobody notices.</summary>
public sealed class RollingRestartTests
{
    private const int Instances = 3;
    private const int Clients = 4;

    // As in Kubernetes; given, since nothing here depends on what a mode's defaults are.
    private static readonly string[] _settings = ["--Drain:LameDuck=5s", "--Lifecycle:StopBudget=20s"];

    [SkippableFact]
    public async Task ThreeInstances_RestartedOneByOneUnderLoad_FailNoInvocation()
    {
        var products = new List<RunningProduct>();
        try
        {
            for (var i = 0; i < Instances; i++)
            {
                products.Add(await RunningProduct.StartAsync(_settings));
                Assert.Equal("ok", await products[i].Http.GetStringAsync("/invoke/large"));
            }

            await using var balancer = new RoundRobin([.. products]);
            await Until.TrueAsync(() => Enumerable.Range(0, Instances).All(balancer.Serves), "not all are taken for ready");
            using var end = new CancellationTokenSource();
            var others = new ConcurrentQueue<string>();
            var answered = 0L;
            var clients = Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => Task.Run(async () =>
            {
                while (!end.IsCancellationRequested)
                {
                    try
                    {
                        using var answer = await balancer.GetAsync("/invoke/large");
                        if (answer.StatusCode != HttpStatusCode.OK)
                        {
                            others.Enqueue($"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
                        }
                    }
                    catch (Exception error) when (error is HttpRequestException or InvalidOperationException or TaskCanceledException)
                    {
                        others.Enqueue(error.ToString());
                    }

                    Interlocked.Increment(ref answered);
                }
            })));

            for (var i = 0; i < Instances; i++)
            {
                // As the kubelet does: the hook first, the signal once it has answered.
                var (code, said) = await products[i].HookAsync("pre-stop");
                Assert.Equal(0, code);
                CheckReceipt(said);
                Assert.False(balancer.Serves(i));
                products[i].Gateway.Terminate();
                Assert.Equal(0, await products[i].Gateway.ExitAsync());
                CheckLog(products[i].Gateway);
                await products[i].StartGatewayAsync();
                await Until.TrueAsync(() => balancer.Serves(i), "it is not taken for ready again");

                // The new one has served before the next one goes.
                await Until.TrueAsync(async () => (await CountersAsync(products[i])).Accepted > 0, "it gets nothing");
            }

            await end.CancelAsync();
            await clients;
            Assert.Empty(others);
            Assert.True(Interlocked.Read(ref answered) > Instances * Clients, $"only {answered} requests");
            foreach (var product in products)
            {
                await Until.TrueAsync(async () => await CountersAsync(product) is var (accepted, completed) && accepted == completed, "not all are completed");
                CheckLog(product.Gateway);
            }
        }
        finally
        {
            foreach (var product in products)
            {
                await product.DisposeAsync();
            }
        }
    }

    /// <summary>The counters of the process's whole life, when nothing runs any more.</summary>
    private static void CheckReceipt(string said)
    {
        using var parsed = JsonDocument.Parse(said);
        var receipt = parsed.RootElement;
        long Of(string name) => receipt.GetProperty(name).GetInt64();
        Assert.Equal(("Stopped", "Clean"), (receipt.GetProperty("phase").GetString(), receipt.GetProperty("verdict").GetString()));
        Assert.Equal((0L, 0L, 0L, 0L), (Of("failed"), Of("cancelled"), Of("abandoned"), Of("inFlight")));
        Assert.Equal(Of("accepted"), Of("completed"));
        Assert.True(Of("accepted") > 0);
    }

    private static void CheckLog(RunningProcess gateway)
    {
        Assert.DoesNotContain("fail:", gateway.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("crit:", gateway.Output, StringComparison.Ordinal);
    }

    private static async Task<(long Accepted, long Completed)> CountersAsync(RunningProduct product)
    {
        using var counted = JsonDocument.Parse(await product.Admin.GetStringAsync("/api/functions"));
        var all = counted.RootElement.GetProperty("invocations");
        long Of(string name) => all.GetProperty(name).GetInt64();
        Assert.Equal(0, Of("drift"));
        Assert.Equal(Of("accepted"), Of("completed") + Of("failed") + Of("cancelled") + Of("abandoned") + Of("inFlight"));
        return (Of("accepted"), Of("completed"));
    }
}
