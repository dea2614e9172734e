using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace NoslateFleet.Emulator.PlatformBox;

/// <summary>
/// The fleet that instances with a silo make: a Redis of the run's own, and the view of the fleet, read from the outside by the silo's own
/// command and held against what the box did to each instance.
/// </summary>
internal sealed partial class BoxFleet(BoxOptions options, string root, FactLog facts, TimeProvider clock) : IAsyncDisposable
{
    /// <summary>How often the view is read: each reading is a process of its own.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    /// <summary>By which time after the last end everything must be seen: the default time of the view to Lost, and a margin.</summary>
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(17);

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(20);

    private readonly ConcurrentDictionary<string, (string State, long Change)> truth = new(StringComparer.Ordinal);
    private Process? redis;
    private ProcessGroup? group;
    private long changes;
    private int port;

    /// <summary>Where its Redis listens.</summary>
    public string Endpoint => $"127.0.0.1:{port}";

    /// <summary>Starts its Redis and waits until that listens.</summary>
    /// <exception cref="InstanceFailedException">It does not.</exception>
    public async Task StartAsync(Watchdog watchdog, CancellationToken cancel)
    {
        port = BoxPorts.Next();
        redis = Process.Start(new ProcessStartInfo(
            "setsid",
            [
                "redis-server", "--port", $"{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", root,
                "--logfile", Path.Combine(root, "redis.log"),
            ])) ?? throw new InstanceFailedException("no redis-server was started");
        group = new ProcessGroup(redis.Id);
        watchdog.Add(group);
        for (long begun = clock.GetTimestamp(); ;)
        {
            try
            {
                using PlatformConnection probe = await PlatformConnection.OpenAsync(port, cancel);
                return;
            }
            catch (SocketException)
            {
                if (redis.HasExited || clock.GetElapsedTime(begun) > StartLimit)
                    throw new InstanceFailedException("redis-server does not listen");
                await Task.Delay(Glance, clock, cancel);
            }
        }
    }

    /// <summary>The settings of an instance.</summary>
    public IEnumerable<string> Settings() =>
        options.Topology == BoxTopology.Mesh
            ?
            [
                "--Silo:Topology=Mesh", "--Redis:Endpoints=" + Endpoint, "--Silo:Address=127.0.0.1", $"--Silo:Port={BoxPorts.Next()}",
                "--Silo:ClientPort=0",

                // Silence counts after three of these: so that it does within the same time as on an island.
                "--Fleet:IdleHeartbeatInterval=5s",
            ]
            : ["--Silo:Topology=Island", "--Redis:Endpoints=" + Endpoint];

    /// <summary>The box has done something to an instance: it runs, is frozen idle, is frozen at work, was stopped or killed.</summary>
    public void Note(string id, string state) => truth[id] = (state, Interlocked.Increment(ref changes));

    /// <summary>Reads the view again and again until the run has ended.</summary>
    public async Task WatchAsync(Task run, CancellationToken cancel)
    {
        while (!run.IsCompleted && !cancel.IsCancellationRequested)
        {
            await ReadAsync(atEnd: false);
            await Task.WhenAny(run, Task.Delay(Pause, clock, cancel));
        }
    }

    /// <summary>The last reading, when silence has told all it can tell.</summary>
    public async Task EndAsync(CancellationToken cancel)
    {
        await Task.WhenAny(Task.Delay(Settled, clock, cancel));
        if (!cancel.IsCancellationRequested)
            await ReadAsync(atEnd: true);
    }

    public async ValueTask DisposeAsync()
    {
        if (group is not null)
        {
            group.Kill();
            await group.GoneAsync(clock);
        }

        redis?.Dispose();
    }

    private async Task ReadAsync(bool atEnd)
    {
        var before = truth.ToDictionary(StringComparer.Ordinal);
        using Process command = Process.Start(new ProcessStartInfo("dotnet", [options.Gateway, "fleet", "--Redis:Endpoints=" + Endpoint])
        {
            WorkingDirectory = root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> wrong = command.StandardError.ReadToEndAsync();
        string said = await command.StandardOutput.ReadToEndAsync();
        await command.WaitForExitAsync();
        if (command.ExitCode != 0)
        {
            facts.Add(new FleetFact("", "", $"the fleet can't be read: {(await wrong).Trim()}", atEnd));
            return;
        }

        Dictionary<string, string> shown = said.Split('\n').Skip(1).Select(line => Columns().Split(line))
            .Where(cells => cells.Length > 1).ToDictionary(cells => cells[0], cells => cells[1], StringComparer.Ordinal);
        foreach ((string id, (string state, long change)) in before)
        {
            // What the box did meanwhile, the view need not show.
            if (truth[id].Change == change && (atEnd || shown.ContainsKey(id)))
                facts.Add(new FleetFact(id, state, shown.GetValueOrDefault(id, "not at all"), atEnd));
        }
    }

    [GeneratedRegex(" {2,}")]
    private static partial Regex Columns();
}
