using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Functional.House;

/// <summary>When may ./run and ./test leave the Orleans half out? Recorded outputs of <c>dotnet restore</c> are read here.</summary>
public sealed class MissingPackagesTests
{
    private static readonly string _script = Repository.PathOf(".ci", "missing-packages.awk");

    [Theory]
    [InlineData("redis-missing", "StackExchange.Redis (NU1101)")]
    [InlineData("orleans-missing", "Microsoft.Orleans.Server (NU1101), Microsoft.Orleans.Client (NU1101), Microsoft.Orleans.Clustering.Redis (NU1101), StackExchange.Redis (NU1101), Microsoft.Orleans.Sdk (NU1101)")]
    [InlineData("orleans-too-old", "Microsoft.Orleans.Server (NU1102), Microsoft.Orleans.Client (NU1102), Microsoft.Orleans.Clustering.Redis (NU1102), StackExchange.Redis (NU1101), Microsoft.Orleans.Sdk (NU1102)")]
    [InlineData("orleans-prerelease-only", "Microsoft.Orleans.Server (NU1101), Microsoft.Orleans.Client (NU1101), Microsoft.Orleans.Clustering.Redis (NU1101), StackExchange.Redis (NU1101), Microsoft.Orleans.Sdk (NU1103)")]
    public async Task OrleansOrRedisPackageNotFound_NamesThePackages(string recorded, string expected)
    {
        var said = await ReadAsync(Repository.PathOf("Tests", "Functional", "House", "Restore", recorded + ".txt"));
        Assert.Equal((0, expected + "\n"), (said.ExitCode, said.Output));
    }

    [Theory]
    [InlineData("orleans-and-other-missing")]
    [InlineData("misspelt-name")]
    [InlineData("version-missing")]
    [InlineData("source-unreachable")]
    [InlineData("broken-project")]
    [InlineData("no-error-line")]
    public async Task AnyOtherError_IsNotExcused(string recorded)
    {
        var said = await ReadAsync(Repository.PathOf("Tests", "Functional", "House", "Restore", recorded + ".txt"));
        Assert.Equal((1, ""), (said.ExitCode, said.Output));
    }

    [Fact]
    public async Task FailureWithoutOutput_IsNotExcused()
    {
        var said = await ReadAsync("/dev/null");
        Assert.Equal((1, ""), (said.ExitCode, said.Output));
    }

    [Fact]
    public void EveryPackageOfTheOrleansHalf_IsOnTheList()
    {
        var list = File.ReadAllText(_script);
        var packages = Product.ItemsOf("Directory.Packages.props", "PackageVersion").Where(Product.IsOrleansOrRedis).ToList();
        Assert.NotEmpty(packages);
        Assert.DoesNotContain(packages, package => !list.Contains(package + " ", StringComparison.Ordinal) && !list.Contains(package + "\"", StringComparison.Ordinal));
    }

    private static Task<Said> ReadAsync(string file) => Scripts.RunAsync(["awk", "-f", _script, file]);
}
