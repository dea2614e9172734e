using System.Text.Json.Nodes;
using NoslateFleet.Tests.Chart.Harness;

namespace NoslateFleet.Tests.Chart;

/// <summary>The instances: how they start, stop, scale and are reached.</summary>
public sealed class InstanceTests
{
    private const string Redis = HelmChart.WithRedis;

    [SkippableTheory]
    [InlineData("", 85)]
    [InlineData("stop: { budget: 2m }", 135)]
    [InlineData("stop: { budget: 1h }", 3615)]
    [InlineData("stop: { budget: 60001ms }", 76)]
    [InlineData("stop: { marginSeconds: 30 }", 100)]
    [InlineData("stop: { terminationGracePeriodSeconds: 85 }", 85)]
    [InlineData("stop: { terminationGracePeriodSeconds: 300 }", 300)]
    public async Task GracePeriod_HoldsTheBudgetAndTheMargin(string values, int expected)
    {
        var all = await RenderAsync(values);
        Assert.Equal(expected, all.InstancePod["spec"]!["terminationGracePeriodSeconds"]!.GetValue<long>());
    }

    [SkippableFact]
    public async Task PreStop_IsTheHookOfOurOwnBinary_ByThePathThatTheContainerStartsWith()
    {
        var container = (await RenderAsync("image: { executable: /somewhere/Silo }")).InstanceContainer;
        Assert.Equal(["/somewhere/Silo"], Texts(container["command"]));
        Assert.Equal(["/somewhere/Silo", "hook", "pre-stop"], Texts(container["lifecycle"]!["preStop"]!["exec"]!["command"]));
    }

    [SkippableTheory]
    [InlineData("startupProbe", "/healthz")]
    [InlineData("livenessProbe", "/healthz")]
    [InlineData("readinessProbe", "/readyz")]
    public async Task Probe_AsksTheAdminPort(string probe, string path)
    {
        var asked = (await RenderAsync("")).InstanceContainer[probe]!;
        Assert.Equal((path, "admin"), (Manifests.Text(asked["httpGet"]!["path"]), Manifests.Text(asked["httpGet"]!["port"])));
        Assert.NotNull(asked["failureThreshold"]);
    }

    /// <summary>A liveness that gives up sooner than a stop may take would kill a pod that drains well.</summary>
    [SkippableFact]
    public async Task Liveness_AsksAPathThatADrainingInstanceAnswers()
    {
        var container = (await RenderAsync("")).InstanceContainer;
        Assert.NotEqual(Manifests.Text(container["readinessProbe"]!["httpGet"]!["path"]), Manifests.Text(container["livenessProbe"]!["httpGet"]!["path"]));
    }

    [SkippableFact]
    public async Task Rollout_StartsTheNewPodBeforeItStopsAnOldOne()
    {
        var rolling = (await RenderAsync("")).Instances["spec"]!["strategy"]!["rollingUpdate"]!;
        Assert.Equal(("1", "0"), (Manifests.Text(rolling["maxSurge"]), Manifests.Text(rolling["maxUnavailable"])));
    }

    [SkippableTheory]
    [InlineData("POD_NAME", "metadata.name")]
    [InlineData("POD_UID", "metadata.uid")]
    [InlineData("POD_IP", "status.podIP")]
    public async Task Identity_ComesFromThePod(string variable, string path)
    {
        var env = (await RenderAsync("")).InstanceContainer["env"]!.AsArray();
        Assert.Equal(path, Manifests.Text(Assert.Single(env, one => Manifests.Text(one!["name"]) == variable)!["valueFrom"]!["fieldRef"]!["fieldPath"]));
    }

    [SkippableFact]
    public async Task TokenAndPassword_ComeFromTheNamedSecrets()
    {
        var env = (await HelmChart.RenderAsync(
            "admin: { existingSecret: mine, existingSecretKey: bearer }\nredis: { endpoints: ['r:6379'], existingSecret: pw, passwordKey: p }")).InstanceContainer["env"]!.AsArray();
        Assert.Equal(("mine", "bearer"), Reference("Gateway__Admin__Token"));
        Assert.Equal(("pw", "p"), Reference("Gateway__Redis__Password"));

        (string, string) Reference(string name)
        {
            var reference = Assert.Single(env, one => Manifests.Text(one!["name"]) == name)!["valueFrom"]!["secretKeyRef"]!;
            return (Manifests.Text(reference["name"]), Manifests.Text(reference["key"]));
        }
    }

    [SkippableFact]
    public async Task Token_IsMadeOnlyWithoutAnExistingSecret()
    {
        Assert.False((await RenderAsync("admin: { existingSecret: mine }")).OfKind("Secret").Any());
        var given = (await RenderAsync("admin: { token: abc }")).One("Secret", Manifests.Name + "-admin");
        Assert.Equal("abc", Encoding(given));
        Assert.Matches("^[A-Za-z0-9]{40}$", Encoding((await RenderAsync("")).One("Secret", Manifests.Name + "-admin")));

        static string Encoding(JsonObject secret) => System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(Manifests.Text(secret["data"]!["token"])));
    }

    [SkippableTheory]
    [InlineData("Mesh", true)]
    [InlineData("Island", false)]
    public async Task SiloPorts_HaveAHeadlessServiceOfAllPodsInAMeshOnly(string topology, bool expected)
    {
        var all = await RenderAsync($"topology: {topology}");
        Assert.Equal(expected, all.Has("Service", Manifests.Name + "-silo"));
        Assert.Equal(expected, Manifests.PortNames(all.InstancePod).Contains("silo"));
        if (expected)
        {
            var spec = all.One("Service", Manifests.Name + "-silo")["spec"]!;
            Assert.Equal(("None", "true"), (Manifests.Text(spec["clusterIP"]), Manifests.Text(spec["publishNotReadyAddresses"])));
        }
    }

    [SkippableTheory]
    [InlineData("replicaCount: 1", false)]
    [InlineData("replicaCount: 2", true)]
    [InlineData("podDisruptionBudget: { enabled: false }", false)]
    [InlineData("podDisruptionBudget: { maxUnavailable: '', minAvailable: 2 }", true)]
    [InlineData("podDisruptionBudget: { maxUnavailable: '', minAvailable: 3 }", false)]
    [InlineData("podDisruptionBudget: { maxUnavailable: '', minAvailable: 67% }", false)]
    [InlineData("podDisruptionBudget: { maxUnavailable: '', minAvailable: 66% }", true)]
    [InlineData("podDisruptionBudget: { maxUnavailable: '', minAvailable: 100% }", false)]
    [InlineData("autoscaling: { enabled: true, minReplicas: 1 }", false)]
    [InlineData("replicaCount: 1\nautoscaling: { enabled: true, minReplicas: 2 }", true)]
    [InlineData("keda: { enabled: true, minReplicas: 1, triggers: [{ type: cpu }] }", false)]
    public async Task DisruptionBudget_IsMadeOnlyIfItCanBeMet(string values, bool expected) =>
        Assert.Equal(expected, (await RenderAsync(values)).OfKind("PodDisruptionBudget").Any());

    [SkippableTheory]
    [InlineData("", null)]
    [InlineData("autoscaling: { enabled: true }", "HorizontalPodAutoscaler")]
    [InlineData("keda: { enabled: true, triggers: [{ type: cpu }] }", "ScaledObject")]
    public async Task Replicas_AreLeftToTheAutoscaler(string values, string? scaler)
    {
        var all = await RenderAsync(values);
        Assert.Equal(scaler is null, all.Instances["spec"]!["replicas"] is not null);
        foreach (var kind in new[] { "HorizontalPodAutoscaler", "ScaledObject" })
        {
            Assert.Equal(kind == scaler, all.OfKind(kind).Any());
        }

        if (scaler is not null)
        {
            Assert.Equal(Manifests.Name, Manifests.Text(all.One(scaler, Manifests.Name)["spec"]!["scaleTargetRef"]!["name"]));
        }
    }

    [SkippableFact]
    public async Task Monitor_IsMadeOnlyWhereTheClusterKnowsIt_AndChoosesWhatExists()
    {
        const string Scraper = "\nnetworkPolicy: { adminClients: [{ podSelector: {} }] }";
        const string PodMonitor = Redis + Scraper + "\nmetrics: { monitor: { enabled: true } }";
        Assert.Empty((await HelmChart.RenderAsync(PodMonitor, knowsOperator: false)).OfKind("PodMonitor"));
        var pods = await HelmChart.RenderAsync(PodMonitor);
        var monitor = pods.One("PodMonitor", Manifests.Name);
        Assert.Single(pods.Pods, pod => Manifests.Chooses(monitor["spec"]!["selector"]!["matchLabels"]!.AsObject(), pod));
        Assert.Equal("token", Manifests.Text(monitor["spec"]!["podMetricsEndpoints"]![0]!["authorization"]!["credentials"]!["key"]));

        var services = await HelmChart.RenderAsync(Redis + Scraper + "\nadmin: { service: { enabled: true }, openMetrics: true }\nmetrics: { monitor: { enabled: true, kind: ServiceMonitor } }");
        monitor = services.One("ServiceMonitor", Manifests.Name);
        Assert.Single(services.OfKind("Service"), one => Manifests.Chooses(monitor["spec"]!["selector"]!["matchLabels"]!.AsObject(), one));
        Assert.Null(monitor["spec"]!["endpoints"]![0]!["authorization"]);
    }

    [SkippableFact]
    public async Task Functions_InTheChart_AreMountedAsADirectory_SoThatAChangeArrivesWithoutARollout()
    {
        var all = await HelmChart.RenderAsync(HelmChart.Example("development-values.yaml"));
        var file = JsonNode.Parse(Manifests.Text(all.One("ConfigMap", Manifests.Name + "-functions")["data"]!["functions.json"]))!;
        Assert.Equal("hello", Manifests.Text(file["functions"]![0]!["name"]));
        var mount = Assert.Single(all.InstanceContainer["volumeMounts"]!.AsArray(), one => Manifests.Text(one!["name"]) == "functions")!;
        Assert.Null(mount["subPath"]);
        Assert.Equal($"{mount["mountPath"]}/functions.json", Manifests.Environment(all.InstanceContainer)["Gateway__Functions__Path"]);
        Assert.DoesNotContain(all.InstancePod["metadata"]!["annotations"]!.AsObject(), one => one.Key.Contains("functions", StringComparison.Ordinal));
    }

    [SkippableFact]
    public async Task Dashboard_StartsOurBinaryAsNoInstance_AndItsIngressLeavesTheHooksInside()
    {
        var all = await RenderAsync("dashboard: { enabled: true, ingress: { enabled: true, host: f.example.com, tlsSecret: tls } }");
        var container = all.One("Deployment", Manifests.Name + "-dashboard")["spec"]!["template"]!["spec"]!["containers"]![0]!;
        Assert.Equal(["--dashboard-only"], Texts(container["args"]));
        var ingress = all.One("Ingress", Manifests.Name + "-dashboard")["spec"]!;
        Assert.Equal(["/dashboard", "/api"], ingress["rules"]![0]!["http"]!["paths"]!.AsArray().Select(one => Manifests.Text(one!["path"])));
        Assert.Equal("f.example.com", Manifests.Text(ingress["tls"]![0]!["hosts"]![0]));
    }

    [SkippableFact]
    public async Task SpreadConstraint_CountsTheInstancesUnlessItSaysOtherwise()
    {
        var spread = (await RenderAsync("")).InstancePod["spec"]!["topologySpreadConstraints"]![0]!;
        Assert.Equal("instance", Manifests.Text(spread["labelSelector"]!["matchLabels"]!["app.kubernetes.io/component"]));
        spread = (await RenderAsync(
            "topologySpreadConstraints: [{ maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: { matchLabels: { a: b } } }]")).InstancePod["spec"]!["topologySpreadConstraints"]![0]!;
        Assert.Equal("b", Manifests.Text(spread["labelSelector"]!["matchLabels"]!["a"]));
    }

    [SkippableFact]
    public async Task LargeNumbers_AreWrittenAsNumbers()
    {
        var all = await RenderAsync("progressDeadlineSeconds: 10000000\npodSecurityContext: { runAsUser: 1000680000 }");
        Assert.Equal(10_000_000, all.Instances["spec"]!["progressDeadlineSeconds"]!.GetValue<long>());
        Assert.Equal(1_000_680_000, all.InstancePod["spec"]!["securityContext"]!["runAsUser"]!.GetValue<long>());
    }

    private static IEnumerable<string> Texts(JsonNode? list) => list!.AsArray().Select(Manifests.Text);

    private static Task<Manifests> RenderAsync(string values) => HelmChart.RenderAsync($"{Redis}\n{values}");
}
