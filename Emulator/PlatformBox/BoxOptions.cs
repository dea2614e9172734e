using System.Globalization;

namespace NoslateFleet.Emulator.PlatformBox;

/// <summary>Which generation of Function Compute is played: only the older one calls /pre-freeze.</summary>
internal enum PlatformVersion
{
    Fc2,
    Fc3,
}

/// <summary>How the instances belong to a fleet; all but Standalone need the silo's program and Redis.</summary>
internal enum BoxTopology
{
    Standalone,
    Island,
    Mesh,
}

/// <summary>The options of the verb <c>platform</c>.</summary>
internal sealed record BoxOptions
{
    public const string HelpText = """
        The platform in a box: plays Function Compute to real instances of the product, freezes, thaws, stops and kills them under load,
        and checks that no request was lost and everything is accounted for. See docs/platform-in-a-box.md.

        Usage: NoslateFleet.Emulator platform --gateway FILE [options]

          --instances N     how many instances at a time, 1 to 32 (default 3)
          --version V       fc2, which calls /pre-freeze, or fc3, which does not (default fc3)
          --topology T      standalone, the gateway alone; island or mesh, silos with a Redis of their own (default standalone)
          --seed S          a whole number from 0; the same seed is the same schedule (default 1)
          --for TIME        how long a schedule: 500ms, 60s, 2m (default 60s); a busy machine takes longer for it
          --requests R      at most so many requests (default: as many as fit)
          --print-schedule  print the schedule and run nothing
          --gateway FILE    the instances' program, NoslateFleet.Gateway.dll or, with a fleet, NoslateFleet.Silo.dll; ./run platform knows it
          --node PATH       the node program, 18 or later (default: node in PATH)
          --help            this text

        Ctrl+C ends everything and tells what there was so far. The last line is "platform: ok" or "platform: VIOLATED" with what was.
        Exit codes: 0 ok, 1 something was violated or can't start, 2 wrong options.
        """;

    private static readonly string[] Valued = ["--instances", "--version", "--topology", "--seed", "--for", "--requests", "--gateway", "--node"];

    public int Instances { get; init; } = 3;

    public PlatformVersion Version { get; init; } = PlatformVersion.Fc3;

    public BoxTopology Topology { get; init; }

    public ulong Seed { get; init; } = 1;

    public TimeSpan For { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The most requests there may be.</summary>
    public int Requests { get; init; } = int.MaxValue;

    public bool PrintSchedule { get; init; }

    public bool Help { get; init; }

    /// <summary>The gateway's program; empty where none is needed.</summary>
    public string Gateway { get; init; } = "";

    public string Node { get; init; } = "node";

    /// <returns>The options, or what is wrong with them.</returns>
    public static (BoxOptions? Options, string? Error) Parse(IReadOnlyList<string> arguments)
    {
        var options = new BoxOptions();
        for (int i = 0; i < arguments.Count; i++)
        {
            string name = arguments[i];
            string? value = null;
            if (name.StartsWith("--", StringComparison.Ordinal) && name.IndexOf('=', StringComparison.Ordinal) is var sign and > 0)
                (name, value) = (name[..sign], name[(sign + 1)..]);
            if (name is "--help" or "-h" && value is null)
                return (new BoxOptions { Help = true }, null);
            if (name == "--print-schedule" && value is null)
            {
                options = options with { PrintSchedule = true };
                continue;
            }

            if (!Valued.Contains(name))
                return (null, $"unknown option {arguments[i]}; --help lists them");
            if (value is null && ++i < arguments.Count)
                value = arguments[i];
            if (string.IsNullOrEmpty(value))
                return (null, $"option {name} needs a value");
            if (With(options, name, value) is not { } next)
                return (null, $"option {name} is '{value}': {Wanted(name)}");
            options = next;
        }

        return options.Gateway.Length == 0 && !options.PrintSchedule
            ? (null, "name the gateway's program with --gateway; ./run platform does it for you")
            : (options, null);
    }

    /// <summary>A time as people write it.</summary>
    public static bool TryTime(string text, out TimeSpan time)
    {
        (string unit, double milliseconds)[] units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
        foreach ((string unit, double milliseconds) in units)
        {
            if (text.EndsWith(unit, StringComparison.Ordinal)
                && double.TryParse(text[..^unit.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number)
                && number * milliseconds is >= 1 and <= 86_400_000)
            {
                time = TimeSpan.FromMilliseconds(number * milliseconds);
                return true;
            }
        }

        time = default;
        return false;
    }

    private static BoxOptions? With(BoxOptions options, string name, string value)
    {
        switch (name)
        {
            case "--instances":
                return TryNumber(value, 32, out int instances) ? options with { Instances = instances } : null;
            case "--version":
                return value switch
                {
                    "fc2" => options with { Version = PlatformVersion.Fc2 },
                    "fc3" => options with { Version = PlatformVersion.Fc3 },
                    _ => null,
                };
            case "--topology":
                return value switch
                {
                    "standalone" => options with { Topology = BoxTopology.Standalone },
                    "island" => options with { Topology = BoxTopology.Island },
                    "mesh" => options with { Topology = BoxTopology.Mesh },
                    _ => null,
                };
            case "--seed":
                return ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed)
                    ? options with { Seed = seed }
                    : null;
            case "--for":
                return TryTime(value, out TimeSpan time) ? options with { For = time } : null;
            case "--requests":
                return TryNumber(value, 10_000_000, out int requests) ? options with { Requests = requests } : null;
            case "--gateway":
                return File.Exists(value) ? options with { Gateway = Path.GetFullPath(value) } : null;
            default:
                return options with { Node = value };
        }
    }

    private static string Wanted(string name) => name switch
    {
        "--instances" => "use 1 to 32",
        "--version" => "use fc2 or fc3",
        "--topology" => "use standalone, island or mesh",
        "--seed" => "use a whole number from 0",
        "--for" => "use a time of at most a day, such as 500ms, 60s or 2m",
        "--requests" => "use 1 to 10000000",
        _ => "there is no such file",
    };

    private static bool TryNumber(string text, int most, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number >= 1 && number <= most;
}
