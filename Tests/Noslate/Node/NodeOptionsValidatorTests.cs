using NoslateFleet.Noslate.Node;

namespace NoslateFleet.Tests.Noslate.Node;

public sealed class NodeOptionsValidatorTests
{
    [Fact]
    public void Defaults_WithWorkdir_AreValid() => Assert.Empty(NodeOptionsValidator.Validate(new NodeOptions { Workdir = "/tmp/n" }));

    [Fact]
    public void EveryViolation_IsToldWithKeyAndValue()
    {
        IReadOnlyList<string> errors = NodeOptionsValidator.Validate(new NodeOptions
        {
            Workdir = " ",
            DataPlanes = 0,
            ControlPlanes = 65,
            ReconnectMin = TimeSpan.FromSeconds(6),
            ReconnectMax = TimeSpan.Zero,
            CallTimeout = TimeSpan.FromSeconds(-1),
            SetProfilesTimeout = TimeSpan.MaxValue,
        });
        Assert.Equal(7, errors.Count);
        Assert.Single(errors, e => e.StartsWith("Node:Workdir is not set", StringComparison.Ordinal));
        Assert.Single(errors, e => e.StartsWith("Node:DataPlanes is 0;", StringComparison.Ordinal));
        Assert.Single(errors, e => e.StartsWith("Node:ControlPlanes is 65;", StringComparison.Ordinal));
        Assert.Single(errors, e => e.StartsWith("Node:ReconnectMin is 00:00:06, more than Node:ReconnectMax", StringComparison.Ordinal));
        Assert.Single(errors, e => e.StartsWith("Node:ReconnectMax is 00:00:00;", StringComparison.Ordinal));
        Assert.Single(errors, e => e.StartsWith("Node:CallTimeout is -00:00:01;", StringComparison.Ordinal));
        Assert.Single(errors, e => e.StartsWith("Node:SetProfilesTimeout is", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(1, 90, true)]
    [InlineData(1, 91, true)]
    [InlineData(1, 92, false)]
    [InlineData(11, 91, false)]
    [InlineData(11, 90, true)]
    public void SocketPath_MayHave107Bytes(int planes, int workdirBytes, bool valid)
    {
        string workdir = "/" + new string('w', workdirBytes - 1);
        Assert.Equal(valid, NodeOptionsValidator.Validate(new NodeOptions { Workdir = workdir, DataPlanes = planes }).Count == 0);
    }

    [Fact]
    public void SocketPath_IsCountedInUtf8Bytes() =>
        Assert.Single(NodeOptionsValidator.Validate(new NodeOptions { Workdir = "/" + new string('你', 31) }));

    [Fact]
    public void Workdir_WithNul_IsRefused() => Assert.Single(NodeOptionsValidator.Validate(new NodeOptions { Workdir = "/a\0b" }));
}
