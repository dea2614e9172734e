using NoslateFleet.Gateway.Supervision;

namespace NoslateFleet.Tests.Gateway.Supervision;

public sealed class ChildEnvironmentTests
{
    private static string[] Passed(string[] names, params string[] further) =>
        [.. ChildEnvironment.Of(names.Select(name => KeyValuePair.Create(name, "x")), further).Keys];

    [Fact]
    public void OnlyWhatIsNamed_Passes() => Assert.Equal(
        ["PATH", "LC_ALL", "NOSLATE_BIN", "NOSLATED_WORKDIR", "TURF_WORKDIR", "LIBTURF_PATH"],
        Passed(["PATH", "LC_ALL", "NOSLATE_BIN", "NOSLATED_WORKDIR", "TURF_WORKDIR", "LIBTURF_PATH", "MY_SECRET", "path", "XNOSLATE_A"]));

    [Theory]
    [InlineData("ALIBABA_CLOUD_ACCESS_KEY_SECRET")]
    [InlineData("alibaba_cloud_security_token")]
    [InlineData("Gateway__Admin__Token")]
    [InlineData("Admin__Token")]
    [InlineData("NOSLATE__X")]
    [InlineData("FC_ACCOUNT_ID")]
    public void CredentialsAndOurSettings_NeverPass_EvenWhenNamed(string name)
    {
        Assert.False(ChildEnvironment.MayPass(name));
        Assert.Empty(Passed([name], name));
    }

    [Fact]
    public void FurtherNames_Pass() => Assert.Equal(["MY_SETTING"], Passed(["MY_SETTING", "OTHER"], "MY_SETTING"));
}
