using System.Net;
using Microsoft.Extensions.Configuration;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Gateway.Dashboard;
using NoslateFleet.Gateway.Fleet;
using NoslateFleet.Gateway.Forwarding;
using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Gateway.Platform;
using NoslateFleet.Gateway.Requests;
using NoslateFleet.Gateway.Routing;
using NoslateFleet.Gateway.Supervision;
using NoslateFleet.Gateway.Telemetry;
using NoslateFleet.Noslate.Invocation;
using NoslateFleet.Noslate.Node;

namespace NoslateFleet.Gateway.Configuration;

/// <summary>Turns configuration into options, or into the list of all that is wrong with it.</summary>
internal static class GatewayOptionsLoader
{
    private static readonly TimeSpan _day = TimeSpan.FromDays(1);
    private static readonly TimeSpan _millisecond = TimeSpan.FromMilliseconds(1);

    /// <summary>Reads and validates.</summary>
    /// <param name="configuration">The configuration, environment variables included.</param>
    /// <param name="otherErrors">What others found wrong with it already.</param>
    /// <exception cref="ConfigurationErrorsException">It can't be used.</exception>
    public static GatewayOptions Load(IConfiguration configuration, params IReadOnlyList<string> otherErrors)
    {
        var reader = new ConfigurationReader(configuration);
        var options = new GatewayOptions();
        LoadPlatform(reader, options.Platform);
        LoadAdmin(reader, options.Admin);
        LoadRouting(reader, options.Routing, options.Platform.Mode);
        LoadForwarding(reader, options.Forwarding, options.Platform.Mode);
        LoadLimits(reader, options.Limits, options.Platform.Mode);
        LoadNode(reader, options.Node);
        SupervisionLoader.Load(reader, configuration, options.Node, options.Supervision);
        LoadLifecycle(reader, options);
        LoadAdmission(reader, options.Admission);
        LoadDashboard(reader, options.Dashboard);
        LoadFleet(reader, options.Fleet);
        LoadTelemetry(reader, options.Telemetry);
        options.Functions.Path = reader.Text("Functions:Path");
        options.Simulation.Instances = reader.Integer(SimulationOptions.Key, 0, 0, SimulationOptions.MaxInstances);
        if (options.Platform.Port != 0 && options.Platform.Port == options.Admin.Port)
        {
            reader.Error("Admin:Port", options.Admin.Port.ToString(System.Globalization.CultureInfo.InvariantCulture),
                "must differ from Platform:Port: the two doors are two servers");
        }

        CheckHttp2Port(reader, options);
        reader.Errors.AddRange(otherErrors);
        if (reader.Errors.Count > 0)
        {
            throw new ConfigurationErrorsException(reader.Errors);
        }

        options.UnknownKeys = reader.UnknownKeys(
            PlatformOptions.SectionName, AdminOptions.SectionName, RoutingOptions.SectionName, ForwardingOptions.SectionName,
            LimitOptions.SectionName, FunctionsOptions.SectionName, NodeOptions.SectionName, LifecycleOptions.SectionName, LifecycleOptions.DrainSectionName,
            AdmissionOptions.SectionName, FleetOptions.SectionName, TelemetryOptions.SectionName, DashboardOptions.SectionName);
        return options;
    }

    /// <summary>Reads and validates what a process needs that has an admin port and no instance behind it.</summary>
    /// <param name="configuration">The configuration, environment variables included.</param>
    /// <param name="otherErrors">What others found wrong with it already.</param>
    /// <exception cref="ConfigurationErrorsException">It can't be used.</exception>
    public static GatewayOptions LoadAdminPort(IConfiguration configuration, IReadOnlyList<string> otherErrors)
    {
        var reader = new ConfigurationReader(configuration);
        var options = new GatewayOptions();
        LoadPlatform(reader, options.Platform);
        LoadAdmin(reader, options.Admin);
        LoadDashboard(reader, options.Dashboard);
        LoadFleet(reader, options.Fleet);
        reader.Errors.AddRange(otherErrors);
        return reader.Errors.Count == 0 ? options : throw new ConfigurationErrorsException(reader.Errors);
    }

    private static void LoadPlatform(ConfigurationReader reader, PlatformOptions platform)
    {
        platform.Mode = reader.Choice<PlatformMode>("Platform:Mode") ?? Detect(reader);
        platform.Address = Address(reader, "Platform:Address", platform.Address);
        platform.Port = reader.Integer("Platform:Port", platform.Port, 0, 65535);

        // Function Compute tells the port it will call; any other would leave the instance unreachable.
        if (reader.Text("FC_CUSTOM_LISTEN_PORT") is not null)
        {
            platform.Port = reader.Integer("FC_CUSTOM_LISTEN_PORT", platform.Port, 1, 65535);
        }

        platform.Http2Port = reader.Text("Platform:Http2Port") is null ? null : reader.Integer("Platform:Http2Port", 0, 0, 65535);
        platform.LogMarkers = reader.Flag("Platform:LogMarkers") ?? platform.Mode == PlatformMode.FunctionCompute;
        var peers = new HashSet<IPAddress>();
        foreach (var text in reader.List("Platform:HookPeers") ?? [])
        {
            if (IPAddress.TryParse(text, out var peer))
            {
                peers.Add(peer);
            }
            else
            {
                reader.Error("Platform:HookPeers", text, "must be an IP address");
            }
        }

        platform.HookPeers = peers;
        platform.HealthPath = reader.Text("Platform:HealthPath");
        if (platform.HealthPath is { } path && (!path.StartsWith('/') || path.AsSpan().IndexOfAny("?# ") >= 0))
        {
            reader.Error("Platform:HealthPath", path, "must be a path that begins with /, without query, fragment or space");
        }
    }

    private static PlatformMode Detect(ConfigurationReader reader) =>
        reader.Text("FC_FUNCTION_NAME") is not null ? PlatformMode.FunctionCompute
        : reader.Text("KUBERNETES_SERVICE_HOST") is not null ? PlatformMode.Kubernetes
        : PlatformMode.Open;

    private static void LoadAdmin(ConfigurationReader reader, AdminOptions admin)
    {
        admin.Token = reader.Text("Admin:Token");
        admin.MaxListeners = reader.Integer("Admin:MaxListeners", admin.MaxListeners, 0, 1000);
        admin.OpenMetrics = reader.Flag("Admin:OpenMetrics") ?? false;
        CheckToken(reader, "Admin:Token", admin.Token);
        LoadTokens(reader, admin);
        admin.Address = Address(reader, "Admin:Address", admin.Address);
        if (admin.Token is null && admin.Tokens.Count == 0 && IPAddress.TryParse(admin.Address, out var address) && !IPAddress.IsLoopback(address))
        {
            reader.Error("Admin:Address", admin.Address, "is not loopback and needs Admin:Token or Admin:Tokens: whoever reaches the port could stop the instance");
        }

        admin.Port = reader.Integer("Admin:Port", admin.Port, 0, 65535);
    }

    private static void LoadTokens(ConfigurationReader reader, AdminOptions admin)
    {
        const string Section = "Admin:Tokens";
        if (reader.Text(Section) is not null)
        {
            reader.Error(Section, "(hidden)", "must be a list: Admin:Tokens:0:Name, Admin:Tokens:0:Token, Admin:Tokens:0:Role and so on");
        }

        var tokens = new List<AdminToken>();
        var keys = reader.Children(Section);
        foreach (var key in keys)
        {
            var name = reader.Text(key + ":Name");
            var token = reader.Text(key + ":Token");
            var role = reader.Choice<AdminRole>(key + ":Role");
            if (name is null || name.Length > AdminToken.MaxNameLength || name.Any(static c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.')))
            {
                reader.Error(key + ":Name", name, $"must be 1 to {AdminToken.MaxNameLength} letters, digits, -, _ and .");
            }
            else if (tokens.Any(other => other.Name == name) || (name == AdminToken.OfAdmin && admin.Token is not null))
            {
                reader.Error(key + ":Name", name, "is the name of another token (Admin:Token is admin)");
            }

            if (role is null && reader.Text(key + ":Role") is null)
            {
                reader.Error(key + ":Role", null, "must be read or operate");
            }

            if (token is null)
            {
                reader.Error(key + ":Token", null, "must be there: a bearer token");
            }
            else if (token == admin.Token || tokens.Any(other => other.Token == token))
            {
                reader.Error(key + ":Token", "(hidden)", "is the same as another token");
            }

            CheckToken(reader, key + ":Token", token);
            tokens.Add(new AdminToken(name ?? "", token ?? "", role ?? AdminRole.Read));
        }

        if (keys.Count > AdminToken.MaxCount)
        {
            reader.Error(Section, "(hidden)", $"has {keys.Count} tokens, may have {AdminToken.MaxCount}");
        }

        admin.Tokens = tokens;
    }

    private static void CheckToken(ConfigurationReader reader, string key, string? token)
    {
        if (token is not null && token.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            // Not shown: it is a credential, even a bad one.
            reader.Error(key, "(hidden)", "must be visible ASCII characters without spaces, as it travels in a header");
        }
    }

    private static void LoadRouting(ConfigurationReader reader, RoutingOptions routing, PlatformMode mode)
    {
        var callersChoose = mode != PlatformMode.FunctionCompute;
        routing.ByHeader = reader.Flag("Routing:ByHeader") ?? callersChoose;
        routing.ByPath = reader.Flag("Routing:ByPath") ?? callersChoose;
        routing.Allow = reader.List("Routing:Allow");
        routing.Default = Target(reader, "Routing:Default", required: false);
        var rules = new List<RouteRule>();
        foreach (var key in reader.Children("Routing:Routes"))
        {
            if (Rule(reader, key) is { } rule)
            {
                rules.Add(rule);
            }
        }

        routing.Routes = rules;
    }

    private static RouteRule? Rule(ConfigurationReader reader, string key)
    {
        var host = reader.Text(key + ":Host");
        if (host is not null && (host.AsSpan().IndexOfAny("/: ") >= 0 || host.LastIndexOf('*') > 0 || (host[0] == '*' && !host.StartsWith("*.", StringComparison.Ordinal))))
        {
            reader.Error(key + ":Host", host, "must be a host name without port, or *.name");
        }

        var prefix = reader.Text(key + ":PathPrefix");
        if (prefix is not null && (!prefix.StartsWith('/') || prefix.Contains('%', StringComparison.Ordinal) || RawTarget.HasDotSegment(prefix)))
        {
            reader.Error(key + ":PathPrefix", prefix, "must be a decoded path that begins with /, without . or .. segments or percent signs");
        }

        var methods = reader.List(key + ":Methods") ?? reader.List(key + ":Method");
        var timeout = reader.DurationOrNone(key + ":Timeout", null, _millisecond, _day);
        var idleKey = key + ":IdleTimeout";
        var idle = reader.Text(idleKey) is null
            ? new IdleLimit(Inherit: true, null)
            : new IdleLimit(Inherit: false, reader.DurationOrNone(idleKey, null, _millisecond, _day));
        return Target(reader, key, required: true) is { } target
            ? new RouteRule(host, prefix, methods?.Select(m => m.ToUpperInvariant()).ToArray(), target, timeout, idle)
            : null;
    }

    private static RouteTarget? Target(ConfigurationReader reader, string key, bool required)
    {
        var function = reader.Text(key + ":Function");
        var service = reader.Text(key + ":Service");
        var plain = required ? null : reader.Text(key);
        if (plain is not null)
        {
            if (TargetHeader.TryParse(plain, out var parsed))
            {
                return parsed;
            }

            reader.Error(key, plain, "must be NAME, function|NAME or service|NAME");
            return null;
        }

        if (function is not null && service is not null)
        {
            reader.Error(key + ":Service", service, $"names a service where {key}:Function names a function; one of the two");
            return null;
        }

        if (function is null && service is null)
        {
            if (required)
            {
                reader.Error(key, null, "a route needs Function or Service");
            }

            return null;
        }

        var name = function ?? service!;
        if (!TargetHeader.IsName(name))
        {
            reader.Error(key + (function is null ? ":Service" : ":Function"), name, "must be 1 to 256 characters without control characters");
        }

        return new RouteTarget(function is null ? InvocationTarget.Service : InvocationTarget.Function, name);
    }

    private static void LoadForwarding(ConfigurationReader reader, ForwardingOptions forwarding, PlatformMode mode)
    {
        var functionCompute = mode == PlatformMode.FunctionCompute;
        forwarding.Timeout = reader.Duration("Forwarding:Timeout", forwarding.Timeout, _millisecond, _day);
        forwarding.TimeoutMargin = reader.Duration("Forwarding:TimeoutMargin", forwarding.TimeoutMargin, TimeSpan.Zero, TimeSpan.FromMinutes(1));
        forwarding.IdleTimeout = reader.DurationOrNone("Forwarding:IdleTimeout", forwarding.IdleTimeout, _millisecond, _day);
        forwarding.MaxRequestBodyBytes = reader.Bytes("Forwarding:MaxRequestBodyBytes", functionCompute ? 32 * 1024 * 1024 : null);
        forwarding.MaxResponseHeaderBytes =
            reader.Integer("Forwarding:MaxResponseHeaderBytes", functionCompute ? 8 * 1024 : forwarding.MaxResponseHeaderBytes, 256, 1024 * 1024);
        if (reader.List("Forwarding:AllowHeaders") is { } allow)
        {
            foreach (var name in allow)
            {
                if (!name.StartsWith("x-fc-", StringComparison.OrdinalIgnoreCase))
                {
                    reader.Error("Forwarding:AllowHeaders", name, "must name x-fc-* headers; all others pass anyway");
                }
                else if (PlatformHeaders.IsCredential(name))
                {
                    reader.Error("Forwarding:AllowHeaders", name, "is a credential of the platform and never reaches a function");
                }
            }

            forwarding.AllowHeaders = [.. allow.Select(n => n.ToLowerInvariant())];
        }

        var networks = new List<IPNetwork>();
        foreach (var text in reader.List("Forwarding:ProxyNetworks") ?? [])
        {
            if (IPNetwork.TryParse(text, out var network))
            {
                networks.Add(network);
            }
            else if (IPAddress.TryParse(text, out var single))
            {
                networks.Add(new IPNetwork(single, single.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? 32 : 128));
            }
            else
            {
                reader.Error("Forwarding:ProxyNetworks", text, "must be an address or a network such as 10.0.0.0/8");
            }
        }

        forwarding.ProxyNetworks = networks;
    }

    private static void CheckHttp2Port(ConfigurationReader reader, GatewayOptions options)
    {
        if (options.Platform.Http2Port is { } port && port != 0 && (port == options.Platform.Port || port == options.Admin.Port))
        {
            reader.Error("Platform:Http2Port", port.ToString(System.Globalization.CultureInfo.InvariantCulture),
                "must differ from Platform:Port and Admin:Port: in clear text a port speaks HTTP/1.1 or HTTP/2");
        }
    }

    private static void LoadLimits(ConfigurationReader reader, LimitOptions limits, PlatformMode mode)
    {
        var headers = mode == PlatformMode.FunctionCompute ? _day : limits.RequestHeadersTimeout;
        limits.RequestHeadersTimeout = reader.Duration("Limits:RequestHeadersTimeout", headers, TimeSpan.FromSeconds(1), _day);
        limits.MinRequestBodyRate = Rate(reader, "Limits:MinRequestBodyRate", limits.MinRequestBodyRate);
        limits.MinResponseRate = Rate(reader, "Limits:MinResponseRate", limits.MinResponseRate);

        // Kestrel looks once a second and takes no shorter one.
        limits.RateGracePeriod = reader.Duration("Limits:RateGracePeriod", limits.RateGracePeriod, TimeSpan.FromSeconds(2), _day);
        limits.MaxRequestLineBytes = reader.Integer("Limits:MaxRequestLineBytes", limits.MaxRequestLineBytes, 256, 1024 * 1024);
        limits.MaxRequestHeaderBytes = reader.Integer("Limits:MaxRequestHeaderBytes", limits.MaxRequestHeaderBytes, 1024, 1024 * 1024);
        limits.MaxRequestHeaders = reader.Integer("Limits:MaxRequestHeaders", limits.MaxRequestHeaders, 8, 10_000);
    }

    private static int? Rate(ConfigurationReader reader, string key, int? fallback)
    {
        var text = reader.Text(key);
        return text is null ? fallback
            : text.Equals("none", StringComparison.OrdinalIgnoreCase) ? null
            : reader.Integer(key, 0, 1, 1024 * 1024 * 1024);
    }

    private static void LoadNode(ConfigurationReader reader, NodeOptions node)
    {
        node.Workdir = reader.Text("Node:Workdir") ?? reader.Text("NOSLATED_WORKDIR") ?? "";
        node.DataPlanes = Count(reader, "Node:DataPlanes", "NOSLATED_DATA_PLANE_COUNT");
        node.ControlPlanes = Count(reader, "Node:ControlPlanes", "NOSLATED_CONTROL_PLANE_COUNT");
        node.ReconnectMin = reader.Duration("Node:ReconnectMin", node.ReconnectMin, _millisecond, _day);
        node.ReconnectMax = reader.Duration("Node:ReconnectMax", node.ReconnectMax, _millisecond, _day);
        node.CallTimeout = reader.Duration("Node:CallTimeout", node.CallTimeout, _millisecond, _day);
        node.SetProfilesTimeout = reader.Duration("Node:SetProfilesTimeout", node.SetProfilesTimeout, _millisecond, _day);
        node.ResyncWindow = reader.Duration("Node:ResyncWindow", node.ResyncWindow, TimeSpan.Zero, _day);
        if (node.Workdir.Length > 0 && !node.Workdir.Contains('\0', StringComparison.Ordinal))
        {
            node.Workdir = Path.GetFullPath(node.Workdir);
        }

        reader.Errors.AddRange(NodeOptionsValidator.Validate(node));
    }

    private static void LoadLifecycle(ConfigurationReader reader, GatewayOptions options)
    {
        var mode = options.Platform.Mode;
        var lifecycle = options.Lifecycle;
        var budgets = lifecycle.Budgets;
        lifecycle.InstanceId = reader.Text("Lifecycle:InstanceId") ?? reader.Text("FC_INSTANCE_ID") ?? reader.Text("POD_NAME") ?? Environment.MachineName;
        lifecycle.ContainerLife = reader.Text("FC_INSTANCE_ID") ?? reader.Text("POD_UID") ?? lifecycle.InstanceId;
        lifecycle.StateDirectory = mode == PlatformMode.Open ? null : reader.Text("Lifecycle:StateDirectory", options.Node.Workdir);
        budgets.Initialize = reader.Duration("Lifecycle:InitializeBudget", budgets.Initialize, TimeSpan.FromSeconds(1), _day);
        budgets.Freeze = reader.Duration("Lifecycle:FreezeBudget", budgets.Freeze, _millisecond, _day);
        budgets.Stop = reader.Duration("Lifecycle:StopBudget", budgets.Stop, _millisecond, _day);
        budgets.Flush = reader.Duration("Lifecycle:FlushBudget", budgets.Flush, TimeSpan.Zero, _day);
        budgets.AnswerMargin = reader.Duration("Lifecycle:AnswerMargin", budgets.AnswerMargin, TimeSpan.Zero, _day);
        budgets.ThawThreshold = reader.Duration(
            "Lifecycle:ThawThreshold", budgets.ThawThreshold, LifecycleService.TickInterval + TimeSpan.FromMilliseconds(100), TimeSpan.FromHours(1));
        budgets.ThawCheck = reader.Duration("Lifecycle:ThawCheck", budgets.ThawCheck, _millisecond, TimeSpan.FromMinutes(1));
        budgets.LameDuck = reader.Duration("Drain:LameDuck", mode == PlatformMode.Kubernetes ? TimeSpan.FromSeconds(5) : TimeSpan.Zero, TimeSpan.Zero, _day);
        Fits(reader, "Lifecycle:FreezeBudget", budgets.Freeze, budgets.Flush + budgets.AnswerMargin, "Lifecycle:FlushBudget and Lifecycle:AnswerMargin");
        if (!options.Supervision.Supervise)
        {
            Fits(reader, "Lifecycle:StopBudget", budgets.Stop, budgets.LameDuck + budgets.Flush + budgets.AnswerMargin,
                "Drain:LameDuck, Lifecycle:FlushBudget and Lifecycle:AnswerMargin");
            return;
        }

        // The node stops after the drain and within the same budget: what the platform grants is one time.
        var grace = options.Supervision.StopGrace;
        Fits(reader, "Lifecycle:StopBudget", budgets.Stop, budgets.LameDuck + budgets.Flush + budgets.AnswerMargin + grace,
            "Drain:LameDuck, Lifecycle:FlushBudget, Lifecycle:AnswerMargin and Node:StopGrace");
        budgets.Stop -= grace;
    }

    private static void Fits(ConfigurationReader reader, string key, TimeSpan budget, TimeSpan phases, string names)
    {
        if (budget <= phases)
        {
            reader.Error(key, budget.ToString(), $"must be longer than {names} together, which are {phases}: nothing would be left for what runs");
        }
    }

    private static void LoadAdmission(ConfigurationReader reader, AdmissionOptions admission)
    {
        admission.MaxConcurrent = reader.Integer("Admission:MaxConcurrent", admission.MaxConcurrent, 1, AdmissionOptions.Ceiling);
        admission.MaxConcurrentPerFunction = reader.Integer("Admission:MaxConcurrentPerFunction", admission.MaxConcurrentPerFunction, 0, AdmissionOptions.Ceiling);
        admission.MaxQueued = reader.Integer("Admission:MaxQueued", admission.MaxQueued, 0, AdmissionOptions.Ceiling);
        admission.MaxRetryAfter = reader.Duration("Admission:MaxRetryAfter", admission.MaxRetryAfter, TimeSpan.FromSeconds(1), _day);
    }

    /// <summary>Reads the fleet's settings alone: for those that look at a fleet and are no instance.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <exception cref="ConfigurationErrorsException">They can't be used.</exception>
    internal static FleetOptions LoadFleet(IConfiguration configuration)
    {
        var reader = new ConfigurationReader(configuration);
        var fleet = new FleetOptions();
        LoadFleet(reader, fleet);
        return reader.Errors.Count == 0 ? fleet : throw new ConfigurationErrorsException(reader.Errors);
    }

    private static void LoadDashboard(ConfigurationReader reader, DashboardOptions dashboard)
    {
        dashboard.Enabled = reader.Flag("Dashboard:Enabled") ?? dashboard.Enabled;
        dashboard.SessionLifetime = reader.Duration("Dashboard:SessionLifetime", dashboard.SessionLifetime, TimeSpan.FromMinutes(1), TimeSpan.FromDays(7));
        dashboard.MaxSessions = reader.Integer("Dashboard:MaxSessions", dashboard.MaxSessions, 1, 10_000);
        dashboard.MaxLivePages = reader.Integer("Dashboard:MaxLivePages", dashboard.MaxLivePages, 0, 1000);
        dashboard.RowsPerPage = reader.Integer("Dashboard:RowsPerPage", dashboard.RowsPerPage, 10, 200);
    }

    private static void LoadFleet(ConfigurationReader reader, FleetOptions fleet)
    {
        fleet.Standing.HeartbeatInterval = Duration("HeartbeatInterval", fleet.Standing.HeartbeatInterval);
        fleet.Standing.LostAfter = Duration("LostAfter", fleet.Standing.LostAfter);
        fleet.Standing.GoneAfter = Duration("GoneAfter", fleet.Standing.GoneAfter);
        fleet.IdleHeartbeatInterval = Duration("IdleHeartbeatInterval", fleet.IdleHeartbeatInterval);
        fleet.PublishInterval = Duration("PublishInterval", fleet.PublishInterval);
        fleet.EdgeWait = Duration("EdgeWait", fleet.EdgeWait);
        fleet.Retention = Duration("Retention", fleet.Retention);
        fleet.OrderExpiry = Duration("OrderExpiry", fleet.OrderExpiry);
        fleet.KeptRecords = reader.Integer("Fleet:KeptRecords", fleet.KeptRecords, 10, 100_000);
        fleet.KeptOrders = reader.Integer("Fleet:KeptOrders", fleet.KeptOrders, 4, 1000);
        reader.Errors.AddRange(fleet.Validate());

        // The options know their own bounds, and how they fit together.
        TimeSpan Duration(string name, TimeSpan fallback) => reader.Duration(FleetOptions.SectionName + ":" + name, fallback, TimeSpan.Zero, 400 * _day);
    }

    private static void LoadTelemetry(ConfigurationReader reader, TelemetryOptions telemetry)
    {
        telemetry.Metrics = reader.Flag("Telemetry:Metrics") ?? telemetry.Metrics;
        telemetry.RequestLog = reader.Choice<RequestLogFormat>("Telemetry:RequestLog") ?? telemetry.RequestLog;
        telemetry.RequestLogSample = reader.Fraction("Telemetry:RequestLogSample", telemetry.RequestLogSample);
        telemetry.MaxFunctions = reader.Integer("Telemetry:MaxFunctions", telemetry.MaxFunctions, 1, 10_000);
    }

    private static int Count(ConfigurationReader reader, string key, string variable) =>
        reader.Text(key) is not null ? reader.Integer(key, 1, 1, 64) : reader.Integer(variable, 1, 1, 64);

    private static string Address(ConfigurationReader reader, string key, string fallback)
    {
        var text = reader.Text(key, fallback);
        if (text == "*")
        {
            return "0.0.0.0";
        }

        if (text.Equals("localhost", StringComparison.OrdinalIgnoreCase))
        {
            return "127.0.0.1";
        }

        if (!IPAddress.TryParse(text, out _))
        {
            reader.Error(key, text, "must be an IP address, * or localhost");
        }

        return text;
    }
}
