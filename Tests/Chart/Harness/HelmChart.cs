using System.Text.Json.Nodes;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Chart.Harness;

/// <summary>The chart, rendered by helm where it is on the PATH, else by the renderer beside these tests.</summary>
internal static class HelmChart
{
    private const string Libraries = "/usr/share/gocode";
    private const string OperatorApi = "monitoring.coreos.com/v1";

    private static readonly Lazy<Task<string>> _renderer = new(BuildRendererAsync);

    /// <summary>The values without which the defaults render nothing: a Redis.</summary>
    public const string WithRedis = "redis: { endpoints: ['redis:6379'] }";

    public static string Root { get; } = Repository.PathOf("charts", "noslate-fleet");

    public static JsonObject Defaults { get; } = Yaml.Object(File.ReadAllText(Path.Combine(Root, "values.yaml")));

    /// <summary>The complete examples, by file name.</summary>
    public static IReadOnlyList<string> Examples { get; } =
        [.. Directory.GetFiles(Path.Combine(Root, "ci"), "*-values.yaml").Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    public static string Example(string name) => File.ReadAllText(Path.Combine(Root, "ci", name));

    /// <summary>Renders with these values; fails the test if that does not succeed.</summary>
    public static async Task<Manifests> RenderAsync(string values, bool knowsOperator = true, string release = "fleet")
    {
        var said = await RunAsync(values, notes: false, knowsOperator, release: release);
        Assert.True(said.ExitCode == 0, said.Error);
        return new Manifests([.. Yaml.Documents(said.Output).OfType<JsonObject>()]);
    }

    public static async Task<string> NotesAsync(string values)
    {
        var said = await RunAsync(values, notes: true, knowsOperator: false);
        Assert.True(said.ExitCode == 0, said.Error);
        return said.Output;
    }

    /// <summary>Renders what must not render, and gives the reason.</summary>
    public static async Task<string> RefusalAsync(string values, string release = "fleet")
    {
        var said = await RunAsync(values, notes: false, knowsOperator: true, release: release);
        Assert.True(said.ExitCode != 0, "it was rendered");
        return said.Error;
    }

    public static async Task<Said> RunAsync(string values, bool notes, bool knowsOperator, string kubeVersion = "1.30.0", string release = "fleet", string? chart = null)
    {
        using var directory = new TempDirectory();
        var file = directory.Combine("values.yaml");
        await File.WriteAllTextAsync(file, values);
        if (Helm() is { } helm)
        {
            string[] command = notes ? ["install", "--dry-run=client"] : ["template"];
            string[] apis = knowsOperator ? ["--api-versions", OperatorApi] : [];
            string[] version = notes ? [] : ["--kube-version", kubeVersion, .. apis];
            return await Said.RunAsync(helm, [.. command, release, chart ?? Root, "--namespace", "functions", "--values", file, .. version], Root);
        }

        Requires.Program("go");
        Requires.Folder(Path.Combine(Libraries, "src", "github.com", "Masterminds", "sprig"), "the Go library sprig (golang-github-masterminds-sprig-dev)");
        Requires.Folder(Path.Combine(Libraries, "src", "gopkg.in", "yaml.v3"), "the Go library yaml.v3 (golang-gopkg-yaml.v3-dev)");
        var renderer = await _renderer.Value;
        var arguments = new List<string> { "-name", release, "-namespace", "functions", "-values", file, "-kube-version", kubeVersion };
        if (notes)
        {
            arguments.Add("-notes");
        }

        if (knowsOperator)
        {
            arguments.AddRange(["-api-versions", OperatorApi]);
        }

        return await Said.RunAsync(renderer, [.. arguments, chart ?? Root], Root);
    }

    public static string? Helm() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
        .Select(directory => Path.Combine(directory, "helm"))
        .FirstOrDefault(File.Exists);

    private static async Task<string> BuildRendererAsync()
    {
        // Beside the tests, so that the next run finds its cache.
        var program = Path.Combine(AppContext.BaseDirectory, "renderer");
        var said = await Said.RunAsync(
            Requires.Program("go"),
            ["build", "-o", program, "main.go"],
            Repository.PathOf("Tests", "Chart", "Renderer"),
            ("GO111MODULE", "off"),
            ("GOFLAGS", ""),
            ("GOPATH", Libraries),
            ("GOCACHE", Path.Combine(AppContext.BaseDirectory, "renderer-cache")));
        return said.ExitCode == 0 ? program : throw new InvalidOperationException("The renderer was not built: " + said.Error);
    }
}
