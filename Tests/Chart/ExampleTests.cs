using System.Text.Json.Nodes;
using NoslateFleet.Tests.Chart.Harness;

namespace NoslateFleet.Tests.Chart;

/// <summary>What holds for everything that the chart renders, looked at in every complete example.</summary>
public sealed class ExampleTests
{
    public static TheoryData<string> Examples => [.. HelmChart.Examples];

    [SkippableTheory]
    [MemberData(nameof(Examples))]
    public async Task EveryObject_HasKindNamespaceLabelsAndANameOfItsOwn(string example)
    {
        var all = await RenderAsync(example);
        Assert.NotEmpty(all.All);
        foreach (var one in all.All)
        {
            Assert.NotEmpty(Manifests.Text(one["apiVersion"]));
            Assert.Equal("functions", Manifests.Text(one["metadata"]!["namespace"]));
            Assert.InRange(Manifests.NameOf(one).Length, 1, 63);
            Assert.Equal("noslate-fleet", Manifests.Text(one["metadata"]!["labels"]!["app.kubernetes.io/name"]));
        }

        Assert.Distinct(all.All.Select(one => $"{one["kind"]}/{Manifests.NameOf(one)}"));
    }

    [SkippableTheory]
    [MemberData(nameof(Examples))]
    public async Task EverySelector_ChoosesExactlyItsOwnPods(string example)
    {
        var all = await RenderAsync(example);
        foreach (var deployment in all.OfKind("Deployment"))
        {
            var labels = deployment["spec"]!["selector"]!["matchLabels"]!.AsObject();
            var chosen = Assert.Single(all.Pods, pod => Manifests.Chooses(labels, pod));
            Assert.Same(deployment["spec"]!["template"], chosen);
        }

        foreach (var service in all.OfKind("Service"))
        {
            var pod = Assert.Single(all.Pods, pod => Manifests.Chooses(service["spec"]!["selector"]!.AsObject(), pod));
            Assert.All(service["spec"]!["ports"]!.AsArray(), port => Assert.Contains(Manifests.Text(port!["targetPort"]), Manifests.PortNames(pod)));
        }

        Assert.All(
            all.OfKind("PodDisruptionBudget"),
            one => Assert.Single(all.Pods, pod => Manifests.Chooses(one["spec"]!["selector"]!["matchLabels"]!.AsObject(), pod)));
    }

    [SkippableTheory]
    [MemberData(nameof(Examples))]
    public async Task EveryNetworkPolicy_NamesOnlyPodsAndPortsThatExist(string example)
    {
        var all = await RenderAsync(example);
        foreach (var policy in all.OfKind("NetworkPolicy"))
        {
            var pod = Assert.Single(all.Pods, pod => Manifests.Chooses(policy["spec"]!["podSelector"]!["matchLabels"]!.AsObject(), pod));
            foreach (var rule in policy["spec"]!["ingress"]!.AsArray())
            {
                Assert.All(rule!["ports"]!.AsArray(), port => Assert.Contains(Manifests.Text(port!["port"]), Manifests.PortNames(pod)));
                Assert.NotEmpty(rule["from"]!.AsArray());
            }

            var peers = (policy["spec"]!["ingress"]!.AsArray().SelectMany(rule => rule!["from"]!.AsArray()))
                .Concat((policy["spec"]!["egress"]?.AsArray() ?? []).SelectMany(rule => rule!["to"]?.AsArray() ?? []))
                .Select(peer => peer!["podSelector"]?["matchLabels"]?.AsObject())
                .OfType<JsonObject>();
            Assert.All(peers, labels => Assert.Contains(all.Pods, candidate => Manifests.Chooses(labels, candidate)));
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Examples))]
    public async Task EveryPod_RunsWithoutRightsItDoesNotNeed(string example)
    {
        foreach (var pod in (await RenderAsync(example)).Pods)
        {
            Assert.Equal("false", Manifests.Text(pod["spec"]!["automountServiceAccountToken"]));
            Assert.Equal("false", Manifests.Text(pod["spec"]!["enableServiceLinks"]));
            Assert.Equal("true", Manifests.Text(pod["spec"]!["securityContext"]!["runAsNonRoot"]));
            Assert.Equal("RuntimeDefault", Manifests.Text(pod["spec"]!["securityContext"]!["seccompProfile"]!["type"]));
            foreach (var container in Manifests.Containers(pod))
            {
                var context = container["securityContext"]!;
                Assert.Equal("true", Manifests.Text(context["readOnlyRootFilesystem"]));
                Assert.Equal("false", Manifests.Text(context["allowPrivilegeEscalation"]));
                Assert.Equal(["ALL"], context["capabilities"]!["drop"]!.AsArray().Select(Manifests.Text));
            }
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Examples))]
    public async Task EveryImage_NamesAVersion(string example)
    {
        foreach (var image in (await RenderAsync(example)).Pods.SelectMany(Manifests.Containers).Select(container => Manifests.Text(container["image"])))
        {
            Assert.Matches("(:[^/:@]+|@sha256:[0-9a-f]{64})$", image);
            Assert.DoesNotContain(":latest", image, StringComparison.Ordinal);
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Examples))]
    public async Task EveryMount_HasItsVolume_AndTheReadOnlyRootItsPlacesToWrite(string example)
    {
        var all = await RenderAsync(example);
        foreach (var pod in all.Pods)
        {
            var volumes = (pod["spec"]!["volumes"]?.AsArray() ?? []).Select(volume => Manifests.Text(volume!["name"])).ToList();
            Assert.Distinct(volumes);
            Assert.All(
                Manifests.Containers(pod).SelectMany(container => container["volumeMounts"]?.AsArray() ?? []),
                mount => Assert.Contains(Manifests.Text(mount!["name"]), volumes));
        }

        var writable = all.InstancePod["spec"]!["volumes"]!.AsArray().Where(volume => volume!["emptyDir"] is not null).Select(volume => Manifests.Text(volume!["name"])).ToList();
        var places = all.InstanceContainer["volumeMounts"]!.AsArray().Where(mount => writable.Contains(Manifests.Text(mount!["name"])))
            .Select(mount => Manifests.Text(mount!["mountPath"]));
        Assert.Equal(["/.noslate", "/tmp"], places);
    }

    [SkippableTheory]
    [MemberData(nameof(Examples))]
    public async Task EveryReferenceToASecretOrConfigMapOfTheChart_IsMade(string example)
    {
        var all = await RenderAsync(example);
        var made = all.All.Select(one => $"{one["kind"]}/{Manifests.NameOf(one)}").ToHashSet(StringComparer.Ordinal);
        var used = all.Pods.SelectMany(Manifests.Containers).SelectMany(container => container["env"]?.AsArray() ?? [])
            .Select(variable => variable!["valueFrom"]?["secretKeyRef"]?["name"]).Where(name => name is not null).Select(name => $"Secret/{name}")
            .Concat(all.Pods.SelectMany(pod => pod["spec"]!["volumes"]?.AsArray() ?? [])
                .Select(volume => volume!["configMap"]?["name"]).Where(name => name is not null).Select(name => $"ConfigMap/{name}"))
            .Where(name => name.Contains(Manifests.Name, StringComparison.Ordinal));
        Assert.All(used, name => Assert.Contains(name, made));
    }

    [SkippableTheory]
    [MemberData(nameof(Examples))]
    public async Task Token_StandsInNoPodAndNoAnnotation(string example)
    {
        var all = await RenderAsync(example);
        Assert.All(all.Pods.SelectMany(Manifests.Containers).Where(container => container["command"]?[0]?.ToString().EndsWith("/Silo", StringComparison.Ordinal) == true), container =>
            Assert.Equal("", Assert.Contains("Gateway__Admin__Token", Manifests.Environment(container))));
    }

    [SkippableTheory]
    [MemberData(nameof(Examples))]
    public async Task AdminPort_IsInNoServiceByDefault(string example)
    {
        var all = await RenderAsync(example);
        var values = Yaml.Merge(HelmChart.Defaults, Yaml.Object(HelmChart.Example(example)));
        var wanted = values["admin"]!["service"]!["enabled"]!.GetValue<bool>();
        Assert.Equal(wanted, all.Has("Service", Manifests.Name + "-admin"));
        var ofInstances = all.OfKind("Service").Where(one => Manifests.Chooses(one["spec"]!["selector"]!.AsObject(), all.InstancePod) && !Manifests.NameOf(one).EndsWith("-admin", StringComparison.Ordinal));
        Assert.DoesNotContain("admin", ofInstances.SelectMany(one => one["spec"]!["ports"]!.AsArray()).Select(port => Manifests.Text(port!["targetPort"])));
    }

    private static Task<Manifests> RenderAsync(string example) => HelmChart.RenderAsync(HelmChart.Example(example));
}
