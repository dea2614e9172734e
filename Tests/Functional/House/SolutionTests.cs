using System.Text.Json;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Functional.House;

/// <summary>What the two solutions hold, and where packages come from.</summary>
public sealed class SolutionTests
{
    public static TheoryData<string> StandaloneProjects => [.. Product.Standalone];

    [Fact]
    public void WholeSolution_HoldsEveryProject() =>
        Assert.Equal(Product.Projects.Order(StringComparer.Ordinal), Product.Whole.Order(StringComparer.Ordinal));

    [Fact]
    public void Standalone_IsEverythingThatNeedsNoOrleansAndNoRedisPackage() =>
        Assert.Equal(
            Product.Whole.Where(project => !Product.NeedsOrleansOrRedis(project)).Order(StringComparer.Ordinal),
            Product.Standalone.Order(StringComparer.Ordinal));

    [Fact]
    public void OrleansHalf_NeedsOrleansPackages()
    {
        Assert.True(Product.NeedsOrleansOrRedis("Grains/Grains.csproj"));
        Assert.True(Product.NeedsOrleansOrRedis("Silo/Silo.csproj"));
    }

    /// <summary>Also not through another package: read from what the restore resolved.</summary>
    [Theory]
    [MemberData(nameof(StandaloneProjects))]
    public void StandaloneProject_ResolvesNoOrleansAndNoRedisPackage(string project)
    {
        var assets = Repository.PathOf(Path.GetDirectoryName(project)!, "obj", "project.assets.json");
        using var resolved = JsonDocument.Parse(File.ReadAllText(assets));
        Assert.DoesNotContain(resolved.RootElement.GetProperty("libraries").EnumerateObject(), library => Product.IsOrleansOrRedis(library.Name));
    }

    [Fact]
    public void PackageVersions_StandInOneFile()
    {
        var wrong = Product.Files()
            .Where(f => f.EndsWith(".csproj", StringComparison.Ordinal) || f.EndsWith(".props", StringComparison.Ordinal) || f.EndsWith(".targets", StringComparison.Ordinal))
            .Where(f => f != "Directory.Packages.props")
            .SelectMany(f => System.Xml.Linq.XDocument.Load(Repository.PathOf(f)).Descendants()
                .Where(e => e.Name.LocalName == "PackageVersion"
                    || (e.Name.LocalName is "PackageReference" or "GlobalPackageReference"
                        && (e.Attributes().Any(a => a.Name.LocalName is "Version" or "VersionOverride")
                            || e.Elements().Any(c => c.Name.LocalName is "Version" or "VersionOverride"))))
                .Select(e => $"{f}: {e}"));
        Assert.Empty(wrong);
    }

    [Fact]
    public void LockFile_IsNotThere() =>
        Assert.DoesNotContain(Product.Files(), f => Path.GetFileName(f) == "packages.lock.json");
}
