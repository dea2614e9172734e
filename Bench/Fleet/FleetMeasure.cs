using System.Diagnostics;
using System.Globalization;
using NoslateFleet.Bench.Compare;
using NoslateFleet.Bench.Hosts;
using NoslateFleet.Bench.Load;

namespace NoslateFleet.Bench.Fleet;

/// <summary>What a silo of one instance costs: its start, its memory, and what publishing to a real Redis takes at a steady load.</summary>
internal static class FleetMeasure
{
    private const int Starts = 5;
    private const int Requests = 10_000;
    private const int Rate = 500;
    private const int Rounds = 3;
    private static readonly TimeSpan _run = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan _warmUp = TimeSpan.FromSeconds(15);

    /// <summary>The longest intervals there are: nothing is published while it is measured.</summary>
    private static readonly string[] _silent =
        ["--Fleet:HeartbeatInterval=01:00:00", "--Fleet:PublishInterval=01:00:00", "--Fleet:LostAfter=02:00:00", "--Fleet:IdleHeartbeatInterval=01:00:00"];

    /// <param name="silo">The published program.</param>
    public static async Task RunAsync(string silo)
    {
        await using var upstream = await Upstream.StartAsync();
        var redisPort = FirstAnswer.FreePort().ToString(CultureInfo.InvariantCulture);
        await using var redis = Child.Start("redis-server", "redis-server", ["--port", redisPort, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        redis.IgnoreOutput();
        await using var load = await Child.StartSelfAsync("load", ["load"], LoadHost.Environment);

        var starts = new List<double>();
        for (var i = 0; i < Starts; i++)
        {
            await using var instance = await StartAsync();
            starts.Add(instance.FirstAnswerSeconds);
            if (i == Starts - 1)
            {
                long done = 0;
                while (done < Requests)
                {
                    done += LoadResult.Parse(await load.AskAsync($"run {instance.Port} {Contender.Target} 32 1024 500")).Requests;
                }

                Say($"resident memory after {done} invocations: {instance.Process.ResidentMebibytes:0.0} MiB (at most 160)");
            }
        }

        Say($"start to first 200: {Sample.Middle(starts) * 1000:0} ms, median of {Starts} (at most 1200)");

        await using var told = await StartAsync();
        await using var silent = await StartAsync(_silent);
        await PaceAsync(told.Port, _warmUp);
        await PaceAsync(silent.Port, _warmUp);
        var (with, without) = (new List<double>(), new List<double>());
        var published = await told.PublishedAsync();
        for (var round = 0; round < Rounds; round++)
        {
            with.Add(await CostAsync(told));
            without.Add(await CostAsync(silent));
        }

        published = await told.PublishedAsync() - published;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Rate} invocations/s: {Sample.Middle(with):0.00} % of a core with publishing ({published / (Rounds * _run.TotalSeconds * 2):0.0} snapshots/s), "
            + $"{Sample.Middle(without):0.00} % without: {Sample.Middle(with) - Sample.Middle(without):0.00} % for it (at most 1)"));

        async Task<Instance> StartAsync(params string[] settings)
        {
            var (port, admin) = (FirstAnswer.FreePort(), FirstAnswer.FreePort());
            var begin = Stopwatch.GetTimestamp();
            var process = Child.Start(
                "silo",
                silo,
                [
                    .. Contender.GatewayArguments(upstream.Workdir), $"--Platform:Port={port}", $"--Admin:Port={admin}", "--Redis:Endpoints=127.0.0.1:" + redisPort,
                    "--Silo:Topology=Island", $"--Lifecycle:InstanceId=bench-{port}", .. settings,
                ]);
            process.IgnoreOutput();
            await FirstAnswer.WaitAsync(port, begin);
            return new Instance(process, port, admin, Stopwatch.GetElapsedTime(begin).TotalSeconds);
        }
    }

    private static async Task<double> CostAsync(Instance instance)
    {
        var before = instance.Process.ProcessorTime;
        var begin = Stopwatch.GetTimestamp();
        await PaceAsync(instance.Port, _run);
        return (instance.Process.ProcessorTime - before) / Stopwatch.GetElapsedTime(begin) * 100;
    }

    // In steps of 10 ms: finer ones would make the load generator busy with its own clock.
    private static async Task PaceAsync(int port, TimeSpan time)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false, MaxConnectionsPerServer = 32 });
        var target = new Uri($"http://127.0.0.1:{port}{Contender.Target}");
        var body = new byte[1024];
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        var begin = Stopwatch.GetTimestamp();
        long sent = 0;
        var running = new List<Task>();
        while (Stopwatch.GetElapsedTime(begin) < time && await pace.WaitForNextTickAsync())
        {
            for (var due = (long)(Stopwatch.GetElapsedTime(begin).TotalSeconds * Rate); sent < due; sent++)
            {
                running.Add(SendAsync());
            }

            running.RemoveAll(static t => t.IsCompletedSuccessfully);
        }

        await Task.WhenAll(running);

        async Task SendAsync()
        {
            using var content = new ByteArrayContent(body);
            using var response = await http.PostAsync(target, content);
            response.EnsureSuccessStatusCode();
        }
    }

    private static void Say(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));

    private sealed record Instance(Child Process, int Port, int Admin, double FirstAnswerSeconds) : IAsyncDisposable
    {
        /// <summary>Snapshots that the directory has taken so far.</summary>
        public async Task<long> PublishedAsync()
        {
            using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
            var page = await http.GetStringAsync(new Uri($"http://127.0.0.1:{Admin}/metrics"));
            const string Name = "noslatefleet_directory_publishes_total{outcome=\"published\"} ";
            var line = page.Split('\n').First(static l => l.StartsWith(Name, StringComparison.Ordinal));
            return long.Parse(line[Name.Length..], CultureInfo.InvariantCulture);
        }

        public ValueTask DisposeAsync() => Process.DisposeAsync();
    }
}
