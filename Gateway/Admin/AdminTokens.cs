using System.Security.Cryptography;
using System.Text;

namespace NoslateFleet.Gateway.Admin;

/// <summary>The configured tokens. Several hold at once, so that one can be handed out before another is taken away.</summary>
internal sealed class AdminTokens : IAdminAuthenticator
{
    private readonly (byte[] Hash, AdminPrincipal Principal)[] _tokens;

    public AdminTokens(AdminOptions options)
    {
        var tokens = options.Token is { } single ? options.Tokens.Prepend(new AdminToken(AdminToken.OfAdmin, single, AdminRole.Operate)) : options.Tokens;
        _tokens = [.. tokens.Select(static token =>
        {
            var hash = SHA256.HashData(Encoding.UTF8.GetBytes(token.Token));
            return (hash, new AdminPrincipal(token.Name, token.Role, Convert.ToHexString(hash)));
        })];
    }

    public bool HasTokens => _tokens.Length > 0;

    // Hashes of one length, compared in constant time, and always with all of them: neither content nor length nor which one it is can be felt out.
    public AdminPrincipal? Recall(ReadOnlySpan<byte> tokenHash)
    {
        AdminPrincipal? found = null;
        foreach (var (hash, principal) in _tokens)
        {
            if (CryptographicOperations.FixedTimeEquals(tokenHash, hash))
            {
                found = principal;
            }
        }

        return found;
    }
}
