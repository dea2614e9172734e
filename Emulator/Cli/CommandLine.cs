using System.Globalization;
using NoslateFleet.Emulator.Node;

namespace NoslateFleet.Emulator.Cli;

/// <summary>The options of the executable.</summary>
/// <param name="Options">How the node runs; null when only the help is asked for.</param>
/// <param name="Invocations">What goes wrong with every call of a function; null for nothing.</param>
/// <param name="WorkerStartsHang">Whether worker starts hang.</param>
internal sealed record CommandLine(EmulatorOptions? Options, CallFault? Invocations = null, bool WorkerStartsHang = false)
{
    public const string HelpText = """
        A Noslate node for development: both planes on unix sockets, nodejs functions in real node processes.

        Usage: NoslateFleet.Emulator --workdir DIR [options]
               NoslateFleet.Emulator platform [options]     the platform in a box; its own --help tells more

          --workdir DIR       the node's directory; sockets are DIR/socks/dp-0.sock and cp-0.sock (default: NOSLATED_WORKDIR)
          --node PATH         the node program, 18 or later (default: node in PATH)
          --log-dir DIR       the workers' logs, DIR/workers/NAME/stdout.log and stderr.log (default: NOSLATE_LOGDIR, or WORKDIR/logs)
          --data-planes N     how many data planes (default: NOSLATED_DATA_PLANE_COUNT, or 1)
          --control-planes N  how many control planes (default: NOSLATED_CONTROL_PLANE_COUNT, or 1)
          --echo              answer calls of the function echo here, without a worker: for measuring; node is not needed for it
          --breaker           let the machine's load open the circuit breaker, as a real node does
          --no-back-pressure  buffer without bound for a client that reads slowly, as a real node does
          --fault FAULT       go wrong with every call of a function: delay=MS, cut=BYTES, refuse=STATUS (a gRPC status, 8 for a full
                              session), garbage, silence; or hang-starts: worker starts hang. May be given twice: a call's and hang-starts
          --help              this text

        Functions arrive as profiles on the control plane. It runs until SIGTERM or SIGINT.
        Exit codes: 0 stopped, 1 can't start, 2 wrong options, 3 no usable node program.
        """;

    private static readonly string[] Switches = ["--echo", "--breaker", "--no-back-pressure"];

    private static readonly string[] Valued = ["--workdir", "--node", "--log-dir", "--data-planes", "--control-planes", "--fault"];

    /// <returns>The options, or what is wrong with them.</returns>
    public static (CommandLine? Options, string? Error) Parse(IReadOnlyList<string> arguments, Func<string, string?> environment)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["--workdir"] = environment("NOSLATED_WORKDIR") ?? "",
            ["--log-dir"] = environment("NOSLATE_LOGDIR") ?? "",
            ["--data-planes"] = environment("NOSLATED_DATA_PLANE_COUNT") ?? "",
            ["--control-planes"] = environment("NOSLATED_CONTROL_PLANE_COUNT") ?? "",
        };
        CallFault? fault = null;
        bool hang = false;
        for (int i = 0; i < arguments.Count; i++)
        {
            string name = arguments[i];
            if (name is "--help" or "-h")
                return (new CommandLine(Options: null), null);
            if (Switches.Contains(name))
            {
                values[name] = "";
                continue;
            }

            if (!Valued.Contains(name))
                return (null, $"unknown option {name}; --help lists them");
            if (i + 1 == arguments.Count || arguments[i + 1].Length == 0)
                return (null, $"option {name} needs a value");
            string value = arguments[++i];
            if (name != "--fault")
                values[name] = value;
            else if (value == "hang-starts")
                hang = true;
            else if (!TryFault(value, out fault))
                return (null, $"option --fault has no fault {value}; use delay=MS, cut=BYTES, refuse=STATUS, garbage, silence or hang-starts");
        }

        if (values["--workdir"].Length == 0)
            return (null, "name the node's directory with --workdir DIR or NOSLATED_WORKDIR");
        if (!TryCount(values["--data-planes"], out int dataPlanes))
            return (null, $"--data-planes (NOSLATED_DATA_PLANE_COUNT) is {values["--data-planes"]}: use 1 to 16");
        if (!TryCount(values["--control-planes"], out int controlPlanes))
            return (null, $"--control-planes (NOSLATED_CONTROL_PLANE_COUNT) is {values["--control-planes"]}: use 1 to 16");
        var options = new EmulatorOptions
        {
            Workdir = values["--workdir"],
            NodePath = values.GetValueOrDefault("--node", "node"),
            LogDir = values["--log-dir"].Length == 0 ? null : values["--log-dir"],
            DataPlaneCount = dataPlanes,
            ControlPlaneCount = controlPlanes,
            BuiltInEcho = values.ContainsKey("--echo"),
            CircuitBreaker = values.ContainsKey("--breaker"),
            BackPressure = !values.ContainsKey("--no-back-pressure"),
        };
        return (new CommandLine(options, fault, hang), null);
    }

    private static bool TryCount(string text, out int count)
    {
        count = 1;
        return text.Length == 0
            || (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out count) && count is >= 1 and <= 16);
    }

    private static bool TryFault(string text, out CallFault? fault)
    {
        string[] parts = text.Split('=', 2);
        int value = 0;
        bool numbered = parts.Length == 2 && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out value);
        fault = (parts[0], parts.Length, numbered) switch
        {
            ("garbage", 1, _) => CallFault.Garbage,
            ("silence", 1, _) => CallFault.Silence,
            ("delay", 2, true) => CallFault.Delay(TimeSpan.FromMilliseconds(value)),
            ("cut", 2, true) => CallFault.CutAfter(value),
            ("refuse", 2, true) when value is >= 1 and <= 16 => CallFault.Refuse(value, "refused by --fault"),
            _ => null,
        };
        return fault is not null;
    }
}
