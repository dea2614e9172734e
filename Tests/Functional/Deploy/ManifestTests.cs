using System.Globalization;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Functional.Deploy;

/// <summary>deploy/fc: keys that the tools know, values that fit together and the platform's limits.</summary>
public sealed class ManifestTests
{
    // https://help.aliyun.com/zh/functioncompute/fc/product-overview/limits-of-usage
    private const int MostInitializer = 300;
    private const int MostPreStop = 90;
    private const int MostConcurrency = 200;

    [Fact]
    public void Fc3_HasOnlyKeysThatItsToolKnows() => Assert.Empty(Manifest.Fc3.UnknownTo("fc3-keys.txt"));

    [Fact]
    public void Fc2_HasOnlyKeysThatItsToolKnows() => Assert.Empty(Manifest.Fc2.UnknownTo("fc2-keys.txt"));

    /// <summary>3.0 has no pre-freeze hook, so this also shows that the lists tell the two apart.</summary>
    [Fact]
    public void KeyCheck_FindsTheKeysOfTheOtherVersion()
    {
        Assert.Contains("function.instanceLifecycleConfig.preFreeze.handler", Manifest.Fc2.UnknownTo("fc3-keys.txt"));
        Assert.Contains("functionName", Manifest.Fc3.UnknownTo("fc2-keys.txt"));
        Assert.DoesNotContain(Manifest.Fc3.Paths, p => p.Contains("preFreeze", StringComparison.Ordinal));
    }

    [Fact]
    public void Fc3_FitsTogether()
    {
        var manifest = Manifest.Fc3;
        var environment = manifest.Environment("environmentVariables");
        Assert.Equal("custom-container", manifest["runtime"]);
        Assert.Equal(new PlatformOptions().Port, manifest.Number("customContainerConfig.port"));
        Assert.Equal(manifest["customContainerConfig.healthCheckConfig.httpGetUrl"], environment["Platform__HealthPath"]);
        Assert.Equal(manifest["instanceConcurrency"], environment["Admission__MaxConcurrent"]);
        Assert.InRange(manifest.Number("instanceConcurrency"), 2, MostConcurrency);
        Assert.InRange(manifest.Number("instanceLifecycleConfig.initializer.timeout"), 1, MostInitializer);
        Assert.InRange(manifest.Number("instanceLifecycleConfig.preStop.timeout"), 1, MostPreStop);
        Assert.Equal(manifest["instanceLifecycleConfig.preStop.timeout"] + "s", environment["Lifecycle__StopBudget"]);
        CheckCommon(manifest, environment, "memorySize", "cpu");
    }

    [Fact]
    public void Fc2_FitsTogether()
    {
        var manifest = Manifest.Fc2;
        var environment = manifest.Environment("function.environmentVariables");
        Assert.Equal("custom-container", manifest["function.runtime"]);
        Assert.Equal("true", manifest["function.customContainerConfig.webServerMode"]);
        Assert.Equal(new PlatformOptions().Port, manifest.Number("function.caPort"));
        Assert.Equal(manifest["function.customHealthCheckConfig.httpGetUrl"], environment["Platform__HealthPath"]);
        Assert.Equal(manifest["function.instanceConcurrency"], environment["Admission__MaxConcurrent"]);
        Assert.InRange(manifest.Number("function.instanceConcurrency"), 2, MostConcurrency);
        Assert.InRange(manifest.Number("function.initializationTimeout"), 1, MostInitializer);
        Assert.InRange(manifest.Number("function.instanceLifecycleConfig.preStop.timeout"), 1, MostPreStop);
        Assert.Equal(manifest["function.instanceLifecycleConfig.preStop.timeout"] + "s", environment["Lifecycle__StopBudget"]);
        Assert.Equal(manifest["function.instanceLifecycleConfig.preFreeze.timeout"] + "s", environment["Lifecycle__FreezeBudget"]);
        Assert.Equal(string.Create(CultureInfo.InvariantCulture, $"{(manifest.Number("function.timeout") * 1000) - 500}ms"), environment["Forwarding__Timeout"]);
        CheckCommon(manifest, environment, "function.memorySize", "function.cpu");
    }

    /// <summary>What both versions say must be the same, wherever it stands.</summary>
    [Fact]
    public void BothVersions_SetTheSameEnvironment()
    {
        var newer = Manifest.Fc3.Environment("environmentVariables");
        var older = Manifest.Fc2.Environment("function.environmentVariables");
        Assert.Equal(["Forwarding__Timeout", "Lifecycle__FreezeBudget"], older.Keys.Except(newer.Keys).Order(StringComparer.Ordinal));
        Assert.Empty(newer.Keys.Except(older.Keys));
        Assert.All(newer.Where(v => !v.Value.StartsWith("${", StringComparison.Ordinal)), v => Assert.Equal(v.Value, older[v.Key]));
    }

    private static void CheckCommon(Manifest manifest, IReadOnlyDictionary<string, string> environment, string memory, string cpu)
    {
        // vCPU to GB from 1:1 to 1:4, as the platform asks for.
        Assert.InRange(manifest.Number(memory) / 1024.0 / manifest.Number(cpu), 1, 4);
        foreach (var name in environment.Keys.Where(k => k.StartsWith("Redis__", StringComparison.Ordinal) || k.EndsWith("Token", StringComparison.Ordinal)))
        {
            Assert.StartsWith("${env(", environment[name], StringComparison.Ordinal);
        }

        // All environment variables together: 4 KB.
        Assert.InRange(environment.Sum(v => v.Key.Length + v.Value.Length + 2), 1, 2048);
        Assert.DoesNotContain(File.ReadAllText(Repository.PathOf("deploy", "fc", "s.yaml")), "LTAI", StringComparison.Ordinal);
    }
}
