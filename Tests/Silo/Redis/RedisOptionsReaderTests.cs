using Microsoft.Extensions.Configuration;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Silo.Configuration;
using NoslateFleet.Silo.Dashboard;
using NoslateFleet.Silo.Hosting;
using NoslateFleet.Silo.Redis;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Silo.Redis;

/// <summary>The section Redis: what is read, and that all that is wrong with it is told at the start, at once, and without a secret.</summary>
public sealed class RedisOptionsReaderTests
{
    private const string Secret = "s3cr3t-of-redis";

    [Fact]
    public void NothingSet_ThereIsNoServer_AndTheDefaultsStand()
    {
        var options = Read();
        Assert.False(options.IsConfigured);
        Assert.Equal(
            ("noslatefleet", 0, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5)), (options.Prefix, options.Database, options.Timeout, options.ConnectTimeout));
    }

    [Theory]
    [InlineData("redis")]
    [InlineData("redis:6380")]
    [InlineData("10.0.0.7:6379, redis-1.example.com")]
    [InlineData("[::1]:6379")]
    public void AnAddress_IsTaken_AsWritten(string endpoints) => Assert.NotEmpty(Read(("Endpoints", endpoints)).ToDriver().EndPoints);

    [Theory]
    [InlineData("Endpoints", "redis:0")]
    [InlineData("Endpoints", "redis:65536")]
    [InlineData("Endpoints", "redis:port")]
    [InlineData("Endpoints", "redis:")]
    [InlineData("Endpoints", ":6379")]
    [InlineData("Endpoints", "[redis]:6379")]
    [InlineData("Endpoints", "::1")]
    [InlineData("Endpoints", "two words")]
    [InlineData("Endpoints", "/run/redis.sock")]
    [InlineData("Database", "16")]
    [InlineData("Database", "-1")]
    [InlineData("Database", "first")]
    [InlineData("Tls", "perhaps")]
    [InlineData("TlsHost", "redis.test")]
    [InlineData("TlsCaFile", "/no/such/file")]
    [InlineData("Prefix", "a:b")]
    [InlineData("Prefix", "{a}")]
    [InlineData("Prefix", "caf\u00e9")]
    [InlineData("Prefix", "a b")]
    [InlineData("Timeout", "49ms")]
    [InlineData("Timeout", "1001ms")]
    [InlineData("Timeout", "soon")]
    [InlineData("Timeout", "-1s")]
    [InlineData("ConnectTimeout", "99ms")]
    [InlineData("ConnectTimeout", "31s")]
    public void WrongValue_IsNamed_WithItsKey_Once(string key, string value)
    {
        var error = Assert.Single(key == "Endpoints" ? ErrorsOf((key, value)) : ErrorsOf(("Endpoints", "redis"), (key, value)));
        Assert.StartsWith($"Redis:{key} = \"{value}\": ", error, StringComparison.Ordinal);
    }

    [Fact]
    public void APrefixTooLong_IsNamed() => Assert.Contains("Redis:Prefix", Assert.Single(ErrorsOf(("Prefix", new string('a', 101)))), StringComparison.Ordinal);

    [Theory]
    [InlineData("User", "somebody")]
    [InlineData("Password", Secret)]
    [InlineData("Tls", "true")]
    [InlineData("Database", "3")]
    public void WithoutAnAddress_WhatBelongsToOne_IsPointedOut(string key, string value) =>
        Assert.StartsWith("Redis:Endpoints = (not set): ", Assert.Single(ErrorsOf((key, value))), StringComparison.Ordinal);

    [Theory]
    [InlineData("Endpoints", "redis:6379")]
    [InlineData("User", "somebody")]
    [InlineData("Password", Secret)]
    [InlineData("Database", "3")]
    [InlineData("Tls", "true")]
    [InlineData("TlsHost", "redis.test")]
    public void AConnectionString_ExcludesWhatItTells(string key, string value) => Assert.StartsWith(
        "Redis:ConnectionString is set: ", Assert.Single(ErrorsOf(("ConnectionString", "redis:6379"), (key, value))), StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("user=a")]
    [InlineData("redis:6379,colour=blue")]
    [InlineData("redis:6379,ssl=perhaps")]
    [InlineData("redis:99999")]
    [InlineData("two words:6379")]
    [InlineData("redis://:" + Secret + "@redis:6379")]
    [InlineData("redis:6379,defaultDatabase=16")]
    [InlineData("redis:6379,channelPrefix=mine")]
    public void AConnectionString_ThatCanNotBeUsed_IsNamed_AndNotShown(string text)
    {
        var error = Assert.Single(ErrorsOf(("ConnectionString", text + ",password=" + Secret)));
        Assert.StartsWith("Redis:ConnectionString (not shown): ", error, StringComparison.Ordinal);
    }

    [Fact]
    public void AConnectionString_IsTaken_WithoutWhatTheDriverWouldAdd()
    {
        var driver = Read(("ConnectionString", $"redis:6380,user=somebody,password={Secret},ssl=true,defaultDatabase=3")).ToDriver();
        Assert.Equal(("somebody", Secret, true, 3), (driver.User, driver.Password, driver.Ssl, driver.DefaultDatabase));
        Assert.Equal(("", ""), (driver.TieBreaker, driver.ConfigurationChannel));
    }

    [Fact]
    public void AnAddressWithAPasswordInIt_IsNamed_AndNotShown()
    {
        var error = Assert.Single(ErrorsOf(("Endpoints", $"redis://:{Secret}@redis:6379")));
        Assert.StartsWith("Redis:Endpoints = \"(not shown)\": ", error, StringComparison.Ordinal);
    }

    [Fact]
    public void ACertificateFile_MustHoldOne_AndMeansNothingWithoutTls()
    {
        using var directory = new TempDirectory();
        var path = directory.Combine("ca.pem");
        File.WriteAllText(path, "no certificate");
        Assert.Contains("must hold a certificate", Assert.Single(ErrorsOf(("Endpoints", "redis"), ("Tls", "true"), ("TlsCaFile", path))), StringComparison.Ordinal);
        foreach (var (key, value) in new[] { ("Endpoints", "redis"), ("ConnectionString", "redis") })
        {
            Assert.Contains(
                ErrorsOf((key, value), ("TlsCaFile", path)),
                error => error.StartsWith($"Redis:TlsCaFile = \"{path}\": means nothing without ", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void AllErrors_AreToldAtOnce_WithTheSilosAndTheGateways()
    {
        var error = Assert.Throws<ConfigurationErrorsException>(() => SiloApplication.Build(
        [
            "--Silo:Topology=Mesh", "--Silo:Address=127.0.0.1", "--Silo:Cluster=a b", "--Node:Workdir=/tmp", "--Forwarding:Timeout=soon",
            "--Redis:Endpoints=redis:x,redis:0", "--Redis:Database=99", "--Redis:TlsHost=h", "--Redis:TlsCaFile=/no/such/file", "--Redis:Prefix=a:b",
            "--Redis:Timeout=2s", "--Redis:ConnectTimeout=0s", "--Redis:ConnectionString=" + Secret + "@,x", "--Redis:Password=" + Secret,
        ]));
        string[] keys =
        [
            "Forwarding:Timeout", "Redis:ConnectTimeout", "Redis:ConnectionString", "Redis:ConnectionString", "Redis:Database", "Redis:Endpoints",
            "Redis:Endpoints", "Redis:Prefix", "Redis:Timeout", "Redis:TlsCaFile", "Silo:Cluster",
        ];
        Assert.Equal(keys, error.Errors.Select(e => e.Split(' ')[0]).Order(StringComparer.Ordinal));
        Assert.DoesNotContain(Secret, error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void AMeshWithoutAnAddress_IsToldOnce()
    {
        var errors = Assert.Throws<ConfigurationErrorsException>(() => SiloSettingsLoader.Load(
            Configuration(("Silo:Topology", "Mesh"), ("Silo:Address", "10.0.0.7"), ("Redis:Password", Secret)))).Errors;
        Assert.StartsWith("Redis:Endpoints = (not set): ", Assert.Single(errors), StringComparison.Ordinal);
    }

    [Fact]
    public void TheDashboardAlone_TellsThemToo() => Assert.Contains(
        "Redis:Prefix = \"a:b\"",
        Assert.Throws<ConfigurationErrorsException>(
            () => DashboardApplication.Build([DashboardApplication.Option, "--Redis:Endpoints=redis", "--Redis:Prefix=a:b"])).Message,
        StringComparison.Ordinal);

    [Fact]
    public void AMisspelledKey_IsPointedOut() => Assert.Equal(
        ["Redis:Endpoint"], SiloSettingsLoader.Load(Configuration(("Redis:Endpoints:0", "redis"), ("Redis:Endpoint", "redis"))).UnknownKeys);

    private static RedisOptions Read(params (string Key, string Value)[] values) =>
        RedisOptionsReader.Read(Configuration([.. values.Select(v => ("Redis:" + v.Key, v.Value))]));

    private static IConfigurationRoot Configuration(params (string Key, string Value)[] values) =>
        new ConfigurationBuilder().AddInMemoryCollection(values.Select(v => new KeyValuePair<string, string?>(v.Key, v.Value))).Build();

    /// <summary>What is wrong; whatever it is, the secret is not in it.</summary>
    private static IReadOnlyList<string> ErrorsOf(params (string Key, string Value)[] values)
    {
        var errors = Assert.Throws<ConfigurationErrorsException>(() => Read(values)).Errors;
        Assert.All(errors, error => Assert.DoesNotContain(Secret, error, StringComparison.Ordinal));
        return errors;
    }
}
