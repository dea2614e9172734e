namespace NoslateFleet.Gateway.Admin;

/// <summary>A configured token.</summary>
/// <param name="Name">Its name, for people.</param>
/// <param name="Token">The token.</param>
/// <param name="Role">What whoever bears it may do.</param>
internal sealed record AdminToken(string Name, string Token, AdminRole Role)
{
    /// <summary>The most tokens beside Admin:Token: each costs one comparison a request.</summary>
    public const int MaxCount = 32;

    /// <summary>The longest name.</summary>
    public const int MaxNameLength = 64;

    /// <summary>The name of <see cref="AdminOptions.Token"/>.</summary>
    public const string OfAdmin = "admin";

    /// <summary>Not the token: a record's own text would show it in a log.</summary>
    public override string ToString() => $"{Name} ({Role})";
}
