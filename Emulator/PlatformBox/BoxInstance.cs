using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using NoslateFleet.Emulator.Node;

namespace NoslateFleet.Emulator.PlatformBox;

/// <summary>An instance did not do what it must for the box to go on with it.</summary>
internal sealed class InstanceFailedException(string message) : Exception(message);

/// <summary>
/// One real instance, as in a container: a first process that starts the node and the gateway, both in a directory of their own, and lasts
/// as long as they do.
/// </summary>
internal sealed class BoxInstance : IAsyncDisposable
{
    /// <summary>The exit code of a gateway whose port was taken meanwhile.</summary>
    private const int PortTaken = 3;

    private const int StartTries = 5;

    /// <summary>How long the ports may take to open, and a process to end after SIGTERM.</summary>
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(10);

    /// <summary>How often to look whether a port is open.</summary>
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// The container's entry point: node and gateway, then their exit codes as they come. It starts nothing before the watchdog knows it,
    /// and nothing at all if the box is gone by then.
    /// </summary>
    private const string EntryPoint = """
        echo "first $$"
        read -r go || exit
        dotnet=$1 emulator=$2 node=$3 gateway=$4; shift 4
        "$dotnet" "$emulator" --workdir "$PWD" --node "$node" >emulator.log 2>&1 & emulator_pid=$!
        "$dotnet" "$gateway" "$@" >gateway.log 2>&1 & gateway_pid=$!
        echo "started $emulator_pid $gateway_pid"
        wait "$gateway_pid"; echo "gateway $?"
        wait "$emulator_pid"; echo "emulator $?"
        """;

    /// <summary>Variables that would make the instance's processes something else than they are here.</summary>
    private static readonly string[] ContainerPrefixes =
        ["FC_", "NOSLATE", "Gateway__", "Platform__", "Admin__", "Routing__", "Silo__", "Redis__", "Fleet__", "POD_", "KUBERNETES_", "ASPNETCORE_", "DOTNET_URLS"];

    private readonly string directory;
    private readonly TimeProvider clock;
    private readonly Watchdog watchdog;
    private readonly HttpClient admin;
    private readonly Process first;
    private readonly int emulatorPid;
    private readonly int gatewayPid;
    private readonly TaskCompletionSource<int> gatewayExit = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task ended;

    private BoxInstance(
        Life life,
        string directory,
        string id,
        int port,
        HttpClient admin,
        Process first,
        ProcessGroup group,
        int[] pids,
        Watchdog watchdog,
        TimeProvider clock)
    {
        Life = life;
        Id = id;
        Port = port;
        Group = group;
        (emulatorPid, gatewayPid) = (pids[0], pids[1]);
        this.directory = directory;
        this.admin = admin;
        this.first = first;
        this.watchdog = watchdog;
        this.clock = clock;
        ended = WatchAsync();
    }

    public Life Life { get; }

    /// <summary>Its FC_INSTANCE_ID.</summary>
    public string Id { get; }

    /// <summary>Its platform port.</summary>
    public int Port { get; }

    public ProcessGroup Group { get; }

    /// <summary>Set before the first signal of a kill leaves: what ends after it may end in any way.</summary>
    public bool Killed { get; private set; }

    /// <summary>Whether the gateway has ended, in whatever way.</summary>
    public bool GatewayEnded => gatewayExit.Task.IsCompleted;

    /// <summary>Starts it and waits until its platform port is open, as the platform does before its first call.</summary>
    public static async Task<BoxInstance> StartAsync(
        Life life, string root, BoxOptions options, BoxFleet? fleet, Watchdog watchdog, TimeProvider clock, CancellationToken cancel)
    {
        string directory = Path.Combine(root, life.ToString());
        string executions = Path.Combine(directory, "executions");
        Directory.CreateDirectory(executions);
        string functions = Path.Combine(directory, "functions.json");
        await File.WriteAllTextAsync(functions, BoxFunctions.File(executions), cancel);
        for (int attempt = 1; ; attempt++)
        {
            BoxInstance instance = await LaunchAsync(life, directory, functions, options, fleet, watchdog, clock);
            try
            {
                if (await instance.OpensAsync(cancel))
                    return instance;
                if (!instance.GatewayEnded || await instance.gatewayExit.Task != PortTaken || attempt == StartTries)
                    throw new InstanceFailedException(instance.Describe("its platform port did not open"));
            }
            catch
            {
                await instance.DisposeAsync();
                throw;
            }

            // Somebody else took a port between its choice and its use.
            await instance.DisposeAsync();
        }
    }

    /// <summary>Reads the counters of the admin port, which may open a little later than the platform port.</summary>
    public async Task<(Counters Read, long Drift)> CountersAsync(CancellationToken cancel)
    {
        byte[]? said = null;
        for (long begun = clock.GetTimestamp(); said is null;)
        {
            try
            {
                said = await admin.GetByteArrayAsync(new Uri("/api/functions", UriKind.Relative), cancel);
            }
            catch (HttpRequestException error) when (error.HttpRequestError == HttpRequestError.ConnectionError
                && !GatewayEnded && clock.GetElapsedTime(begun) < StartLimit)
            {
                await Task.Delay(Glance, clock, cancel);
            }
        }

        using JsonDocument answer = JsonDocument.Parse(said);
        JsonElement invocations = answer.RootElement.GetProperty("invocations");
        return (ReadCounters(invocations), invocations.GetProperty("drift").GetInt64());
    }

    /// <summary>Reads counters by their names in JSON.</summary>
    public static Counters ReadCounters(JsonElement it)
    {
        long Number(string name) => it.GetProperty(name).GetInt64();
        return new Counters(
            Number("accepted"), Number("completed"), Number("failed"), Number("cancelled"), Number("abandoned"), Number("inFlight"));
    }

    /// <summary>Kills the whole instance.</summary>
    public async Task<LifeFact> KillAsync(LifeEnd end)
    {
        Killed = true;
        Group.Kill();
        return new LifeFact(Life, end) { LeftProcesses = await LeaveAsync() };
    }

    /// <summary>Ends a stopped instance: SIGTERM, and SIGKILL for what does not end by that.</summary>
    public async Task<LifeFact> EndAsync(LifeEnd end)
    {
        ProcessGroup.Send(gatewayPid, ProcessGroup.SigTerm);
        bool inTime = await InTimeAsync(gatewayExit.Task);
        ProcessGroup.Send(emulatorPid, ProcessGroup.SigTerm);
        inTime &= await InTimeAsync(ended);
        if (!inTime)
        {
            Killed = true;
            Group.Kill();
        }

        return new LifeFact(Life, end)
        {
            ExitCode = gatewayExit.Task.IsCompletedSuccessfully ? await gatewayExit.Task : null,
            HadToBeKilled = !inTime,
            LeftProcesses = await LeaveAsync(),
            LeftFiles = inTime ? [.. Directory.EnumerateFiles(Path.Combine(directory, "socks")).Select(it => Path.GetFileName(it))] : [],
        };
    }

    /// <summary>What the functions noted; only of an instance that has ended.</summary>
    public IEnumerable<ExecutionFact> Executions()
    {
        var notes = new Dictionary<string, (int Starts, int Ends)>(StringComparer.Ordinal);
        foreach (string file in Directory.EnumerateFiles(Path.Combine(directory, "executions")))
        {
            foreach (string line in File.ReadLines(file))
            {
                if (line.Split(' ') is not [string what, string id])
                    continue;
                (int starts, int ends) = notes.GetValueOrDefault(id);
                notes[id] = what == "start" ? (starts + 1, ends) : (starts, ends + 1);
            }
        }

        return notes.Select(note => new ExecutionFact(Life, note.Key, note.Value.Starts, note.Value.Ends));
    }

    /// <summary>What is wrong, with the gateway's end and the last lines of both logs.</summary>
    public string Describe(string what)
    {
        string exit = gatewayExit.Task.IsCompletedSuccessfully ? $"; the gateway ended with code {gatewayExit.Task.Result}" : "";
        return $"{what}{exit}; gateway: {Tail("gateway.log")}; emulator: {Tail("emulator.log")}";
    }

    public async ValueTask DisposeAsync()
    {
        Killed = true;
        Group.Kill();
        await LeaveAsync();
        admin.Dispose();
        first.Dispose();
    }

    private static async Task<BoxInstance> LaunchAsync(
        Life life, string directory, string functions, BoxOptions options, BoxFleet? fleet, Watchdog watchdog, TimeProvider clock)
    {
        (int port, int adminPort) = (BoxPorts.Next(), BoxPorts.Next());
        string id = $"c-box-{options.Seed:x}-{life.Slot}-{life.Number}";
        string token = RandomNumberGenerator.GetHexString(32, lowercase: true);
        string dotnet = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? Environment.ProcessPath! : "dotnet";
        var start = new ProcessStartInfo(
            "setsid",
            [
                "bash", "-c", EntryPoint, "instance",
                dotnet, typeof(EmulatedNode).Assembly.Location, options.Node, options.Gateway,
                "--Node:Workdir=" + directory, "--Functions:Path=" + functions,
                "--Platform:Address=127.0.0.1", "--Platform:HookPeers=" + PlatformCalls.Address, $"--Admin:Port={adminPort}",
                "--Routing:ByHeader=true", "--Routing:ByPath=true", .. fleet?.Settings() ?? [],
            ])
        {
            WorkingDirectory = directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        foreach (string name in start.Environment.Keys.Where(IsOfAContainer).ToArray())
            start.Environment.Remove(name);
        start.Environment["FC_FUNCTION_NAME"] = PlatformCalls.FunctionName;
        start.Environment["FC_INSTANCE_ID"] = id;
        start.Environment["FC_CUSTOM_LISTEN_PORT"] = port.ToString(CultureInfo.InvariantCulture);
        start.Environment["Gateway__Admin__Token"] = token;
        Process first = Process.Start(start) ?? throw new InstanceFailedException("no process was started");
        var group = new ProcessGroup((await NumbersAsync(first, "first"))[0]);
        watchdog.Add(group);
        await first.StandardInput.WriteLineAsync("go");
        first.StandardInput.Close();
        int[] pids = await NumbersAsync(first, "started");
        var admin = new HttpClient(new SocketsHttpHandler { UseProxy = false })
        {
            BaseAddress = new Uri($"http://127.0.0.1:{adminPort}"),
            Timeout = TimeSpan.FromSeconds(30),
        };
        admin.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return new BoxInstance(life, directory, id, port, admin, first, group, pids, watchdog, clock);
    }

    /// <summary>The numbers that its first process says after a word.</summary>
    private static async Task<int[]> NumbersAsync(Process first, string word)
    {
        string? said = await first.StandardOutput.ReadLineAsync();
        string[] words = said?.Split(' ') ?? [""];
        return words[0] == word
            ? [.. words.Skip(1).Select(it => int.Parse(it, CultureInfo.InvariantCulture))]
            : throw new InstanceFailedException($"its first process said '{said}'");
    }

    private static bool IsOfAContainer(string name) =>
        ContainerPrefixes.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase));

    private async Task<bool> OpensAsync(CancellationToken cancel)
    {
        long begun = clock.GetTimestamp();
        while (!GatewayEnded && clock.GetElapsedTime(begun) < StartLimit)
        {
            try
            {
                using PlatformConnection probe = await PlatformConnection.OpenAsync(Port, cancel);
                return true;
            }
            catch (SocketException)
            {
                await Task.Delay(Glance, clock, cancel);
            }
        }

        return false;
    }

    private async Task WatchAsync()
    {
        while (await first.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.Split(' ') is ["gateway", string code])
                gatewayExit.TrySetResult(int.Parse(code, CultureInfo.InvariantCulture));
        }

        gatewayExit.TrySetCanceled();
        await first.WaitForExitAsync();
    }

    private async Task<bool> InTimeAsync(Task task)
    {
        try
        {
            await task.WaitAsync(EndLimit, clock);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
        catch (OperationCanceledException)
        {
            // Its first process ended without a word about the gateway.
            return true;
        }
    }

    private async Task<int> LeaveAsync()
    {
        int left = await Group.GoneAsync(clock);
        if (left == 0)
            watchdog.Remove(Group);
        return left;
    }

    private string Tail(string log)
    {
        try
        {
            return string.Join(" | ", File.ReadLines(Path.Combine(directory, log)).TakeLast(4).Select(line => line.Trim()));
        }
        catch (IOException)
        {
            return "(no log)";
        }
    }
}
