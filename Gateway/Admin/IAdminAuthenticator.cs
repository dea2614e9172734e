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
internal sealed record AdminPrincipal(string Name, AdminRole Role);

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

/// <summary>The one token of <see cref="AdminOptions.Token"/>.</summary>
internal sealed class SingleTokenAuthenticator(AdminOptions options) : IAdminAuthenticator
{
    private readonly byte[]? _hash = options.Token is { } token ? SHA256.HashData(Encoding.UTF8.GetBytes(token)) : null;

    public bool HasTokens => _hash is not null;

    public AdminPrincipal? Recall(ReadOnlySpan<byte> tokenHash) =>
        _hash is not null && CryptographicOperations.FixedTimeEquals(tokenHash, _hash) ? new AdminPrincipal("admin", AdminRole.Operate) : null;
}
