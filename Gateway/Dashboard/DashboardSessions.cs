using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using NoslateFleet.Gateway.Admin;

namespace NoslateFleet.Gateway.Dashboard;

/// <summary>
/// Who is signed in. A session is a random id in this process's memory; its cookie holds neither the token nor anything made of it, and a token that is
/// taken away takes its sessions along.
/// </summary>
internal sealed class DashboardSessions(IAdminAuthenticator authenticator, DashboardOptions options, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Session> _sessions = new(StringComparer.Ordinal);
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);

    /// <summary>Signs in.</summary>
    /// <param name="token">The token.</param>
    /// <returns>The session's id, for its cookie; null if the token stands for nobody.</returns>
    public string? SignIn(string token)
    {
        if (authenticator.Authenticate(token) is null)
        {
            return null;
        }

        var id = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        lock (_lock)
        {
            while (_sessions.Count >= options.MaxSessions)
            {
                _sessions.Remove(_sessions.MinBy(static session => session.Value.BeganAt).Key);
            }

            _sessions[Stored(id)] = new Session(SHA256.HashData(Encoding.UTF8.GetBytes(token)), time.GetTimestamp());
        }

        return id;
    }

    /// <summary>Whose session it is; null for none, one that is over, or one whose token is valid no more.</summary>
    /// <param name="id">The session's id.</param>
    public AdminPrincipal? Find(string id)
    {
        var stored = Stored(id);
        lock (_lock)
        {
            if (!_sessions.TryGetValue(stored, out var session))
            {
                return null;
            }

            if (time.GetElapsedTime(session.BeganAt) < options.SessionLifetime && authenticator.Recall(session.TokenHash) is { } principal)
            {
                return principal;
            }

            _sessions.Remove(stored);
            return null;
        }
    }

    /// <summary>Signs out.</summary>
    /// <param name="id">The session's id.</param>
    public void SignOut(string id)
    {
        lock (_lock)
        {
            _sessions.Remove(Stored(id));
        }
    }

    /// <summary>What a form must bring back to prove that it is ours: of one session, or of those who need none.</summary>
    /// <param name="id">The session's id; empty for who needs none.</param>
    public string FormToken(string id) => Base64Url.EncodeToString(HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes("form " + id)));

    /// <summary>Whether a form is ours.</summary>
    /// <param name="id">The session's id; empty for who needs none.</param>
    /// <param name="token">What it brought back.</param>
    public bool IsFormToken(string id, string? token) =>
        token is not null && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(token), Encoding.UTF8.GetBytes(FormToken(id)));

    // Looked up by its hash: how long that takes tells nothing of the ids that there are.
    private static string Stored(string id) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(id)));

    private sealed record Session(byte[] TokenHash, long BeganAt);
}
