using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using NoslateFleet.Grains.Instances;
using NoslateFleet.Grains.Placement;
using NoslateFleet.Tests.Common;
using Orleans.Runtime;

namespace NoslateFleet.Tests.Silo.Hosting;

/// <summary>Silos that prove to each other who they are.</summary>
public sealed class TlsTests
{
    [SkippableFact]
    public async Task OfOneAuthority_TheyTalk_AndOneOfAnotherIsLeftOut()
    {
        await using var redis = await RedisServer.StartAsync();
        using var files = new TempDirectory();
        var ours = Authority(files, "ours");
        var theirs = Authority(files, "theirs");
        await using var one = await SiloUnderTest.StartMeshAsync(redis, "one", ours);
        await using var two = await SiloUnderTest.StartMeshAsync(redis, "two", ours);
        await one.UpAsync();
        await two.UpAsync();
        await Until.TrueAsync(() => AnswersAsync(one, "two"), "one does not reach two");
        await using var stranger = await SiloUnderTest.StartMeshAsync(redis, "stranger", theirs);
        await Until.TrueAsync(
            async () => (await redis.CliAsync("HVALS", "{noslatefleet}:members:noslatefleet")).Contains("\"stranger\"", StringComparison.Ordinal),
            "the stranger does not try to join");
        Assert.False(await AnswersAsync(one, "stranger"));
        Assert.True(await AnswersAsync(one, "two"));
    }

    private static async Task<bool> AnswersAsync(SiloUnderTest at, string instance)
    {
        try
        {
            var grain = at.Part.Grains!.GetGrain<IInstanceGrain>(GrainKeys.OfInstance(instance));
            return (await grain.ReportAsync()).InstanceId == instance;
        }
        catch (Exception error) when (error is InstanceUnreachableException or OrleansException or TimeoutException)
        {
            return false;
        }
    }

    private static string[] Authority(TempDirectory files, string name)
    {
        var now = DateTimeOffset.UtcNow;
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + name, authorityKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        using var authority = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=silo", key, HashAlgorithmName.SHA256).Create(authority, now.AddDays(-1), now.AddHours(1), [1, 2, 3]);
        var (certificatePath, keyPath, authorityPath) = (files.Combine(name + ".crt"), files.Combine(name + ".key"), files.Combine(name + ".ca"));
        File.WriteAllText(certificatePath, certificate.ExportCertificatePem());
        File.WriteAllText(keyPath, key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(authorityPath, authority.ExportCertificatePem());
        return ["--Silo:Tls:Certificate=" + certificatePath, "--Silo:Tls:Key=" + keyPath, "--Silo:Tls:Authority=" + authorityPath];
    }
}
