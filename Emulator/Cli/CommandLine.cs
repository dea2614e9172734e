namespace NoslateFleet.Emulator.Cli;

/// <summary>The options of the executable.</summary>
internal sealed record CommandLine(string Workdir, string Node, string? LogDir, bool Echo, bool Help)
{
    public const string HelpText = """
        A Noslate node for development: both planes on unix sockets, nodejs functions in real node processes.

        Usage: NoslateFleet.Emulator --workdir DIR [--node PATH] [--log-dir DIR] [--echo]

          --workdir DIR   the node's directory; sockets are DIR/socks/dp-0.sock and cp-0.sock (default: NOSLATED_WORKDIR)
          --node PATH     the node program, 18 or later (default: node in PATH)
          --log-dir DIR   the workers' logs, DIR/workers/NAME/stdout.log and stderr.log (default: NOSLATE_LOGDIR, or WORKDIR/logs)
          --echo          answer calls of the function echo here, without a worker: for measuring; node is not needed for it
          --help          this text

        Functions arrive as profiles on the control plane. It runs until SIGTERM or SIGINT.
        Exit codes: 0 stopped, 1 can't start, 2 wrong options, 3 no usable node program.
        """;

    /// <returns>The options, or what is wrong with them.</returns>
    public static (CommandLine? Options, string? Error) Parse(IReadOnlyList<string> arguments, Func<string, string?> environment)
    {
        string? workdir = environment("NOSLATED_WORKDIR");
        string? logDir = environment("NOSLATE_LOGDIR");
        string node = "node";
        bool echo = false;
        for (int i = 0; i < arguments.Count; i++)
        {
            string name = arguments[i];
            if (name is "--help" or "-h")
                return (new CommandLine("", node, null, false, true), null);
            if (name == "--echo")
            {
                echo = true;
                continue;
            }

            if (name is not ("--workdir" or "--node" or "--log-dir"))
                return (null, $"unknown option {name}; --help lists them");
            if (i + 1 == arguments.Count || arguments[i + 1].Length == 0)
                return (null, $"option {name} needs a value");
            string value = arguments[++i];
            switch (name)
            {
                case "--workdir":
                    workdir = value;
                    break;
                case "--node":
                    node = value;
                    break;
                default:
                    logDir = value;
                    break;
            }
        }

        return string.IsNullOrEmpty(workdir)
            ? (null, "name the node's directory with --workdir DIR or NOSLATED_WORKDIR")
            : (new CommandLine(workdir, node, string.IsNullOrEmpty(logDir) ? null : logDir, echo, false), null);
    }
}
