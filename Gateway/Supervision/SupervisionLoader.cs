using System.Globalization;
using System.Text;
using Microsoft.Extensions.Configuration;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Noslate.Node;

namespace NoslateFleet.Gateway.Supervision;

/// <summary>Reads how the node is supervised; defaults are those of the Noslate image.</summary>
internal static class SupervisionLoader
{
    private static readonly TimeSpan _millisecond = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan _hour = TimeSpan.FromHours(1);

    // The variables and paths of the image: https://github.com/noslate-project/noslate, its dockerfile and its guide to Function Compute.
    private const string ImagePath = "/usr/local/noslate";
    private const string ImageWorkdir = "/.noslate";

    public static void Load(ConfigurationReader reader, IConfiguration configuration, NodeOptions node, SupervisionOptions options)
    {
        options.Supervise = reader.Flag("Node:Supervise") ?? false;
        node.Hold = options.Supervise;
        var bin = reader.Text("NOSLATE_BIN") ?? Path.Combine(reader.Text("NOSLATE_PATH", ImagePath), "bin");
        var turfWorkdir = reader.Text("TURF_WORKDIR") ?? Path.Combine(reader.Text("NOSLATE_WORKDIR", ImageWorkdir), "turf");
        var logs = reader.Text("NOSLATE_LOGDIR") ?? Path.Combine(reader.Text("NOSLATE_WORKDIR", ImageWorkdir), "logs");
        var program = File.Exists(Path.Combine(bin, "node")) ? Path.Combine(bin, "node") : "node";
        options.TurfdCommand = Command(reader, configuration, "Node:TurfdCommand", mayBeNone: true) ?? [Path.Combine(bin, "turf"), "-D", "-f"];
        options.TurfdSocket = reader.Text("Node:TurfdSocket") ?? Path.Combine(turfWorkdir, "turf.sock");
        options.DataPlaneCommand = Command(reader, configuration, "Node:DataPlaneCommand", mayBeNone: false) ?? [program, Path.Combine(bin, "data_plane")];
        options.ControlPlaneCommand = Command(reader, configuration, "Node:ControlPlaneCommand", mayBeNone: false) ?? [program, Path.Combine(bin, "control_plane")];
        options.StartTimeout = reader.Duration("Node:StartTimeout", options.StartTimeout, TimeSpan.FromMilliseconds(100), _hour);
        options.RestartMin = reader.Duration("Node:RestartMin", options.RestartMin, _millisecond, _hour);
        options.RestartMax = reader.Duration("Node:RestartMax", options.RestartMax, _millisecond, _hour);
        options.MaxDeaths = reader.Integer("Node:MaxDeaths", options.MaxDeaths, 1, 1000);
        options.DeathWindow = reader.Duration("Node:DeathWindow", options.DeathWindow, TimeSpan.FromSeconds(1), TimeSpan.FromDays(1));
        options.StopGrace = reader.Duration("Node:StopGrace", options.StopGrace, TimeSpan.Zero, _hour);
        options.MaxLineBytes = reader.Integer("Node:MaxLineBytes", options.MaxLineBytes, 64, 1024 * 1024);
        options.LastLines = reader.Integer("Node:LastLines", options.LastLines, 0, 200);
        var further = reader.List("Node:Environment") ?? [];
        foreach (var name in further.Where(name => !ChildEnvironment.MayPass(name)))
        {
            reader.Error("Node:Environment", name, "never reaches the node's processes: it is the platform's, or a key of ours (a token, perhaps)");
        }

        if (!options.Supervise)
        {
            return;
        }

        Check(reader, node, options);
        var environment = ChildEnvironment.Of(
            System.Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>()
                .Select(entry => KeyValuePair.Create((string)entry.Key, (string?)entry.Value ?? "")),
            [.. further]);
        environment["NOSLATED_WORKDIR"] = node.Workdir;
        environment["TURF_WORKDIR"] = turfWorkdir;
        environment["NOSLATE_LOGDIR"] = logs;
        environment.TryAdd("NOSLATE_BIN", bin);
        options.Environment = environment;
    }

    private static void Check(ConfigurationReader reader, NodeOptions node, SupervisionOptions options)
    {
        if (!OperatingSystem.IsLinux())
        {
            reader.Error("Node:Supervise", "true", "needs Linux");
        }

        if (options.RestartMin > options.RestartMax)
        {
            reader.Error("Node:RestartMin", options.RestartMin.ToString(), $"must not be longer than Node:RestartMax, which is {options.RestartMax}");
        }

        // How several of a kind are started was never seen.
        if (node.DataPlanes != 1 || node.ControlPlanes != 1)
        {
            reader.Error(node.DataPlanes != 1 ? "Node:DataPlanes" : "Node:ControlPlanes",
                (node.DataPlanes != 1 ? node.DataPlanes : node.ControlPlanes).ToString(CultureInfo.InvariantCulture),
                "must be 1 with Node:Supervise: one data plane and one control plane are started");
        }

        if (options.TurfdCommand.Count > 0 && Encoding.UTF8.GetByteCount(options.TurfdSocket) > NodeOptionsValidator.MaxSocketPathBytes)
        {
            reader.Error("Node:TurfdSocket", options.TurfdSocket, $"must be at most {NodeOptionsValidator.MaxSocketPathBytes} bytes long: unix sockets take no more");
        }
    }

    /// <summary>Words as numbered keys, one each; or one text, split at blanks.</summary>
    private static string[]? Command(ConfigurationReader reader, IConfiguration configuration, string key, bool mayBeNone)
    {
        var text = reader.Text(key);
        if (text is null)
        {
            string[] words = [.. configuration.GetSection(key).GetChildren().OrderBy(child => child.Key, ConfigurationKeyComparer.Instance)
                .Select(child => reader.Text(child.Path) ?? "")];
            if (words.Length == 0)
            {
                return null;
            }

            if (words[0].Length == 0)
            {
                reader.Error(key, "", "must begin with a program");
            }

            return words;
        }

        if (text.Equals("none", StringComparison.OrdinalIgnoreCase))
        {
            if (!mayBeNone)
            {
                reader.Error(key, text, "must be a program and its arguments; the node does not run without it");
            }

            return [];
        }

        return text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
    }
}
