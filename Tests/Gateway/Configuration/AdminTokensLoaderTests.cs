using Microsoft.Extensions.Configuration;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Gateway.Configuration;

namespace NoslateFleet.Tests.Gateway.Configuration;

/// <summary>What is wrong with tokens is told at the start, all of it at once, and no token with it.</summary>
public sealed class AdminTokensLoaderTests
{
    private static readonly (string, string)[] _good = [("0:Name", "wall"), ("0:Token", "for-reading"), ("0:Role", "read")];

    [Fact]
    public void GoodOnes_AreTaken_InTheirOrder()
    {
        var tokens = Load([.. _good, ("1:Name", "Ops_2.b-1"), ("1:Token", "for-operating"), ("1:Role", "Operate")]).Admin.Tokens;
        Assert.Equal(
            [new AdminToken("wall", "for-reading", AdminRole.Read), new AdminToken("Ops_2.b-1", "for-operating", AdminRole.Operate)], tokens);
    }

    [Theory]
    [InlineData("0:Role", "write", "Admin:Tokens:0:Role = \"write\": must be one of Read, Operate")]
    [InlineData("0:Role", "1", "Admin:Tokens:0:Role = \"1\": must be one of Read, Operate")]
    [InlineData("0:Role", "read, operate", "Admin:Tokens:0:Role = \"read, operate\": must be one of Read, Operate")]
    [InlineData("0:Role", "-0", "Admin:Tokens:0:Role = \"-0\": must be one of Read, Operate")]
    [InlineData("0:Role", "", "Admin:Tokens:0:Role = (not set): must be read or operate")]
    [InlineData("0:Token", "", "Admin:Tokens:0:Token = (not set): must be there: a bearer token")]
    [InlineData("0:Token", "   ", "Admin:Tokens:0:Token = (not set): must be there: a bearer token")]
    [InlineData("0:Token", "has a space", "Admin:Tokens:0:Token = \"(hidden)\": must be visible ASCII characters without spaces, as it travels in a header")]
    [InlineData("0:Token", "pässword", "Admin:Tokens:0:Token = \"(hidden)\": must be visible ASCII characters without spaces, as it travels in a header")]
    [InlineData("0:Token", "of-admin-itself", "Admin:Tokens:0:Token = \"(hidden)\": is the same as another token")]
    [InlineData("0:Name", "", "Admin:Tokens:0:Name = (not set): must be 1 to 64 letters, digits, -, _ and .")]
    [InlineData("0:Name", "the wall", "Admin:Tokens:0:Name = \"the wall\": must be 1 to 64 letters, digits, -, _ and .")]
    [InlineData("0:Name", "admin", "Admin:Tokens:0:Name = \"admin\": is the name of another token (Admin:Token is admin)")]
    public void OneThingWrong_IsTheOnlyErrorTold(string key, string value, string error)
    {
        var errors = Errors([("Admin:Token", "of-admin-itself"), .. _good.Select(pair => ("Admin:Tokens:" + pair.Item1, pair.Item1 == key ? value : pair.Item2))]);
        Assert.Equal(error, Assert.Single(errors));
    }

    [Fact]
    public void NameOf65Characters_IsTooLong_And64AreNot()
    {
        Assert.Single(Load([("0:Name", new string('n', 64)), _good[1], _good[2]]).Admin.Tokens);
        Assert.StartsWith("Admin:Tokens:0:Name = ", Assert.Single(Errors(Keys([("0:Name", new string('n', 65)), _good[1], _good[2]]))), StringComparison.Ordinal);
    }

    [Fact]
    public void NameOrTokenOfAnother_IsNotTakenTwice()
    {
        var errors = Errors(Keys(
        [
            .. _good,
            ("1:Name", "wall"), ("1:Token", "another"), ("1:Role", "read"),
            ("2:Name", "window"), ("2:Token", "for-reading"), ("2:Role", "operate"),
        ]));
        Assert.Equal(
            ["Admin:Tokens:1:Name = \"wall\": is the name of another token (Admin:Token is admin)", "Admin:Tokens:2:Token = \"(hidden)\": is the same as another token"],
            errors);
    }

    [Fact]
    public void OneTextInPlaceOfAList_IsToldHowItIsWritten_AndNotShown()
    {
        var error = Assert.Single(Errors([("Admin:Tokens", "some-secret")]));
        Assert.StartsWith("Admin:Tokens = \"(hidden)\": must be a list: Admin:Tokens:0:Name", error, StringComparison.Ordinal);
    }

    [Fact]
    public void MoreThan32_AreTooMany_And32AreNot()
    {
        Assert.Equal(32, Load(Many(32)).Admin.Tokens.Count);
        Assert.Equal("Admin:Tokens = \"(hidden)\": has 33 tokens, may have 32", Assert.Single(Errors(Keys(Many(33)))));

        static (string, string)[] Many(int count) =>
            [.. Enumerable.Range(0, count).SelectMany(static i => new[] { ($"{i}:Name", $"n-{i}"), ($"{i}:Token", $"t-{i}"), ($"{i}:Role", "read") })];
    }

    [Fact]
    public void EverythingWrong_IsToldAtOnce_WithoutAnyToken()
    {
        var errors = Errors(
        [
            ("Admin:Token", "t0p secret"), ("Admin:MaxListeners", "-1"),
            ("Admin:Tokens:0:Name", "a b"), ("Admin:Tokens:0:Token", "t0p secret"), ("Admin:Tokens:0:Role", "boss"),
            ("Admin:Tokens:1:Name", "lonely"),
            ("Admin:Tokens:2:Name", "lonely"), ("Admin:Tokens:2:Token", "t0p-sécret"), ("Admin:Tokens:2:Role", "read"),
            ("Admission:MaxQueued", "-7"),
        ]);
        Assert.Equal(
            [
                "Admin:MaxListeners", "Admin:Token", "Admin:Tokens:0:Name", "Admin:Tokens:0:Role", "Admin:Tokens:0:Token", "Admin:Tokens:0:Token", "Admin:Tokens:1:Role",
                "Admin:Tokens:1:Token", "Admin:Tokens:2:Name", "Admin:Tokens:2:Token", "Admission:MaxQueued",
            ],
            errors.Select(static error => error[..error.IndexOf(" = ", StringComparison.Ordinal)]).Order(StringComparer.Ordinal));
        Assert.All(errors, static error => Assert.DoesNotContain("t0p", error, StringComparison.Ordinal));
    }

    [Fact]
    public void TokenAmongThem_OpensThePortOffLoopback_AsAdminTokenDoes()
    {
        Assert.Equal("0.0.0.0", Load([("Admin:Address", "0.0.0.0"), .. Keys(_good)], prefixed: true).Admin.Address);
        Assert.StartsWith("Admin:Address = \"0.0.0.0\": is not loopback and needs", Assert.Single(Errors([("Admin:Address", "0.0.0.0")])), StringComparison.Ordinal);
    }

    private static (string, string)[] Keys((string, string)[] values) => [.. values.Select(static pair => ("Admin:Tokens:" + pair.Item1, pair.Item2))];

    private static GatewayOptions Load((string, string)[] values, bool prefixed = false) => LoadKeys(prefixed ? values : Keys(values));

    private static IReadOnlyList<string> Errors((string, string)[] values) => Assert.Throws<ConfigurationErrorsException>(() => LoadKeys(values)).Errors;

    private static GatewayOptions LoadKeys((string Key, string Value)[] values) => GatewayOptionsLoader.Load(new ConfigurationBuilder()
        .AddInMemoryCollection(values.Append(("Node:Workdir", "/tmp/n")).Select(static pair => KeyValuePair.Create(pair.Item1, (string?)pair.Item2)))
        .Build());
}
