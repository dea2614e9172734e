using NoslateFleet.Emulator.Workers;
using Pair = NoslateFleet.Noslate.Protocol.Common.KeyValuePair;

namespace NoslateFleet.Emulator.ControlPlane;

/// <summary>Starts worker processes: their command, their environment, their logs.</summary>
internal sealed class WorkerStarter(NodeProgram? node, WorkerHub hub, string bootstrap, string logDirectory)
{
    /// <summary>Of a function's memory this part is for the heap.</summary>
    private const double HeapShare = 0.8;

    public WorkerHub Hub { get; } = hub;

    public string LogDirectoryOf(string worker) => Path.Combine(logDirectory, "workers", worker);

    public WorkerProcess Start(Worker worker, string code, IEnumerable<Pair> platform)
    {
        if (node is null)
            throw LaunchException.Internal("there is no node program; only the built-in echo can be called");
        FunctionSpec spec = worker.Spec;
        List<string> arguments =
        [
            $"--max-heap-size={(long)(spec.Memory / (1024.0 * 1024) * HeapShare)}",
            .. spec.Profile.Worker.V8Options,
            .. spec.Profile.Worker.ExecArgv,
            bootstrap,
        ];
        var environment = new Dictionary<string, string>(StringComparer.Ordinal);
        if (Environment.GetEnvironmentVariable("TZ") is { Length: > 0 } zone)
            environment["TZ"] = zone;
        foreach (Pair pair in platform.Concat(spec.Profile.Environments))
            environment[pair.Key] = pair.Value;
        environment["NOSLATE_WORKER_ID"] = worker.Name;
        environment["HOME"] = code;
        environment["PATH"] = "/bin:/usr/bin";
        environment["TERM"] = "xterm";
        environment["_NOSLATED_IPC_PATH"] = Hub.Path;
        environment["_NOSLATED_WORKER_CREDENTIAL"] = worker.Credential;
        return WorkerProcess.Start(node.Path, arguments, environment, code, LogDirectoryOf(worker.Name));
    }
}
