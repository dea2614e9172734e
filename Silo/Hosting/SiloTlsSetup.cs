using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using NoslateFleet.Silo.Configuration;
using Orleans.Connections.Security;

namespace NoslateFleet.Silo.Hosting;

/// <summary>Mutual TLS between silos: both sides show a certificate that an authority of the fleet has signed. Names are not looked at, silos go by addresses.</summary>
internal static class SiloTlsSetup
{
    /// <summary>Reads the files, and says how to set TLS up with them. Read at each start of a silo, so that renewed ones are taken.</summary>
    /// <param name="tls">The files.</param>
    public static Action<TlsOptions> Of(SiloTls tls)
    {
        using var read = X509Certificate2.CreateFromPemFile(tls.Certificate, tls.Key);
        var certificate = X509CertificateLoader.LoadPkcs12(read.Export(X509ContentType.Pkcs12), null);
        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPemFile(tls.Authority);
        return options =>
        {
            options.LocalCertificate = certificate;
            options.RemoteCertificateMode = RemoteCertificateMode.RequireCertificate;
            options.ClientCertificateMode = RemoteCertificateMode.RequireCertificate;
            options.RemoteCertificateValidation = (remote, _, errors) => IsTrusted(remote, errors, authorities);
            options.OnAuthenticateAsClient = (_, authentication) => authentication.TargetHost = "noslatefleet";
        };
    }

    private static bool IsTrusted(X509Certificate2 remote, SslPolicyErrors errors, X509Certificate2Collection authorities)
    {
        if (remote is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable))
        {
            return false;
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(remote);
    }
}
