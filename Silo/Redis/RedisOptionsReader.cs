using Microsoft.Extensions.Configuration;
using NoslateFleet.Gateway.Configuration;

namespace NoslateFleet.Silo.Redis;

/// <summary>Reads <see cref="RedisOptions"/>, and collects all that is wrong.</summary>
internal static class RedisOptionsReader
{
    /// <summary>Reads the section.</summary>
    /// <param name="configuration">The whole configuration.</param>
    /// <exception cref="ConfigurationErrorsException">Something is wrong with it; it tells all.</exception>
    public static RedisOptions Read(IConfiguration configuration)
    {
        var reader = new ConfigurationReader(configuration);
        var options = Read(reader);
        return reader.Errors.Count == 0 ? options : throw new ConfigurationErrorsException(reader.Errors);
    }

    /// <summary>Reads the section; what is wrong is added to the reader's errors.</summary>
    /// <param name="reader">Reads the whole configuration.</param>
    public static RedisOptions Read(ConfigurationReader reader)
    {
        var defaults = new RedisOptions();
        var options = new RedisOptions
        {
            ConnectionString = reader.Text(Key(nameof(RedisOptions.ConnectionString))),
            Endpoints = reader.List(Key(nameof(RedisOptions.Endpoints))) ?? [],
            User = reader.Text(Key(nameof(RedisOptions.User))),
            Password = reader.Text(Key(nameof(RedisOptions.Password))),
            Database = reader.Integer(Key(nameof(RedisOptions.Database)), defaults.Database, 0, 15),
            Tls = reader.Flag(Key(nameof(RedisOptions.Tls))) ?? defaults.Tls,
            TlsHost = reader.Text(Key(nameof(RedisOptions.TlsHost))),
            TlsCaFile = reader.Text(Key(nameof(RedisOptions.TlsCaFile))),
            Prefix = reader.Text(Key(nameof(RedisOptions.Prefix)), defaults.Prefix),
            Timeout = reader.Duration(
                Key(nameof(RedisOptions.Timeout)), defaults.Timeout, TimeSpan.FromMilliseconds(50), RedisOptions.MaxTimeout),
            ConnectTimeout = reader.Duration(
                Key(nameof(RedisOptions.ConnectTimeout)), defaults.ConnectTimeout, TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(30)),
        };
        reader.Errors.AddRange(options.Validate());
        return options;
    }

    private static string Key(string name) => $"{RedisOptions.SectionName}:{name}";
}
