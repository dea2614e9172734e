using System.Globalization;
using System.Net;
using Microsoft.Extensions.Configuration;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Gateway.Fleet;
using NoslateFleet.Gateway.Routing;
using NoslateFleet.Noslate.Invocation;

namespace NoslateFleet.Gateway.Admin;

/// <summary>What holds of all that can be configured, by key, without secrets.</summary>
internal static class EffectiveSettings
{
    /// <summary>Stands for a secret that is there.</summary>
    public const string Hidden = "(hidden)";

    private static readonly string[] _secretWords = ["token", "password", "secret", "credential", "connectionstring", "accesskey", "apikey"];

    // The fleet's program has sections that this one does not know. Of theirs, what is set is shown, and only where it is known to be harmless: a
    // misspelt Redis:Pasword is a password all the same.
    private static readonly string[] _otherSections = ["Redis", "Silo"];

    private static readonly HashSet<string> _harmless = new(StringComparer.OrdinalIgnoreCase)
    {
        "Redis:Endpoints", "Redis:User", "Redis:Database", "Redis:Tls", "Redis:TlsHost", "Redis:TlsCaFile", "Redis:Prefix", "Redis:Timeout",
        "Redis:ConnectTimeout", "Silo:Topology", "Silo:Fleet", "Silo:Cluster", "Silo:Address", "Silo:Port", "Silo:ClientPort", "Silo:ProbeTimeout",
        "Silo:MissedProbes", "Silo:LivenessCheck", "Silo:OpenConnectionTimeout", "Silo:ResponseTimeout", "Silo:RowCheckInterval", "Silo:LeaveTimeout",
        "Silo:Tls:Certificate", "Silo:Tls:Authority", "Silo:Supervision:RetryMin", "Silo:Supervision:RetryMax", "Silo:Supervision:RestartSpread",
        "Silo:Supervision:StableAfter", "Silo:Supervision:BreaksAllowed",
    };

    /// <summary>Every setting, in the order of docs/configuration.md.</summary>
    /// <param name="options">The options, validated.</param>
    /// <param name="configuration">Where they came from.</param>
    public static IReadOnlyList<EffectiveSetting> Of(GatewayOptions options, IConfiguration configuration)
    {
        var settings = new List<EffectiveSetting>();
        Own(options, Add);
        foreach (var section in _otherSections)
        {
            foreach (var (key, value) in configuration.GetSection(section).AsEnumerable().Where(static pair => pair.Value is not null).OrderBy(static pair => pair.Key, StringComparer.Ordinal))
            {
                settings.Add(new EffectiveSetting(key, _harmless.Contains(NameOf(key)) && !IsSecret(key) ? value : Hidden));
            }
        }

        return settings;

        void Add(string key, object? value) => settings.Add(new EffectiveSetting(key, value is null ? null : IsSecret(key) ? Hidden : Text(value)));
    }

    /// <summary>Whether what stands under a key is never shown.</summary>
    /// <param name="key">The key, whole.</param>
    public static bool IsSecret(string key)
    {
        var name = NameOf(key);
        var last = name[(name.LastIndexOf(':') + 1)..];
        return _secretWords.Any(word => last.Contains(word, StringComparison.OrdinalIgnoreCase));
    }

    // A list's numbers are no names.
    private static string NameOf(string key)
    {
        while (key.LastIndexOf(':') is var colon and > 0 && key.AsSpan(colon + 1).ContainsAnyExceptInRange('0', '9') == false)
        {
            key = key[..colon];
        }

        return key;
    }

    private static void Own(GatewayOptions options, Action<string, object?> add)
    {
        var (platform, limits, admin, admission) = (options.Platform, options.Limits, options.Admin, options.Admission);
        add("Platform:Mode", platform.Mode);
        add("Platform:Address", platform.Address);
        add("Platform:Port", platform.Port);
        add("Platform:Http2Port", platform.Http2Port);
        add("Platform:HookPeers", platform.HookPeers.Order(Comparer<IPAddress>.Create(static (a, b) => string.CompareOrdinal(a.ToString(), b.ToString()))));
        add("Platform:LogMarkers", platform.LogMarkers);
        add("Platform:HealthPath", platform.HealthPath);
        add("Limits:RequestHeadersTimeout", limits.RequestHeadersTimeout);
        add("Limits:MinRequestBodyRate", limits.MinRequestBodyRate);
        add("Limits:MinResponseRate", limits.MinResponseRate);
        add("Limits:RateGracePeriod", limits.RateGracePeriod);
        add("Limits:MaxRequestLineBytes", limits.MaxRequestLineBytes);
        add("Limits:MaxRequestHeaderBytes", limits.MaxRequestHeaderBytes);
        add("Limits:MaxRequestHeaders", limits.MaxRequestHeaders);
        add("Admin:Address", admin.Address);
        add("Admin:Port", admin.Port);
        add("Admin:Token", admin.Token);
        for (var i = 0; i < admin.Tokens.Count; i++)
        {
            var key = string.Create(CultureInfo.InvariantCulture, $"Admin:Tokens:{i}:");
            add(key + "Name", admin.Tokens[i].Name);
            add(key + "Token", admin.Tokens[i].Token);
            add(key + "Role", admin.Tokens[i].Role);
        }

        add("Admin:OpenMetrics", admin.OpenMetrics);
        add("Admin:MaxListeners", admin.MaxListeners);
        add("Dashboard:Enabled", options.Dashboard.Enabled);
        add("Dashboard:SessionLifetime", options.Dashboard.SessionLifetime);
        add("Dashboard:MaxSessions", options.Dashboard.MaxSessions);
        add("Dashboard:MaxLivePages", options.Dashboard.MaxLivePages);
        add("Dashboard:RowsPerPage", options.Dashboard.RowsPerPage);
        add("Admission:MaxConcurrent", admission.MaxConcurrent);
        add("Admission:MaxConcurrentPerFunction", admission.MaxConcurrentPerFunction);
        add("Admission:MaxQueued", admission.MaxQueued);
        add("Admission:MaxRetryAfter", admission.MaxRetryAfter);
        Life(options, add);
        Fleet(options, add);
        Node(options, add);
        Requests(options, add);
    }

    private static void Life(GatewayOptions options, Action<string, object?> add)
    {
        var budgets = options.Lifecycle.Budgets;
        add("Lifecycle:InitializeBudget", budgets.Initialize);
        add("Lifecycle:FreezeBudget", budgets.Freeze);

        // What the node's own stop takes is part of what was configured.
        add("Lifecycle:StopBudget", budgets.Stop + (options.Supervision.Supervise ? options.Supervision.StopGrace : TimeSpan.Zero));
        add("Lifecycle:FlushBudget", budgets.Flush);
        add("Lifecycle:AnswerMargin", budgets.AnswerMargin);
        add("Drain:LameDuck", budgets.LameDuck);
        add("Lifecycle:ThawThreshold", budgets.ThawThreshold);
        add("Lifecycle:ThawCheck", budgets.ThawCheck);
        add("Lifecycle:InstanceId", options.Lifecycle.InstanceId);
        add("Lifecycle:StateDirectory", options.Lifecycle.StateDirectory);
    }

    private static void Fleet(GatewayOptions options, Action<string, object?> add)
    {
        var fleet = options.Fleet;
        add("Fleet:HeartbeatInterval", fleet.Standing.HeartbeatInterval);
        add("Fleet:LostAfter", fleet.Standing.LostAfter);
        add("Fleet:GoneAfter", fleet.Standing.GoneAfter);
        add("Fleet:IdleHeartbeatInterval", fleet.IdleHeartbeatInterval);
        add("Fleet:PublishInterval", fleet.PublishInterval);
        add("Fleet:EdgeWait", fleet.EdgeWait);
        add("Fleet:Retention", fleet.Retention);
        add("Fleet:KeptRecords", fleet.KeptRecords);
        add("Fleet:KeptOrders", fleet.KeptOrders);
        add("Fleet:OrderExpiry", fleet.OrderExpiry);
        add(SimulationOptions.Key, options.Simulation.Instances);
    }

    private static void Node(GatewayOptions options, Action<string, object?> add)
    {
        var node = options.Node;
        add("Node:Workdir", node.Workdir);
        add("Node:DataPlanes", node.DataPlanes);
        add("Node:ControlPlanes", node.ControlPlanes);
        add("Node:ReconnectMin", node.ReconnectMin);
        add("Node:ReconnectMax", node.ReconnectMax);
        add("Node:CallTimeout", node.CallTimeout);
        add("Node:SetProfilesTimeout", node.SetProfilesTimeout);
        add("Node:ResyncWindow", node.ResyncWindow);
        var own = options.Supervision;
        add("Node:Supervise", own.Supervise);
        if (own.Supervise)
        {
            // Programs only: arguments may be anything, a credential too. Of variables, the names.
            add("Node:TurfdCommand", own.TurfdCommand.Take(1));
            add("Node:TurfdSocket", own.TurfdSocket);
            add("Node:DataPlaneCommand", own.DataPlaneCommand.Take(1));
            add("Node:ControlPlaneCommand", own.ControlPlaneCommand.Take(1));
            add("Node:Environment", own.Environment.Keys.Order(StringComparer.Ordinal));
            add("Node:StartTimeout", own.StartTimeout);
            add("Node:RestartMin", own.RestartMin);
            add("Node:RestartMax", own.RestartMax);
            add("Node:MaxDeaths", own.MaxDeaths);
            add("Node:DeathWindow", own.DeathWindow);
            add("Node:StopGrace", own.StopGrace);
            add("Node:MaxLineBytes", own.MaxLineBytes);
            add("Node:LastLines", own.LastLines);
        }

        add("Telemetry:Metrics", options.Telemetry.Metrics);
        add("Telemetry:RequestLog", options.Telemetry.RequestLog);
        add("Telemetry:RequestLogSample", options.Telemetry.RequestLogSample);
        add("Telemetry:MaxFunctions", options.Telemetry.MaxFunctions);
    }

    private static void Requests(GatewayOptions options, Action<string, object?> add)
    {
        var (routing, forwarding) = (options.Routing, options.Forwarding);
        add("Functions:Path", options.Functions.Path);
        add("Routing:ByHeader", routing.ByHeader);
        add("Routing:ByPath", routing.ByPath);
        add("Routing:Allow", routing.Allow);
        for (var i = 0; i < routing.Routes.Count; i++)
        {
            var route = routing.Routes[i];
            var key = string.Create(CultureInfo.InvariantCulture, $"Routing:Routes:{i}:");
            add(key + "Host", route.Host);
            add(key + "PathPrefix", route.PathPrefix);
            add(key + "Methods", route.Methods);
            add(key + (route.Target.Kind == InvocationTarget.Service ? "Service" : "Function"), route.Target.Name);
            add(key + "Timeout", route.Timeout);
            add(key + "IdleTimeout", route.Idle.Inherit ? null : route.Idle.Value is { } idle ? idle : "none");
        }

        add("Routing:Default", routing.Default);
        add("Forwarding:Timeout", forwarding.Timeout);
        add("Forwarding:TimeoutMargin", forwarding.TimeoutMargin);
        add("Forwarding:IdleTimeout", forwarding.IdleTimeout is { } limit ? limit : "none");
        add("Forwarding:AllowHeaders", forwarding.AllowHeaders);
        add("Forwarding:ProxyNetworks", forwarding.ProxyNetworks);
        add("Forwarding:MaxRequestBodyBytes", forwarding.MaxRequestBodyBytes is { } bytes ? bytes : "none");
        add("Forwarding:MaxResponseHeaderBytes", forwarding.MaxResponseHeaderBytes);
    }

    private static string Text(object value) => value switch
    {
        string text => text,
        bool flag => flag ? "true" : "false",
        TimeSpan duration => duration.ToString("c", CultureInfo.InvariantCulture),
        RouteTarget target => $"{(target.Kind == InvocationTarget.Service ? "service" : "function")}|{target.Name}",
        System.Collections.IEnumerable list => string.Join(", ", list.Cast<object>()),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };
}
