using NoslateFleet.Tests.Chart.Harness;

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
    [InlineData(Redis + "\nstop: { budget: 6s }", "take 6500 ms together, and stop.budget is 6000 ms")]
    [InlineData(Redis + "\nstop: { budget: 6500ms }", "it must be longer")]
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

    [SkippableFact]
    public async Task ClusterThatIsTooOld_IsRefused()
    {
        var said = await HelmChart.RunAsync(Redis, notes: false, knowsOperator: false, kubeVersion: "1.26.9");
        Assert.NotEqual(0, said.ExitCode);
        Assert.Contains("kubeVersion", said.Error, StringComparison.Ordinal);
    }
}
