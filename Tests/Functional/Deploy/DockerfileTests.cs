using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Functional.House;

namespace NoslateFleet.Tests.Functional.Deploy;

/// <summary>Rules of deploy/Dockerfile that hold without building it.</summary>
public sealed class DockerfileTests
{
    private const string Program = "/opt/noslate-fleet/Silo";

    private readonly Dockerfile _file = Dockerfile.Read();

    [Fact]
    public void Base_IsTheNoslateImage_OfAVersionThatTheBuilderNames_WithADigestIfGiven()
    {
        Assert.Equal(
            ["mcr.microsoft.com/dotnet/sdk:${DOTNET_SDK_VERSION}${DOTNET_SDK_DIGEST} AS build", "ghcr.io/noslate-project/noslate:${NOSLATE_VERSION}${NOSLATE_DIGEST}"],
            _file.All("FROM").Select(f => f.Replace("--platform=linux/amd64 ", "", StringComparison.Ordinal)));
        Assert.Contains("NOSLATE_VERSION", _file.All("ARG"));
        Assert.Contains("NOSLATE_DIGEST=", _file.All("ARG"));
        Assert.Contains("DOTNET_SDK_DIGEST=", _file.All("ARG"));
        Assert.DoesNotContain(_file.All("ARG"), a => a.StartsWith("NOSLATE_VERSION=", StringComparison.Ordinal));
    }

    [Fact]
    public void Files_AreThoseOfTheLayoutScript() => Assert.Equal(["deploy/layout /layout"], _file.All("RUN"));

    [Fact]
    public void Image_RunsOurProcess_WithItsPortItsCheckAndAnotherUserThanRoot()
    {
        Assert.Equal([$"[\"{Program}\"]"], _file.LastStage("ENTRYPOINT"));
        Assert.Equal([$"{new PlatformOptions().Port}"], _file.LastStage("EXPOSE"));
        Assert.EndsWith($"CMD [\"{Program}\", \"{HealthCommand.Verb}\"]", Assert.Single(_file.LastStage("HEALTHCHECK")), StringComparison.Ordinal);
        Assert.Equal(["${RUN_AS}"], _file.LastStage("USER"));
        Assert.Contains("RUN_AS=10001", _file.LastStage("ARG"));
        Assert.Empty(_file.LastStage("CMD"));
        Assert.Contains("org.opencontainers.image.base.name", Assert.Single(_file.LastStage("LABEL")), StringComparison.Ordinal);
    }

    /// <summary>The health check's own limit must end before the engine's, or nobody reads what is wrong.</summary>
    [Fact]
    public void HealthCheck_HasALongerTimeoutThanTheVerb() =>
        Assert.Contains("--timeout=3s", Assert.Single(_file.LastStage("HEALTHCHECK")), StringComparison.Ordinal);

    [Fact]
    public void BuildContext_HasEveryProjectThatIsPublished_AndNothingOfTheTests()
    {
        var kept = File.ReadAllLines(Repository.PathOf(".dockerignore")).Where(l => l.StartsWith('!')).Select(l => l[1..].TrimEnd('/')).ToHashSet(StringComparer.Ordinal);
        Assert.Contains("*", File.ReadAllLines(Repository.PathOf(".dockerignore")));
        Assert.Subset(kept, Product.Closure("Silo/Silo.csproj").Select(p => p.Split('/')[0]).ToHashSet(StringComparer.Ordinal));
        Assert.Subset(kept, new HashSet<string> { ".ci", "deploy", "Directory.Build.props", "Directory.Packages.props", "global.json", ".editorconfig" });
        Assert.DoesNotContain("Tests", kept);
        Assert.All(kept, k => Assert.True(Path.Exists(Repository.PathOf(k)), k));
    }

    [Theory]
    [InlineData("--product", "--product needs silo or gateway")]
    [InlineData("--product=other x", "--product needs silo or gateway, not 'other'")]
    [InlineData("--what x", "unknown option --what")]
    [InlineData("x y", "one folder, not 'x' and 'y'")]
    [InlineData("", "a folder to build into is needed")]
    [InlineData("deploy", "deploy is there and is not an empty folder")]
    public async Task Layout_RefusesWhatItCannotUse(string arguments, string message)
    {
        var said = await Scripts.RunAsync(["bash", "deploy/layout", .. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        Assert.Equal(2, said.ExitCode);
        Assert.Contains(message, said.Error, StringComparison.Ordinal);
    }
}
