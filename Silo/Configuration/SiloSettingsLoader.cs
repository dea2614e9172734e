using System.Globalization;
using System.Net;
using Microsoft.Extensions.Configuration;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Supervision;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Silo.Redis;

namespace NoslateFleet.Silo.Configuration;

/// <summary>Turns configuration into the silo's settings, or into the list of all that is wrong with them.</summary>
internal static class SiloSettingsLoader
{
    private const int MaxName = 100;
    private const string Section = SiloSettings.SectionName;
    private static readonly TimeSpan _tenth = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _minute = TimeSpan.FromMinutes(1);

    /// <summary>Reads and validates.</summary>
    /// <param name="configuration">The configuration, environment variables included.</param>
    /// <exception cref="ConfigurationErrorsException">It can't be used.</exception>
    public static SiloSettings Load(IConfiguration configuration) => Load(configuration, isInstance: true);

    /// <summary>Reads and validates for a tool, which is no instance: it needs neither an id nor endpoints of its own.</summary>
    /// <param name="configuration">The configuration, environment variables included.</param>
    /// <exception cref="ConfigurationErrorsException">It can't be used, or names no Redis.</exception>
    public static SiloSettings LoadForTool(IConfiguration configuration) => Load(configuration, isInstance: false);

    private static SiloSettings Load(IConfiguration configuration, bool isInstance)
    {
        var reader = new ConfigurationReader(configuration);
        var settings = new SiloSettings { Redis = RedisOptionsReader.Read(reader) };
        var kubernetes = reader.Text("KUBERNETES_SERVICE_HOST") is not null && reader.Text("FC_FUNCTION_NAME") is null;
        settings.Topology = reader.Choice<FleetTopology>(Section + ":Topology")
            ?? (kubernetes && settings.Redis.IsConfigured ? FleetTopology.Mesh : FleetTopology.Island);
        settings.InstanceId = reader.Text("Lifecycle:InstanceId") ?? reader.Text("FC_INSTANCE_ID") ?? reader.Text("POD_NAME") ?? Environment.MachineName;
        settings.Fleet = reader.Text(Section + ":Fleet", settings.Fleet);
        settings.Cluster = reader.Text(Section + ":Cluster", settings.Fleet);
        Name(reader, Section + ":Fleet", settings.Fleet);
        Name(reader, Section + ":Cluster", settings.Cluster);
        if (isInstance)
        {
            Name(reader, "Lifecycle:InstanceId", settings.InstanceId);
            LoadEndpoints(reader, settings);
        }

        settings.ProbeTimeout = reader.Duration(Section + ":ProbeTimeout", settings.ProbeTimeout, _tenth, _minute);
        settings.MissedProbes = reader.Integer(Section + ":MissedProbes", settings.MissedProbes, 1, 100);
        settings.LivenessCheck = reader.Flag(Section + ":LivenessCheck") ?? settings.LivenessCheck;
        settings.OpenConnectionTimeout = reader.Duration(Section + ":OpenConnectionTimeout", settings.OpenConnectionTimeout, _tenth, _minute);
        settings.ResponseTimeout = reader.Duration(Section + ":ResponseTimeout", settings.ResponseTimeout, TimeSpan.FromSeconds(1), 10 * _minute);
        settings.RowCheckInterval = reader.Duration(Section + ":RowCheckInterval", settings.RowCheckInterval, _tenth, 60 * _minute);
        settings.LeaveTimeout = reader.Duration(Section + ":LeaveTimeout", settings.LeaveTimeout, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        LoadSupervision(reader, settings.Supervision);
        LoadTls(reader, settings);
        CheckRedis(reader, settings, isInstance);
        if (reader.Errors.Count > 0)
        {
            throw new ConfigurationErrorsException(reader.Errors);
        }

        settings.UnknownKeys = reader.UnknownKeys(Section, RedisOptions.SectionName);
        return settings;
    }

    private static void LoadEndpoints(ConfigurationReader reader, SiloSettings settings)
    {
        var mesh = settings.Topology == FleetTopology.Mesh;
        settings.Port = reader.Integer(Section + ":Port", mesh ? 11111 : 0, mesh ? 1 : 0, 65535);
        settings.ClientPort = reader.Integer(Section + ":ClientPort", mesh ? 30000 : 0, 0, mesh ? 65535 : 0);
        var (key, text) = reader.Text(Section + ":Address") is { } own ? (Section + ":Address", own) : ("POD_IP", reader.Text("POD_IP"));
        if (mesh)
        {
            if (text is null)
            {
                reader.Error(Section + ":Address", null, "is needed in Mesh, or POD_IP: the address under which other silos reach this one");
            }
            else if (!IPAddress.TryParse(text, out var address) || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))
            {
                reader.Error(key, text, "must be an IP address under which other silos reach this one");
            }
            else
            {
                settings.Address = address;
            }
        }
        else if (key != "POD_IP")
        {
            reader.Error(key, text, $"has no meaning in {settings.Topology}, where no other silo is served; leave it out or set {Section}:Topology to Mesh");
        }

        var taken = new List<(string Key, int Port)>
        {
            ("Platform:Port", reader.Text("FC_CUSTOM_LISTEN_PORT") is not null ? Lenient(reader, "FC_CUSTOM_LISTEN_PORT", 9000) : Lenient(reader, "Platform:Port", 9000)),
            ("Admin:Port", Lenient(reader, "Admin:Port", 9001)),
            ("Platform:Http2Port", Lenient(reader, "Platform:Http2Port", 0)),
        };
        foreach (var (name, port) in new[] { (Section + ":Port", settings.Port), (Section + ":ClientPort", settings.ClientPort) })
        {
            var clash = taken.Find(other => port != 0 && other.Port == port);
            if (clash.Key is not null)
            {
                reader.Error(name, port.ToString(CultureInfo.InvariantCulture), $"must differ from {clash.Key}");
            }

            taken.Add((name, port));
        }
    }

    // The gateway says itself what is wrong with its ports.
    private static int Lenient(ConfigurationReader reader, string key, int fallback) =>
        int.TryParse(reader.Text(key), NumberStyles.None, CultureInfo.InvariantCulture, out var port) ? port : fallback;

    private static void LoadSupervision(ConfigurationReader reader, SupervisorOptions pace)
    {
        const string Name = Section + ":Supervision";
        var day = TimeSpan.FromDays(1);
        pace.RetryMin = reader.Duration(Name + ":RetryMin", pace.RetryMin, TimeSpan.Zero, day);
        pace.RetryMax = reader.Duration(Name + ":RetryMax", pace.RetryMax, TimeSpan.Zero, day);
        pace.RestartSpread = reader.Duration(Name + ":RestartSpread", pace.RestartSpread, TimeSpan.Zero, day);
        pace.StableAfter = reader.Duration(Name + ":StableAfter", pace.StableAfter, TimeSpan.Zero, day);
        pace.BreaksAllowed = reader.Integer(Name + ":BreaksAllowed", pace.BreaksAllowed, 1, 100);
        reader.Errors.AddRange(pace.Validate(Name));
    }

    private static void LoadTls(ConfigurationReader reader, SiloSettings settings)
    {
        string[] keys = [Section + ":Tls:Certificate", Section + ":Tls:Key", Section + ":Tls:Authority"];
        var paths = keys.Select(reader.Text).ToArray();
        if (paths.All(path => path is null))
        {
            return;
        }

        for (var i = 0; i < keys.Length; i++)
        {
            if (paths[i] is null)
            {
                reader.Error(keys[i], null, $"is needed where one of {string.Join(", ", keys.Where((_, other) => other != i))} is set");
            }
            else if (!File.Exists(paths[i]))
            {
                reader.Error(keys[i], paths[i], "must be a file in PEM");
            }
        }

        if (paths is [{ } certificate, { } key, { } authority])
        {
            settings.Tls = new SiloTls(certificate, key, authority);
        }
    }

    private static void CheckRedis(ConfigurationReader reader, SiloSettings settings, bool isInstance)
    {
        if (!isInstance && !settings.Redis.IsConfigured)
        {
            reader.Error("Redis:Endpoints", null, "is needed, or Redis:ConnectionString: that is where the fleet's directory is; such as redis:6379");
        }
        else if (settings.Topology == FleetTopology.Mesh && !settings.Redis.IsConfigured
            && !reader.Errors.Any(static error => error.StartsWith("Redis:Endpoints = ", StringComparison.Ordinal)))
        {
            reader.Error("Redis:Endpoints", null, "is needed in Mesh, or Redis:ConnectionString: by Redis silos find each other; such as redis:6379");
        }
    }

    private static void Name(ConfigurationReader reader, string key, string name)
    {
        if (name.Length > MaxName || name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.')))
        {
            reader.Error(key, name, $"must be 1 to {MaxName} letters, digits, '-', '_' or '.': keys and names in the fleet are made of it");
        }
    }
}
