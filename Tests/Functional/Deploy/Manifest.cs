using System.Globalization;
using NoslateFleet.Tests.Common;
using YamlDotNet.RepresentationModel;

namespace NoslateFleet.Tests.Functional.Deploy;

/// <summary>A manifest of Function Compute, flattened: its values by their paths, such as <c>triggers[].triggerName</c>.</summary>
internal sealed class Manifest
{
    private readonly Dictionary<string, List<string>> _values = new(StringComparer.Ordinal);

    private Manifest(YamlNode props) => Add("", props);

    /// <summary>The manifest of Function Compute 3.0.</summary>
    public static Manifest Fc3 => new(Read("s.yaml", "resources"));

    /// <summary>The manifest of Function Compute 2.0.</summary>
    public static Manifest Fc2 => new(Read("s.fc2.yaml", "services"));

    public IReadOnlyCollection<string> Paths => _values.Keys;

    public string this[string path] => Assert.Single(_values[path]);

    public int Number(string path) => int.Parse(this[path], CultureInfo.InvariantCulture);

    /// <summary>The environment variables below a path.</summary>
    public IReadOnlyDictionary<string, string> Environment(string path) =>
        _values.Where(v => v.Key.StartsWith(path + ".", StringComparison.Ordinal)).ToDictionary(v => v.Key[(path.Length + 1)..], v => v.Value[0], StringComparer.Ordinal);

    /// <summary>Paths that a list of known keys does not have.</summary>
    public IEnumerable<string> UnknownTo(string list)
    {
        var known = File.ReadAllLines(Repository.PathOf("Tests", "Functional", "Deploy", list)).Where(l => l.Length > 0 && l[0] != '#').ToHashSet(StringComparer.Ordinal);
        return Paths.Where(p => !known.Contains(p) && !known.Contains(p[..(p.LastIndexOf('.') + 1)] + "*"));
    }

    private static YamlNode Read(string file, string section)
    {
        var stream = new YamlStream();
        using var reader = File.OpenText(Repository.PathOf("deploy", "fc", file));
        stream.Load(reader);
        var resource = Assert.Single(((YamlMappingNode)stream.Documents[0].RootNode[section]).Children).Value;
        return resource["props"];
    }

    private void Add(string path, YamlNode node)
    {
        switch (node)
        {
            case YamlMappingNode mapping:
                foreach (var (key, value) in mapping.Children)
                {
                    Add(path.Length == 0 ? key.ToString() : $"{path}.{key}", value);
                }

                break;
            case YamlSequenceNode sequence:
                foreach (var item in sequence)
                {
                    Add(path + "[]", item);
                }

                break;
            default:
                if (!_values.TryGetValue(path, out var values))
                {
                    _values[path] = values = [];
                }

                values.Add(node.ToString());
                break;
        }
    }
}
