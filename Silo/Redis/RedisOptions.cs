using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using StackExchange.Redis;

namespace NoslateFleet.Silo.Redis;

/// <summary>Where the fleet's directory is kept, and how it is reached. Without an address there is none.</summary>
public sealed class RedisOptions
{
    /// <summary>The configuration section.</summary>
    public const string SectionName = "Redis";

    /// <summary>The most that any call may take: what the fleet waits for must never be what it does.</summary>
    internal static readonly TimeSpan MaxTimeout = TimeSpan.FromSeconds(1);

    /// <summary>The longest prefix.</summary>
    private const int MaxPrefix = 100;

    /// <summary>
    /// Everything in one text, as StackExchange.Redis writes it: <c>host:6379,user=...,password=...,ssl=true</c>. Default none. Excludes
    /// <see cref="Endpoints"/> and what belongs to them. Never logged.
    /// </summary>
    public string? ConnectionString { get; set; }

    /// <summary>Addresses, <c>host</c> or <c>host:port</c> (6379 if none is told): one server, or some of a cluster. Default none.</summary>
    public IReadOnlyList<string> Endpoints { get; set; } = [];

    /// <summary>The user of Redis 6 and later. Default none: the user <c>default</c>.</summary>
    public string? User { get; set; }

    /// <summary>The password. Default none. Never logged.</summary>
    public string? Password { get; set; }

    /// <summary>The number of the database. 0 to 15, 0 in a cluster; default 0.</summary>
    public int Database { get; set; }

    /// <summary>Whether the connection is encrypted. Default false.</summary>
    public bool Tls { get; set; }

    /// <summary>The name that the server's certificate must bear, where it is not the address's host. Default none.</summary>
    public string? TlsHost { get; set; }

    /// <summary>A file with the certificate, in PEM, of the authority that signed the server's, where the system does not trust it. Default none.</summary>
    public string? TlsCaFile { get; set; }

    /// <summary>
    /// What the fleet's keys and channels begin with, in braces: <c>{prefix}:...</c>, so that a cluster keeps them together. Letters,
    /// digits, <c>.</c>, <c>_</c>, <c>-</c>; 1 to 100; default <c>noslatefleet</c>. Fleets that share a server need different ones.
    /// </summary>
    public string Prefix { get; set; } = "noslatefleet";

    /// <summary>
    /// How long any call may take. 50 ms to 1 s; default 1 s. Shorter: a slow server counts as away sooner.
    /// </summary>
    public TimeSpan Timeout { get; set; } = MaxTimeout;

    /// <summary>
    /// How long a connection may take to come about. 100 ms to 30 s; default 5 s. Once there was one, nothing waits for the next longer than
    /// <see cref="Timeout"/>.
    /// </summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether there is a server to go to.</summary>
    public bool IsConfigured => ConnectionString is not null || Endpoints.Count > 0;

    /// <summary>All that is wrong with the values. No line shows the password or the connection string.</summary>
    /// <returns>One line each, with key and value; empty if nothing is.</returns>
    public IReadOnlyList<string> Validate()
    {
        var errors = new List<string>();
        if (ConnectionString is not null)
        {
            if (Endpoints.Count > 0 || User is not null || Password is not null || Tls || TlsHost is not null || Database != 0)
            {
                errors.Add($"{SectionName}:ConnectionString is set: it tells all, so none of Endpoints, User, Password, Database, Tls and TlsHost may be");
            }

            ValidateConnectionString(ConnectionString, errors);
        }
        else if (Endpoints.Count == 0 && (User is not null || Password is not null || Tls || Database != 0))
        {
            errors.Add($"{SectionName}:Endpoints = (not set): must name a server, such as redis:6379, since other keys of {SectionName} are set");
        }

        // In an address of another kind there may be a password: redis://:secret@host.
        var shown = !Endpoints.Any(static endpoint => endpoint.Contains('@', StringComparison.Ordinal) || endpoint.Contains("//", StringComparison.Ordinal));
        foreach (var endpoint in Endpoints.Where(static endpoint => !IsEndpoint(endpoint)))
        {
            Error(nameof(Endpoints), shown ? endpoint : "(not shown)", "must be host or host:port, such as redis:6379");
        }

        if (Database is < 0 or > 15)
        {
            Error(nameof(Database), Database, "must be a whole number from 0 to 15");
        }

        if (!Tls && ConnectionString is null && TlsHost is not null)
        {
            Error(nameof(TlsHost), TlsHost, $"means nothing without {SectionName}:Tls = true");
        }

        if (TlsCaFile is not null && !File.Exists(TlsCaFile))
        {
            Error(nameof(TlsCaFile), TlsCaFile, "must be the path of a file that exists");
        }
        else if (TlsCaFile is not null && !Tls && ConnectionString is null)
        {
            Error(nameof(TlsCaFile), TlsCaFile, $"means nothing without {SectionName}:Tls = true");
        }
        else if (TlsCaFile is not null && !IsCertificate(TlsCaFile))
        {
            Error(nameof(TlsCaFile), TlsCaFile, "must hold a certificate, and be readable");
        }

        if (Prefix.Length is 0 or > MaxPrefix || !Prefix.All(static c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-'))
        {
            Error(nameof(Prefix), Prefix, "must be 1 to 100 of letters, digits, '.', '_' and '-'");
        }

        if (Timeout < TimeSpan.FromMilliseconds(50) || Timeout > MaxTimeout)
        {
            Error(nameof(Timeout), Timeout, "must be a duration from 50 ms to 1 s");
        }

        if (ConnectTimeout < TimeSpan.FromMilliseconds(100) || ConnectTimeout > TimeSpan.FromSeconds(30))
        {
            Error(nameof(ConnectTimeout), ConnectTimeout, "must be a duration from 100 ms to 30 s");
        }

        return errors;

        void Error(string name, object value, string problem) =>
            errors.Add(string.Create(CultureInfo.InvariantCulture, $"{SectionName}:{name} = \"{value}\": {problem}"));
    }

    /// <summary>For the driver.</summary>
    internal ConfigurationOptions ToDriver()
    {
        var driver = ConnectionString is null ? new ConfigurationOptions() : Parse(ConnectionString)!;
        if (ConnectionString is null)
        {
            foreach (var endpoint in Endpoints)
            {
                driver.EndPoints.Add(endpoint);
            }

            driver.User = User;
            driver.Password = Password;
            driver.DefaultDatabase = Database;
            driver.Ssl = Tls;
            driver.SslHost = TlsHost;
        }

        if (TlsCaFile is not null)
        {
            driver.TrustIssuer(TlsCaFile);
        }

        driver.ClientName ??= "noslatefleet";
        driver.ConnectTimeout = (int)ConnectTimeout.TotalMilliseconds;
        driver.AsyncTimeout = driver.SyncTimeout = (int)Timeout.TotalMilliseconds;

        // A server that is away is no reason not to start, and nothing is kept to be sent later: the next snapshot is truer.
        driver.AbortOnConnectFail = false;
        driver.BacklogPolicy = BacklogPolicy.FailFast;
        driver.ReconnectRetryPolicy = new ExponentialRetry(500, 5000);
        driver.ConfigCheckSeconds = 10;
        driver.KeepAlive = 10;

        // Two keys of the driver's own, outside the fleet's prefix.
        driver.TieBreaker = "";
        driver.ConfigurationChannel = "";
        driver.IncludeDetailInExceptions = false;
        return driver;
    }

    private static ConfigurationOptions? Parse(string text)
    {
        try
        {
            return ConfigurationOptions.Parse(text, ignoreUnknown: false);
        }
        catch (Exception e) when (e is ArgumentException or FormatException or OverflowException)
        {
            return null;
        }
    }

    private void ValidateConnectionString(string text, List<string> errors)
    {
        const string Name = $"{SectionName}:{nameof(ConnectionString)} (not shown)";

        // What the parser complains of may be a piece of a password with a comma in it.
        if (Parse(text) is not { EndPoints.Count: > 0 } driver || driver.EndPoints.Any(static endpoint => !IsEndpoint(endpoint)))
        {
            errors.Add($"{Name}: must be like host:6379,user=name,password=secret,ssl=true");
            return;
        }

        if (driver.DefaultDatabase is < 0 or > 15)
        {
            errors.Add($"{Name}: defaultDatabase must be a whole number from 0 to 15");
        }

        // The scripts know nothing of it: nobody would hear what they tell.
        if (!driver.ChannelPrefix.IsNullOrEmpty)
        {
            errors.Add($"{Name}: channelPrefix has no place here; {SectionName}:{nameof(Prefix)} is what channels begin with");
        }

        if (TlsCaFile is not null && !driver.Ssl)
        {
            errors.Add($"{SectionName}:{nameof(TlsCaFile)} = \"{TlsCaFile}\": means nothing without ssl=true in {SectionName}:{nameof(ConnectionString)}");
        }
    }

    private static bool IsCertificate(string path)
    {
        try
        {
            using var certificate = X509CertificateLoader.LoadCertificateFromFile(path);
            return true;
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool IsEndpoint(EndPoint endpoint) => endpoint switch
    {
        IPEndPoint { Port: > 0 } => true,
        DnsEndPoint { Port: >= 0 } named => Uri.CheckHostName(named.Host) != UriHostNameType.Unknown,
        _ => false,
    };

    private static bool IsEndpoint(string text)
    {
        var colon = text.LastIndexOf(':');
        var host = colon < 0 ? text : text[..colon];
        return Uri.CheckHostName(host) is not (UriHostNameType.Unknown or UriHostNameType.Basic)
            && (colon < 0 || (ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port > 0));
    }
}
