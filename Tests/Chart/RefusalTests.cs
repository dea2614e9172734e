using NoslateFleet.Tests.Chart.Harness;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Chart;

/// <summary>Values that are right one by one and wrong together are refused, with a reason that names them.</summary>
public sealed class RefusalTests
{
    private const string Redis = HelmChart.WithRedis;

    [SkippableTheory]
    [InlineData("{}", "topology Mesh needs a Redis")]
    [InlineData("topology: Island", "topology Island needs a Redis")]
    [InlineData("redis: { endpoints: ['redis:6379'], development: { enabled: true } }", "exclude each other")]
    [InlineData("redis: { development: { enabled: true }, existingSecret: redis }", "redis.existingSecret")]
    [InlineData("redis: { endpoints: ['redis:6379'], user: fleet }", "redis.user needs a password")]
    [InlineData(Redis + "\ntopology: Island\nsilo: { tlsSecret: silo }", "silo.tlsSecret is set and topology is Island")]
    [InlineData(Redis + "\nimage: { tag: latest }", "image.tag must not be latest")]
    [InlineData(Redis + "\nstop: { budget: 9s }", "take 9500 ms together, and stop.budget is 9000 ms")]
    [InlineData(Redis + "\nstop: { budget: 9500ms }", "it must be longer")]
    [InlineData(Redis + "\nstop: { budget: 6500ms }\nnode: { supervise: false }", "it must be longer")]
    [InlineData(Redis + "\nstop: { budget: 20s }\nconfig: { 'node:stopGrace': 15s }", "Node:StopGrace, 15000 ms")]
    [InlineData("redis: { development: { enabled: true }, tls: true }", "redis.tls is of an existing Redis")]
    [InlineData("redis: { development: { enabled: true }, user: fleet, existingSecret: a }", "redis.endpoints")]
    [InlineData("topology: Standalone\nredis: { keyPrefix: a }\nfunctions: { source: configMap, existingConfigMap: a }", "redis.keyPrefix is of an existing Redis")]
    [InlineData(Redis + "\ntopology: Standalone\nfunctions: { source: configMap, existingConfigMap: a }", "no pod would use it")]
    [InlineData("redis: { endpoints: ['redis:6379'], passwordKey: pw }", "redis.passwordKey is a key of redis.existingSecret")]
    [InlineData("redis: { development: { enabled: true, image: { tag: latest } } }", "redis.development.image.tag")]
    [InlineData("redis: { development: { enabled: true, image: { tag: '' } } }", "redis.development.image.tag")]
    [InlineData(Redis + "\nnode: { dataPlanes: 2 }", "set node.supervise=false")]
    [InlineData(Redis + "\nprobes: { liveness: { successThreshold: 2 } }", "probes.liveness.successThreshold must be 1")]
    [InlineData(Redis + "\nadmin: { existingSecret: a, token: b }", "admin.existingSecret and admin.token exclude each other")]
    [InlineData(Redis + "\nadmin: { existingSecretKey: a }", "admin.existingSecretKey is a key of admin.existingSecret")]
    [InlineData(Redis + "\nserviceAccount: { create: false, annotations: { a: b } }", "serviceAccount.create=true")]
    [InlineData(Redis + "\nmetrics: { monitor: { enabled: true } }", "list it in networkPolicy.adminClients")]
    [InlineData(Redis + "\nnetworkPolicy: { enabled: false }\nmetrics: { monitor: { enabled: true, interval: 5s } }", "metrics.monitor.scrapeTimeout (10s) is above metrics.monitor.interval (5s)")]
    [InlineData(Redis + "\nnetworkPolicy: { enabled: false, clients: [{ podSelector: {} }] }", "networkPolicy.clients is set and networkPolicy.enabled is false")]
    [InlineData(Redis + "\nnetworkPolicy: { enabled: false, egress: { enabled: true } }", "networkPolicy.egress.enabled is set and networkPolicy.enabled is false")]
    [InlineData(Redis + "\nnetworkPolicy: { egress: { rules: [{}] } }", "Set networkPolicy.egress.enabled=true")]
    [InlineData(Redis + "\ndashboard: { enabled: true, replicaCount: 2 }", "dashboard.replicaCount must be 1")]
    [InlineData(Redis + "\ndashboard: { enabled: true, args: ['--Admin:Port=1'] }", "no --dashboard-only")]
    [InlineData(Redis + "\ncommonLabels: { app.kubernetes.io/name: a }", "commonLabels has \"app.kubernetes.io/name\"")]
    [InlineData(Redis + "\npodLabels: { app.kubernetes.io/component: a }", "podLabels has \"app.kubernetes.io/component\"")]
    [InlineData(Redis + "\ncommonLabels: { team: a }\npodLabels: { team: b }", "podLabels and commonLabels both have \"team\"")]
    [InlineData(Redis + "\npodAnnotations: { checksum/token: a }", "podAnnotations has \"checksum/token\"")]
    [InlineData(Redis + "\nextraVolumes: [{ name: tmp, emptyDir: {} }]", "extraVolumes has \"tmp\" twice")]
    [InlineData(Redis + "\nextraVolumeMounts: [{ name: mine, mountPath: /mine }]", "which extraVolumes does not have")]
    [InlineData(Redis + "\nextraVolumes: [{ name: mine, emptyDir: {} }]\nextraVolumeMounts: [{ name: mine, mountPath: /tmp/ }]", "extraVolumeMounts has /tmp/ twice")]
    [InlineData(Redis + "\nnode: { workdir: /tmp }", "node.workdir is /tmp")]
    [InlineData(Redis + "\nconfig: { 'Admin:Tokens:0:Token': abc }", "as Gateway__Admin__Tokens__0__Token")]
    [InlineData(Redis + "\nconfig: { 'Redis:ConnectionString': 'a,password=b' }", "take it from a Secret by extraEnv")]
    [InlineData(Redis + "\nconfig: { 'Admission:MaxQueued': '1', 'admission:maxqueued': '2' }", "which are one setting")]
    [InlineData(Redis + "\nconfig: { 'Admission:MaxQueued': '1' }\nextraEnv: [{ name: Admission__MaxQueued, value: '2' }]", "one setting, twice")]
    [InlineData(Redis + "\nextraEnv: [{ name: A, value: b }, { name: A, value: c }]", "extraEnv has \"A\" twice")]
    [InlineData(Redis + "\nextraEnv: [{ name: A, value: b, valueFrom: {} }]", "both value and valueFrom")]
    [InlineData(Redis + "\nextraEnv: [{ name: TURF_WORKDIR, value: /t }]", "which the chart sets itself")]
    [InlineData(Redis + "\nfullnameOverride: a-name-of-fifty-three-characters-which-is-one-too-many", "at most 52")]
    [InlineData(Redis + "\nfullnameOverride: 3fleets", "must begin with a letter")]
    [InlineData(Redis + "\nstop: { terminationGracePeriodSeconds: 84 }", "need at least 85")]
    [InlineData(Redis + "\nstop: { budget: 5m, terminationGracePeriodSeconds: 300 }", "need at least 315")]
    [InlineData(Redis + "\nadmin: { port: 9000 }", "platform.port")]
    [InlineData(Redis + "\nplatform: { http2Port: 11111 }", "silo.port")]
    [InlineData(Redis + "\nplatform: { http2Port: 9002 }\nservice: { http2Port: 9000 }", "service.http2Port")]
    [InlineData(Redis + "\nfunctions: { source: inline }", "functions.file")]
    [InlineData(Redis + "\nfunctions: { file: { functions: [] } }", "functions.source=inline")]
    [InlineData(Redis + "\nfunctions: { source: configMap }", "functions.existingConfigMap")]
    [InlineData(Redis + "\nfunctions: { existingConfigMap: mine }", "functions.source=configMap")]
    [InlineData("topology: Standalone", "use inline or configMap")]
    [InlineData(Redis + "\nautoscaling: { enabled: true }\nkeda: { enabled: true, triggers: [{ type: cpu }] }", "both would set the number of pods")]
    [InlineData(Redis + "\nautoscaling: { enabled: true, minReplicas: 11 }", "autoscaling.minReplicas")]
    [InlineData(Redis + "\nautoscaling: { enabled: true, targetCPUUtilizationPercentage: 0 }", "autoscaling has nothing to go by")]
    [InlineData(Redis + "\nautoscaling: { enabled: true }\nresources: { requests: { cpu: null } }", "resources.requests.cpu")]
    [InlineData(Redis + "\nkeda: { enabled: true }", "keda.triggers")]
    [InlineData(Redis + "\nkeda: { enabled: true, minReplicas: 11, triggers: [{ type: cpu }] }", "keda.minReplicas")]
    [InlineData(Redis + "\npodDisruptionBudget: { minAvailable: 1 }", "and not both")]
    [InlineData(Redis + "\npodDisruptionBudget: { maxUnavailable: '' }", "needs maxUnavailable or minAvailable")]
    [InlineData(Redis + "\npodDisruptionBudget: { maxUnavailable: 0 }", "no node could ever be drained")]
    [InlineData(Redis + "\nstrategy: { maxSurge: 0 }", "a rollout could not begin")]
    [InlineData(Redis + "\nmetrics: { monitor: { enabled: true, kind: ServiceMonitor } }", "admin.service.enabled=true")]
    [InlineData("topology: Standalone\nfunctions: { source: configMap, existingConfigMap: mine }\ndashboard: { enabled: true }", "dashboard.enabled needs")]
    [InlineData(Redis + "\ndashboard: { ingress: { enabled: true, host: a.example.com } }", "dashboard.enabled=true")]
    [InlineData(Redis + "\ndashboard: { enabled: true, ingress: { enabled: true } }", "needs a host")]
    [InlineData(Redis + "\npodSecurityContext: { runAsUser: 0 }", "runAsUser is 0")]
    [InlineData(Redis + "\nconfig: { 'Platform:Port': '80' }", "\"Platform:Port\", which the chart sets itself")]
    [InlineData(Redis + "\nconfig: { 'lifecycle:stopbudget': 10s }", "which the chart sets itself")]
    [InlineData(Redis + "\nconfig: { 'Admin:Token': secret }", "which the chart sets itself")]
    [InlineData(Redis + "\nextraEnv: [{ name: Gateway__Drain__LameDuck, value: 1s }]", "which the chart sets itself")]
    [InlineData(Redis + "\nextraEnv: [{ name: Platform__Port, value: '80' }]", "which the chart sets itself")]
    [InlineData(Redis + "\nextraEnv: [{ name: POD_UID, value: x }]", "which the chart sets itself")]
    public async Task ValuesThatDoNotFitTogether_AreRefusedWithTheReason(string values, string reason) =>
        Assert.Contains(reason, await HelmChart.RefusalAsync(values), StringComparison.Ordinal);

    /// <summary>Helm renders all before it reads any of it, so that a refusal is told and not what its cause made of another object.</summary>
    [SkippableFact]
    public async Task Refusal_IsTold_AlsoWhenAnotherTemplateMakesNoYaml()
    {
        using var copy = new TempDirectory();
        foreach (var (name, text) in new[]
        {
            ("Chart.yaml", "apiVersion: v2\nname: small\nversion: 0.1.0\n"), ("values.yaml", "a: 1\n"),
            ("templates/a.yaml", "a: b: c"), ("templates/b.yaml", "{{ fail \"the reason\" }}"),
        })
        {
            Directory.CreateDirectory(copy.Combine("templates"));
            await File.WriteAllTextAsync(copy.Combine(name), text);
        }

        var said = await HelmChart.RunAsync("{}", notes: false, knowsOperator: false, chart: copy.Path);
        Assert.NotEqual(0, said.ExitCode);
        Assert.Contains("the reason", said.Error, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task ClusterThatIsTooOld_IsRefused()
    {
        var said = await HelmChart.RunAsync(Redis, notes: false, knowsOperator: false, kubeVersion: "1.26.9");
        Assert.NotEqual(0, said.ExitCode);
        Assert.Contains("kubeVersion", said.Error, StringComparison.Ordinal);
    }
}
