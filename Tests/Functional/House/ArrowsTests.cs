using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Functional.House;

/// <summary>Which project may point at which.</summary>
public sealed class ArrowsTests
{
    private const string Prefix = "NoslateFleet.";

    public static TheoryData<string> ProductProjects => [.. Product.ProductProjects];

    [Fact]
    public void ProductProject_IsOneOfTheHouse() =>
        Assert.Equal(Product.Arrows.Keys.Order(StringComparer.Ordinal), Product.ProductProjects.Select(Product.NameOf).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(ProductProjects))]
    public void ProjectFile_PointsOnlyWhereItMay(string project)
    {
        var allowed = Product.Arrows[Product.NameOf(project)].Select(name => $"{name}/{name}.csproj");
        Assert.Empty(Product.ReferencesOf(project).Except(allowed));
    }

    [Fact]
    public void SharedBuildFiles_AddNoArrow()
    {
        foreach (var file in new[] { "Directory.Build.props", "Directory.Packages.props" })
        {
            Assert.Empty(Product.ItemsOf(file, "ProjectReference"));
        }
    }

    /// <summary>
    /// Compiled code may name what its project may point at, directly or through another: Silo may hand Coordination's types from Grains
    /// to Gateway. An assembly of the Orleans half that was not built is not looked at; its project file is, above.
    /// </summary>
    [Theory]
    [MemberData(nameof(ProductProjects))]
    public void Assembly_NamesOnlyWhatItMay(string project)
    {
        var path = Product.AssemblyOf(project);
        if (!File.Exists(path))
        {
            Assert.DoesNotContain(project, Product.Standalone);
            return;
        }

        var ours = ReferencesOf(path).Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)).Select(name => name[Prefix.Length..]);
        Assert.Empty(ours.Except(Reachable(Product.NameOf(project))));
    }

    [Theory]
    [InlineData("Gateway", "Noslate")]
    [InlineData("Emulator", "Noslate")]
    public void Assembly_NamesWhatItUses(string project, string used) =>
        Assert.Contains(Prefix + used, ReferencesOf(Product.AssemblyOf($"{project}/{project}.csproj")));

    [Fact]
    public void Coordination_KnowsNoWebServerNoOrleansAndNoRedis()
    {
        const string Project = "Coordination/Coordination.csproj";
        Assert.DoesNotContain(Product.ItemsOf(Project, "FrameworkReference"), f => f.Contains("AspNetCore", StringComparison.OrdinalIgnoreCase));
        Assert.DoesNotContain("Sdk.Web", File.ReadAllText(Repository.PathOf(Project)), StringComparison.Ordinal);
        Assert.DoesNotContain(Product.ItemsOf(Project, "PackageReference"), IsForeign);
        Assert.DoesNotContain(ReferencesOf(Product.AssemblyOf(Project)), IsForeign);

        static bool IsForeign(string name) =>
            name.StartsWith("Microsoft.AspNetCore", StringComparison.OrdinalIgnoreCase)
            || name.StartsWith("Orleans", StringComparison.OrdinalIgnoreCase)
            || Product.IsOrleansOrRedis(name);
    }

    private static HashSet<string> Reachable(string name)
    {
        var reachable = new HashSet<string>(Product.Arrows[name], StringComparer.Ordinal);
        foreach (var next in Product.Arrows[name])
        {
            reachable.UnionWith(Reachable(next));
        }

        return reachable;
    }

    private static List<string> ReferencesOf(string assembly)
    {
        using var file = new PEReader(File.OpenRead(assembly));
        var metadata = file.GetMetadataReader();
        return [.. metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name))];
    }
}
