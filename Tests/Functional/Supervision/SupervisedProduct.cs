using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Functional.Gateway;

namespace NoslateFleet.Tests.Functional.Supervision;

/// <summary>
/// A gateway that runs its node itself: a stand-in for turfd, the emulator as the data plane (its socket is reached by a link), and a relay before the
/// emulator's other socket as the control plane. So each of the three is a process that can be killed alone.
/// </summary>
internal sealed class SupervisedProduct : IAsyncDisposable
{
    private readonly string[] _before;
    private readonly List<RunningProcess> _earlier = [];

    public SupervisedProduct(params string[] before)
    {
        Requires.Node();
        _before = before;
        Directory.CreateDirectory(Product.PathOf("socks"));
        Directory.CreateDirectory(Product.PathOf("e/socks"));
        File.CreateSymbolicLink(Product.PathOf("socks/dp-0.sock"), Product.PathOf("e/socks/dp-0.sock"));
    }

    public RunningProduct Product { get; } = new();

    /// <summary>Arguments of the stand-in for turfd beyond its socket.</summary>
    public string[] Turfd { get; init; } = [];

    /// <summary>Arguments of the relay beyond its sockets: any makes it deaf to SIGTERM.</summary>
    public string[] Relay { get; init; } = [];

    public string TurfdSocket => Product.PathOf("t.sock");

    public RunningProcess Gateway { get; private set; } = null!;

    /// <summary>Whether the program before the gateway becomes the gateway itself.</summary>
    public bool Direct { get; init; }

    /// <summary>The gateway's own process, also where another one stands before it.</summary>
    public int GatewayId => Direct || _before.Length == 0 ? Gateway.Id : ProcessView.ChildrenOf(Gateway.Id).Single().Id;

    public string[] TurfdCommand => ["node", Program("turfd.js"), TurfdSocket, .. Turfd];

    public string[] DataPlaneCommand => ["dotnet", Path.Combine(AppContext.BaseDirectory, "NoslateFleet.Emulator.dll"), "--workdir", Product.PathOf("e")];

    public string[] ControlPlaneCommand => ["node", Program("relay.js"), Product.PathOf("socks/cp-0.sock"), Product.PathOf("e/socks/cp-0.sock"), .. Relay];

    /// <summary>Starts the gateway and waits until it serves.</summary>
    public async Task ReadyAsync(params string[] settings)
    {
        Start(settings);
        await AnswersAsync("/readyz");
    }

    /// <summary>Waits until the admin port, which opens last, answers 200.</summary>
    public async Task AnswersAsync(string path)
    {
        await Until.TrueAsync(
            async () =>
            {
                if (Gateway.HasExited)
                {
                    throw new InvalidOperationException("the gateway ended: " + Gateway.Output + Gateway.Error);
                }

                try
                {
                    using var answer = await Product.Admin.GetAsync(path);
                    return answer.StatusCode == HttpStatusCode.OK;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            $"{path} is not answered with 200");
    }

    public void Start(params string[] settings)
    {
        if (Gateway is not null)
        {
            _earlier.Add(Gateway);
        }

        Gateway = Product.NewGatewayBehind(
            _before,
            [
                "--Node:Supervise=true", $"--Node:TurfdSocket={TurfdSocket}",
                .. Words("Node:TurfdCommand", TurfdCommand), .. Words("Node:DataPlaneCommand", DataPlaneCommand),
                .. Words("Node:ControlPlaneCommand", ControlPlaneCommand), .. settings,
            ]);
    }

    public static IEnumerable<string> Words(string key, IReadOnlyList<string> words) => words.Select((word, i) => $"--{key}:{i}={word}");

    /// <summary>The process ids that a child has had so far, as our log tells; inside of its own numbering these are not what others see.</summary>
    public int[] Lives(string child) =>
        [.. Regex.Matches(Gateway.Output, $@"{child} started, process (\d+)").Select(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture))];

    /// <summary>Waits until the child runs for the given time and answers.</summary>
    public Task AnsweredAsync(string child, int times) => Until.TrueAsync(
        () => Regex.Count(Gateway.Output, $"{child} answers after") >= times, $"{child} does not come back: " + Gateway.Output + Gateway.Error);

    public async Task<string[]> EventsAsync()
    {
        using var instance = JsonDocument.Parse(await Product.Admin.GetStringAsync("/api/instance"));
        return [.. instance.RootElement.GetProperty("events").EnumerateArray()
            .Where(one => one.GetProperty("kind").GetString() == "node").Select(one => one.GetProperty("detail").GetString()!)];
    }

    /// <summary>The conservation law, as the gateway counts; and nothing is left in flight.</summary>
    /// <returns>How many were accepted, and how many of them failed.</returns>
    public async Task<(long Accepted, long Failed)> ConservedAsync()
    {
        long accepted = 0, failed = 0;
        await Until.TrueAsync(
            async () =>
            {
                using var counted = JsonDocument.Parse(await Product.Admin.GetStringAsync("/api/functions"));
                var all = counted.RootElement.GetProperty("invocations");
                long Of(string name) => all.GetProperty(name).GetInt64();
                Assert.Equal(0, Of("drift"));
                (accepted, failed) = (Of("accepted"), Of("failed"));
                Assert.Equal(accepted, Of("completed") + failed + Of("cancelled") + Of("abandoned") + Of("inFlight"));
                return Of("inFlight") == 0;
            },
            "something stays in flight");
        return (accepted, failed);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var gateway in _earlier.Append(Gateway))
        {
            if (gateway is not null)
            {
                int[] left = gateway.HasExited ? [] : [.. ProcessView.DescendantsOf(gateway.Id).Select(one => one.Id)];
                await gateway.DisposeAsync();

                // Where a test failed; its own children, by their ids.
                Array.ForEach(left, id => NoslateFleet.Gateway.Supervision.ProcessTable.Signal(id, NoslateFleet.Gateway.Supervision.ProcessTable.SigKill));
            }
        }

        await Product.DisposeAsync();
    }

    private static string Program(string name) => Repository.PathOf("Tests", "Functional", "Supervision", "programs", name);
}
