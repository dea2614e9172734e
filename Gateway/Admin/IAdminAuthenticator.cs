using System.Security.Cryptography;
using System.Text;

namespace NoslateFleet.Gateway.Admin;

/// <summary>What somebody may do on the admin port.</summary>
internal enum AdminRole
{
    /// <summary>Look.</summary>
    Read,

    /// <summary>Look, and give orders.</summary>
    Operate,
}

/// <summary>Somebody whom a token stands for.</summary>
/// <param name="Name">The token's name, for people; never the token.</param>
/// <param name="Role">What they may do.</param>
/// <param name="TokenHash">The token's SHA-256 in hexadecimal; empty for who needs no token.</param>
internal sealed record AdminPrincipal(string Name, AdminRole Role, string TokenHash = "");

/// <summary>Tells whom a token stands for. Compares in constant time.</summary>
internal interface IAdminAuthenticator
{
    /// <summary>Whether there is any token at all.</summary>
    bool HasTokens { get; }

    /// <summary>Whom a token stands for; null for nobody.</summary>
    /// <param name="token">The token.</param>
    AdminPrincipal? Authenticate(string token) => Recall(SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    /// <summary>Whom the token of a hash stands for now; null once it stands for nobody any more.</summary>
    /// <param name="tokenHash">The token's SHA-256.</param>
    AdminPrincipal? Recall(ReadOnlySpan<byte> tokenHash);
}
