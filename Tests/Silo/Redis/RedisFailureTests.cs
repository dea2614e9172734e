using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Silo.Redis;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Common.Fleet;

namespace NoslateFleet.Tests.Silo.Redis;

/// <summary>Redis slow, away, empty, read-only, refusing: an error of the contract within its time, one warning, and back by itself.</summary>
public sealed class RedisFailureTests
{
    private const string Password = "a-password,with=a comma";

    [SkippableFact]
    public async Task Away_EveryCallFails_InTime_WarnedOfOnce_AndBackByItself_Empty()
    {
        await using var server = await RedisServer.StartAsync();
        var fleet = new RedisFleet(server.Endpoint);
        await fleet.Directory.PublishAsync(Snapshots.Of(sequence: 1), default);
        var version = (await fleet.Directory.ReadChangesAsync(DirectoryVersion.None, 10, default)).Version;
        server.Kill();
        for (var i = 0; i < 20; i++)
        {
            var watch = Stopwatch.StartNew();
            await Assert.ThrowsAsync<FleetDirectoryException>(() => fleet.Directory.PublishAsync(Snapshots.Of(sequence: 2), default));
            Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(3));
        }

        await Assert.ThrowsAsync<FleetDirectoryException>(() => fleet.Parts.Orders.ListAsync("i", default));
        await Assert.ThrowsAsync<FleetDirectoryException>(() => fleet.Parts.Profiles.ListAsync(default));
        Assert.Single(fleet.Logged, line => line.StartsWith("Warning 2110", StringComparison.Ordinal));

        await server.StartAgainAsync();
        await Until.TrueAsync(fleet.WorksAsync, "it does not come back");
        Assert.Equal(PublishOutcome.Published, (await fleet.Directory.PublishAsync(Snapshots.Of(sequence: 1), default)).Outcome);
        Assert.True((await fleet.Directory.ReadChangesAsync(version, 10, default)).Reset);
        await Until.TrueAsync(
            async () => await fleet.WorksAsync() && fleet.Logged.Any(line => line.StartsWith("Information 2111", StringComparison.Ordinal)),
            "the end of the outage is not told");
        Assert.Equal(2, fleet.Logged.Count);
        await fleet.EndAsync();
    }

    [SkippableTheory]
    [InlineData("maxmemory", "1", "0")]
    [InlineData("min-replicas-to-write", "1", "0")]
    public async Task FullOrTakingNoWrites_IsReadAllTheSame_AndWarnedOfOnce(string setting, string on, string off)
    {
        await using var server = await RedisServer.StartAsync();
        var fleet = new RedisFleet(server.Endpoint);
        var few = new RedisFleet(server.Endpoint, new FleetOptions { Retention = TimeSpan.FromMilliseconds(1) });
        await fleet.Directory.PublishAsync(Snapshots.Of(instance: "a"), default);
        await few.Directory.PublishAsync(Snapshots.Of(instance: "past"), default);
        await server.CliAsync("CONFIG", "SET", setting, on);
        for (var i = 0; i < 3; i++)
        {
            Assert.Contains((await fleet.Directory.ReadAllAsync(default)).Entries, static entry => entry.Snapshot.InstanceId == "a");
            await fleet.Directory.ReadChangesAsync(DirectoryVersion.None, 10, default);
            await Assert.ThrowsAsync<FleetDirectoryException>(() => fleet.Directory.PublishAsync(Snapshots.Of(instance: "a", sequence: 2), default));
        }

        Assert.Single(fleet.Logged);
        await server.CliAsync("CONFIG", "SET", setting, off);
        Assert.Equal(PublishOutcome.Published, (await fleet.Directory.PublishAsync(Snapshots.Of(instance: "a", sequence: 2), default)).Outcome);
        Assert.Null(await fleet.Directory.ReadAsync("past", default));
        await few.EndAsync();
        await fleet.EndAsync();
    }

    [SkippableFact]
    public async Task TakingNoWrites_WhileItIsRead_IsOneOutage_UntilItIsWrittenToAgain()
    {
        await using var server = await RedisServer.StartAsync();
        var clock = new ManualTimeProvider();
        var fleet = new RedisFleet(server.Endpoint, null, clock);
        await fleet.Directory.PublishAsync(Snapshots.Of(), default);
        await server.CliAsync("CONFIG", "SET", "min-replicas-to-write", "1");
        for (var i = 0; i < 5; i++)
        {
            await Assert.ThrowsAsync<FleetDirectoryException>(() => fleet.Directory.PublishAsync(Snapshots.Of(sequence: 2), default));
            clock.Advance(TimeSpan.FromSeconds(30));
            await fleet.Directory.ReadAllAsync(default);
        }

        Assert.StartsWith("Warning 2110", Assert.Single(fleet.Logged), StringComparison.Ordinal);
        await server.CliAsync("CONFIG", "SET", "min-replicas-to-write", "0");
        await fleet.Directory.PublishAsync(Snapshots.Of(sequence: 2), default);
        Assert.StartsWith("Information 2111", fleet.Logged.ElementAt(1), StringComparison.Ordinal);
        await fleet.EndAsync();
    }

    [SkippableFact]
    public async Task OneCallThatWasRefused_AndIsNotMadeAgain_IsForgotten()
    {
        await using var server = await RedisServer.StartAsync();
        var clock = new ManualTimeProvider();
        var fleet = new RedisFleet(server.Endpoint, null, clock);
        await server.CliAsync("CONFIG", "SET", "min-replicas-to-write", "1");
        await Assert.ThrowsAsync<FleetDirectoryException>(() => fleet.Parts.Profiles.SetAsync("{}", "a", null, null, default));
        clock.Advance(RedisOutage.Forgotten);
        await fleet.Directory.ReadAllAsync(default);
        Assert.StartsWith("Information 2111", fleet.Logged.ElementAt(1), StringComparison.Ordinal);
        await fleet.EndAsync();
    }

    [SkippableFact]
    public async Task CommandsThatTheServerDoesNotKnow_AreNamed()
    {
        await using var server = await RedisServer.StartAsync("--rename-command", "ZADD", "other", "--rename-command", "PUBLISH", "");
        var fleet = new RedisFleet(server.Endpoint);
        var e = await Assert.ThrowsAsync<FleetDirectoryException>(() => fleet.Directory.PublishAsync(Snapshots.Of(), default));
        Assert.EndsWith(": zadd publish", e.Message, StringComparison.Ordinal);
        await fleet.EndAsync();
    }

    [SkippableFact]
    public async Task SlowToConnectTo_IsNoOutage()
    {
        await using var server = await RedisServer.StartAsync();
        var near = new RedisFleet(server.Endpoint);
        await near.Directory.ReadAllAsync(default);
        await near.EndAsync();
        await using var proxy = new RedisProxy(server.Port) { Delay = TimeSpan.FromMilliseconds(700) };
        var far = new RedisFleet(proxy.Endpoint);

        // Several answers until it is connected, each within a call's time, all together beyond it.
        var watch = Stopwatch.StartNew();
        var both = await Task.WhenAll(far.WorksAsync(), far.WorksAsync());
        Assert.Equal([true, true], both);
        Assert.InRange(watch.Elapsed, RedisOptions.MaxTimeout, TimeSpan.FromSeconds(20));
        Assert.Empty(far.Logged);
        await far.EndAsync();
    }

    [SkippableFact]
    public async Task SilentAtTheStart_IsAnOutage_OnceTheTimeToConnectIsPast_AndThenCallsEndInTheirTime()
    {
        await using var server = await RedisServer.StartAsync();
        server.Freeze();
        var fleet = new RedisFleet(server.Endpoint, null, ("ConnectTimeout", "2s"));
        var watch = Stopwatch.StartNew();
        var first = fleet.WorksAsync();
        using var given = new CancellationTokenSource();
        var givenUp = fleet.Directory.ReadAllAsync(given.Token);
        await given.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => givenUp);
        Assert.Empty(fleet.Logged);
        Assert.False(await first);
        Assert.InRange(watch.Elapsed, TimeSpan.FromMilliseconds(1900), TimeSpan.FromSeconds(10));
        Assert.StartsWith("Warning 2110", Assert.Single(fleet.Logged), StringComparison.Ordinal);
        watch.Restart();
        Assert.False(await fleet.WorksAsync());
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(1.9));
        server.Thaw();
        await fleet.EndAsync();
    }

    [SkippableFact]
    public async Task AwayAtStart_IsComeToLater_AndListenersWithIt()
    {
        await using var server = await RedisServer.StartAsync();
        server.Kill();
        var fleet = new RedisFleet(server.Endpoint);
        var heard = new System.Collections.Concurrent.ConcurrentQueue<FleetNotice>();
        using var listening = fleet.Parts.Notices.Listen("i", heard.Enqueue);
        Assert.False(await fleet.WorksAsync());
        Assert.Empty(heard);
        await server.StartAgainAsync();
        await Until.TrueAsync(() => heard.Contains(FleetNotice.Anything), "the listener is not told");
        await Until.TrueAsync(fleet.WorksAsync, "it does not come");
        await fleet.Parts.Profiles.SetAsync("{}", "a", null, null, default);
        await Until.TrueAsync(() => heard.Contains(FleetNotice.Profiles), "it does not listen");
        await fleet.EndAsync();
    }

    [SkippableFact]
    public async Task ConnectionLost_ListenersAreToldAnythingAgain_AndHearOn()
    {
        await using var server = await RedisServer.StartAsync();
        var fleet = new RedisFleet(server.Endpoint);
        var heard = new System.Collections.Concurrent.ConcurrentQueue<FleetNotice>();
        using var listening = fleet.Parts.Notices.Listen("i", heard.Enqueue);
        await Until.TrueAsync(() => heard.Contains(FleetNotice.Anything), "it does not listen");
        heard.Clear();
        await server.CliAsync("CLIENT", "KILL", "TYPE", "pubsub");
        await Until.TrueAsync(() => heard.Contains(FleetNotice.Anything), "the listener is not told of the loss");
        await Until.TrueAsync(fleet.WorksAsync, "it does not come back");
        await fleet.Parts.Profiles.SetAsync("{}", "a", null, null, default);
        await Until.TrueAsync(() => heard.Contains(FleetNotice.Profiles), "it does not hear on");
        await fleet.EndAsync();
    }

    [SkippableFact]
    public async Task Silent_EveryCallEnds_InTime_AndANewConnectionIsMade()
    {
        // As after a thaw, when the network has forgotten the connection.
        await using var server = await RedisServer.StartAsync();
        await using var proxy = new RedisProxy(server.Port);
        var fleet = new RedisFleet(proxy.Endpoint);
        await fleet.Directory.PublishAsync(Snapshots.Of(), default);
        proxy.HoldAll();
        var watch = Stopwatch.StartNew();
        Assert.False(await fleet.WorksAsync());
        Assert.InRange(watch.Elapsed, TimeSpan.FromMilliseconds(900), TimeSpan.FromSeconds(3));
        await Until.TrueAsync(fleet.WorksAsync, "no new connection is made");
        Assert.Single(fleet.Logged, line => line.StartsWith("Warning", StringComparison.Ordinal));
        await fleet.EndAsync();
    }

    [SkippableFact]
    public async Task ReadOnly_IsAnErrorOfTheContract_UntilItMayBeWrittenTo()
    {
        await using var other = await RedisServer.StartAsync();
        await using var server = await RedisServer.StartAsync();
        var fleet = new RedisFleet(server.Endpoint);
        await fleet.Directory.PublishAsync(Snapshots.Of(), default);
        await server.CliAsync("REPLICAOF", "127.0.0.1", other.Port.ToString(CultureInfo.InvariantCulture));
        await Assert.ThrowsAsync<FleetDirectoryException>(() => fleet.Directory.PublishAsync(Snapshots.Of(sequence: 2), default));
        await server.CliAsync("REPLICAOF", "NO", "ONE");
        await Until.TrueAsync(
            async () =>
            {
                try
                {
                    await fleet.Directory.PublishAsync(Snapshots.Of(sequence: 3), default);
                    return true;
                }
                catch (FleetDirectoryException)
                {
                    return false;
                }
            },
            "it does not come back");
        Assert.Single(fleet.Logged, line => line.StartsWith("Warning", StringComparison.Ordinal));
        await fleet.EndAsync();
    }

    [SkippableFact]
    public async Task WrongPassword_IsNeverShown_AndRightOneWorksLater()
    {
        await using var server = await RedisServer.StartAsync("--requirepass", "another");
        var fleet = new RedisFleet(server.Endpoint, null, ("Password", Password));
        var e = await Assert.ThrowsAsync<FleetDirectoryException>(() => fleet.Directory.PublishAsync(Snapshots.Of(), default));
        Assert.DoesNotContain("a-password", e.ToString(), StringComparison.Ordinal);
        await server.CliAsync("-a", "another", "CONFIG", "SET", "requirepass", Password);
        await Until.TrueAsync(fleet.WorksAsync, "the right password does not help");
        Assert.All(fleet.Logged, line => Assert.DoesNotContain("a-password", line, StringComparison.Ordinal));
        Assert.Single(fleet.Logged, line => line.StartsWith("Warning", StringComparison.Ordinal));
        await fleet.EndAsync();
    }

    [SkippableFact]
    public async Task Tls_ByItsOwnAuthority_Works_AndWithoutItIsRefused()
    {
        using var directory = new TempDirectory();
        var port = FreePort.Next();
        Certificates(directory);
        await using var server = await RedisServer.StartAsync(
            "--tls-port", port.ToString(CultureInfo.InvariantCulture), "--tls-cert-file", directory.Combine("cert.pem"),
            "--tls-key-file", directory.Combine("key.pem"), "--tls-ca-cert-file", directory.Combine("ca.pem"), "--tls-auth-clients", "no");
        var endpoint = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}");
        var trusting = new RedisFleet(
            endpoint, null, ("Tls", "true"), ("TlsHost", "redis.test"), ("TlsCaFile", directory.Combine("ca.pem")));
        await Until.TrueAsync(trusting.WorksAsync, "TLS does not work: " + string.Join('\n', trusting.Logged));
        await trusting.EndAsync();
        await Task.WhenAll(
            IsRefusedAsync(endpoint, ("Tls", "true"), ("TlsHost", "redis.test")),
            IsRefusedAsync(endpoint, ("Tls", "true"), ("TlsHost", "other.test"), ("TlsCaFile", directory.Combine("ca.pem"))),
            IsRefusedAsync(endpoint));
    }

    private static async Task IsRefusedAsync(string endpoint, params (string Key, string Value)[] settings)
    {
        var refused = new RedisFleet(endpoint, null, settings);
        Assert.False(await refused.WorksAsync());
        Assert.False(await refused.WorksAsync());
        Assert.Single(refused.Logged);
        await refused.EndAsync();
    }

    private static void Certificates(TempDirectory directory)
    {
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=authority", authorityKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        var now = DateTimeOffset.UtcNow;
        using var authority = request.CreateSelfSigned(now.AddHours(-1), now.AddHours(1));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var server = new CertificateRequest("CN=redis.test", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("redis.test");
        server.CertificateExtensions.Add(names.Build());
        using var certificate = server.Create(authority, now.AddMinutes(-30), now.AddMinutes(30), [1, 2, 3]);
        File.WriteAllText(directory.Combine("ca.pem"), authority.ExportCertificatePem());
        File.WriteAllText(directory.Combine("cert.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(directory.Combine("key.pem"), key.ExportPkcs8PrivateKeyPem());
    }
}
