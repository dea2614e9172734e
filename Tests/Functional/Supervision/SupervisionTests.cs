using System.Net;
using System.Text.RegularExpressions;
using NoslateFleet.Gateway.Supervision;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Functional.Gateway;

namespace NoslateFleet.Tests.Functional.Supervision;

/// <summary>The node as our own process runs it: real processes, real signals.</summary>
public sealed class SupervisionTests
{
    [SkippableFact]
    public async Task StartsInOrder_ServesWithACleanEnvironment_StopsInTheOppositeOrder_AndLeavesNobody()
    {
        Environment.SetEnvironmentVariable("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "not-for-tenants");
        await using var product = new SupervisedProduct { Turfd = [Path.Combine(Path.GetTempPath(), "nf-orphan-" + Guid.NewGuid().ToString("N")[..8]), "1000"] };
        await product.ReadyAsync();
        Assert.Equal("ok", await product.Product.Http.GetStringAsync("/invoke/large"));
        var said = product.Gateway.Output;
        Assert.Equal(
            ["turfd started", "turfd answers", "data-plane started", "data-plane answers", "control-plane started"],
            Regex.Matches(said, "(turfd|data-plane|control-plane) (started|answers)").Select(match => match.Value).Take(5));
        Assert.Contains("turfd: turfd: listening", said, StringComparison.Ordinal);
        int[] children = [product.Lives("turfd")[0], product.Lives("data-plane")[0], product.Lives("control-plane")[0]];
        foreach (var child in children)
        {
            var view = ProcessView.Of(child)!;
            Assert.Equal(product.Gateway.Id, view.Parent);
            Assert.NotEqual(child, view.Session);
            var environment = ProcessView.EnvironmentOf(child);
            Assert.DoesNotContain("ALIBABA_CLOUD_ACCESS_KEY_SECRET", environment.Keys);
            Assert.Equal(product.Product.PathOf("").TrimEnd('/'), environment["NOSLATED_WORKDIR"]);

            // PWD, OLDPWD and _ are the shell's own.
            Assert.Empty(environment.Keys.Where(name => name is not ("PWD" or "OLDPWD" or "_" or "SHLVL"))
                .Except(ChildEnvironment.Of(environment, []).Keys));
        }

        var left = ProcessView.DescendantsOf(product.Gateway.Id).Where(one => one.Living).Select(one => one.Id).ToArray();
        Assert.True(left.Length >= 5, "three children, a worker and an orphan were expected");
        product.Gateway.Terminate();
        Assert.Equal(0, await product.Gateway.ExitAsync());
        Assert.Equal(
            ["control-plane", "data-plane", "turfd"],
            Regex.Matches(product.Gateway.Output, "([a-z-]+) stopped: ").Select(match => match.Groups[1].Value));
        Assert.Contains("turfd: turfd: bye", product.Gateway.Output, StringComparison.Ordinal);
        await Until.TrueAsync(() => !Array.Exists(left, ProcessView.Lives), "an orphan is left");
        File.Delete(product.Turfd[0]);
    }

    [SkippableFact]
    public async Task Function_CanReadNeitherOurEnvironmentNorOurMemory_ThoughItIsOfTheSameUser()
    {
        const string Token = "not-for-tenants-7c2e";

        // A test's user may be allowed to look into every process; tenant code is not.
        string[] before = [];
        if (Environment.IsPrivilegedProcess)
        {
            const string Rights = "-sys_ptrace,-sys_admin,-perfmon";
            before = [Requires.Program("setpriv"), "--inh-caps=" + Rights, "--bounding-set=" + Rights];
            Skip.IfNot(await CanAsync([.. before, "true"]), "no right may be given up here");
        }

        var start = new System.Diagnostics.ProcessStartInfo("env", [$"{nameof(Token)}={Token}", .. before, "sleep", "1000"]);
        await using var another = new RunningProcess(start);
        Environment.SetEnvironmentVariable("Gateway__Admin__Token", Token);
        await using var product = new SupervisedProduct(before) { Direct = true };
        try
        {
            product.Product.Admin.DefaultRequestHeaders.Authorization = new("Bearer", Token);
            await product.ReadyAsync();
        }
        finally
        {
            Environment.SetEnvironmentVariable("Gateway__Admin__Token", null);
        }

        Task<string> ReadAsync(int id, string file) => product.Product.Http.GetStringAsync($"/invoke/large/read?file=/proc/{id}/{file}");
        await Until.TrueAsync(
            async () => (await ReadAsync(another.Id, "environ")).Contains(Token, StringComparison.Ordinal), "a function can't read what is another process's, so that this test tells nothing");
        Assert.Contains("Admin:Port", await ReadAsync(product.GatewayId, "cmdline"), StringComparison.Ordinal);
        Assert.Contains(await ReadAsync(product.GatewayId, "environ"), (string[])["EACCES", "EPERM"]);
        Assert.Contains(await ReadAsync(product.GatewayId, "maps"), (string[])["EACCES", "EPERM"]);
        Assert.Contains(await ReadAsync(product.GatewayId, "mem"), (string[])["EACCES", "EPERM"]);
    }

    [SkippableTheory]
    [InlineData("turfd")]
    [InlineData("data-plane")]
    [InlineData("control-plane")]
    public async Task KilledUnderLoad_IsStartedAgain_AndNothingThatHadNotStartedFails(string child)
    {
        await using var product = new SupervisedProduct();
        await product.ReadyAsync();
        var load = new SteadyLoad(product.Product.Http);
        await Until.TrueAsync(() => load.Answered > 50, "the load does not run");
        for (var kill = 1; kill <= 2; kill++)
        {
            ProcessTable.Signal(product.Lives(child)[^1], ProcessTable.SigKill);
            await product.AnsweredAsync(child, kill + 1);
            var before = load.Answered;
            await Until.TrueAsync(() => load.Answered > before + 20, "nothing is served after the restart");
        }

        await load.EndAsync();
        await product.Product.ReadyAsync();
        Assert.Equal(3, product.Lives(child).Distinct().Count());

        // What ran when the plane was killed may have been executed; all else was held and served.
        Assert.DoesNotContain(load.Others, answer => !answer.Contains("\"executed\":\"maybe\"", StringComparison.Ordinal));
        Assert.Equal(0, load.Unanswered);
        var (accepted, failed) = await product.ConservedAsync();
        Assert.Equal((load.Answered, load.Others.Count), ((int)accepted, (int)failed));
        var events = await product.EventsAsync();
        Assert.Equal(2, events.Count(one => one.StartsWith(child + " died after", StringComparison.Ordinal) && one.Contains("signal 9", StringComparison.Ordinal)));
        if (child != "data-plane")
        {
            Assert.Empty(load.Others);
            Assert.Contains(events, one => one.Contains("last lines: ", StringComparison.Ordinal) && one.Contains("listening", StringComparison.Ordinal));
        }
    }

    [SkippableFact]
    public async Task RequestsThatComeBeforeTheNode_AreHeldWithinTheirDeadlines()
    {
        await using var product = new SupervisedProduct();
        product.Start("--Node:DataPlaneCommand:0=sleep", "--Node:DataPlaneCommand:1=1000", "--Node:DataPlaneCommand:2=0", "--Node:DataPlaneCommand:3=0");
        await product.Gateway.SaysAsync("data-plane started");
        await product.AnswersAsync("/healthz");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/invoke/large");
        request.Headers.Add("x-noslate-timeout-ms", "4000");
        using var refused = await product.Product.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        var problem = await refused.Content.ReadAsStringAsync();
        Assert.Contains("\"reason\":\"plane-unavailable\"", problem, StringComparison.Ordinal);
        Assert.Contains("\"executed\":\"never\"", problem, StringComparison.Ordinal);
        var (accepted, failed) = await product.ConservedAsync();
        Assert.Equal((1, 1), (accepted, failed));
    }

    [SkippableFact]
    public async Task CrashLoop_IsGivenUp_WithAnExitCodeAndLastWords()
    {
        await using var product = new SupervisedProduct();
        product.Start("--Node:DataPlaneCommand:0=sh", "--Node:DataPlaneCommand:1=-c", "--Node:DataPlaneCommand:2=echo no such runtime >&2; exit 7",
            "--Node:DataPlaneCommand:3=sh", "--Node:MaxDeaths=3", "--Node:RestartMin=5ms");
        Assert.Equal(4, await product.Gateway.ExitAsync());
        Assert.Equal(3, product.Lives("data-plane").Length);
        Assert.Empty(product.Lives("control-plane"));
        var said = product.Gateway.Output + product.Gateway.Error;
        Assert.Contains("The node can't be kept running: data-plane died 3 times within 00:01:00, the last time by: exit code 7", said, StringComparison.Ordinal);
        Assert.Contains("data-plane: no such runtime", said, StringComparison.Ordinal);
        Assert.False(ProcessView.Lives(product.Lives("turfd")[0]));
    }

    [SkippableFact]
    public async Task SocketThatNeverAnswers_IsADeath()
    {
        await using var product = new SupervisedProduct();
        product.Start("--Node:TurfdCommand:0=sleep", "--Node:TurfdCommand:1=1000", "--Node:TurfdCommand:2=0", "--Node:StartTimeout=100ms", "--Node:MaxDeaths=2");
        Assert.Equal(4, await product.Gateway.ExitAsync());
        Assert.Contains("t.sock did not answer within 00:00:00.1000000; killed", product.Gateway.Output + product.Gateway.Error, StringComparison.Ordinal);
        Assert.All(product.Lives("turfd"), id => Assert.False(ProcessView.Lives(id)));
    }

    [SkippableFact]
    public async Task ProgramThatIsMissing_IsGivenUp_AndNamed()
    {
        await using var product = new SupervisedProduct();
        product.Start("--Node:TurfdCommand:0=/no/such/turf", "--Node:MaxDeaths=2", "--Node:RestartMin=5ms");
        Assert.Equal(4, await product.Gateway.ExitAsync());
        Assert.Contains("/no/such/turf", product.Gateway.Output + product.Gateway.Error, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task StopUnderLoad_EndsWhatRuns_ThenTheNode_WithinTheBudget()
    {
        await using var product = new SupervisedProduct();
        await product.ReadyAsync("--Lifecycle:StopBudget=20s");
        var load = new SteadyLoad(product.Product.Http);
        await Until.TrueAsync(() => load.Answered > 50, "the load does not run");
        product.Gateway.Terminate();
        Assert.Equal(0, await product.Gateway.ExitAsync());
        await load.EndAsync();
        Assert.DoesNotContain(load.Others, answer => !answer.Contains("\"reason\":\"draining\"", StringComparison.Ordinal));
        Assert.Contains("Stopped, Clean", product.Gateway.Output, StringComparison.Ordinal);
        Assert.Contains(" 0 abandoned", product.Gateway.Output, StringComparison.Ordinal);
        Assert.All(new[] { "turfd", "data-plane", "control-plane" }, child => Assert.Single(product.Lives(child)));
        Assert.All(new[] { "turfd", "data-plane", "control-plane" }, child => Assert.False(ProcessView.Lives(product.Lives(child)[0])));
    }

    [SkippableFact]
    public async Task ChildThatIsDeafToSigTerm_IsKilledInItsPartOfTheGrace_AndTheOthersStillEndByThemselves()
    {
        await using var product = new SupervisedProduct { Relay = ["deaf"] };
        await product.ReadyAsync("--Node:StopGrace=15s", "--Lifecycle:StopBudget=30s");
        product.Gateway.Terminate();
        Assert.Equal(0, await product.Gateway.ExitAsync());
        Assert.Contains("control-plane: relay: deaf", product.Gateway.Output, StringComparison.Ordinal);
        Assert.Equal(
            ["control-plane stopped: signal 9", "data-plane stopped: exit code 0", "turfd stopped: exit code 0"],
            Regex.Matches(product.Gateway.Output, "[a-z-]+ stopped: [a-z ]+ [0-9]+").Select(match => match.Value));
        Assert.All(new[] { "turfd", "data-plane", "control-plane" }, child => Assert.False(ProcessView.Lives(product.Lives(child)[0])));
    }

    [SkippableFact]
    public async Task KilledOurselves_NobodyIsLeft_AndTheNextProcessRestartsInPlace()
    {
        Requires.Program("setpriv");
        await using var product = new SupervisedProduct();
        await product.ReadyAsync();
        Assert.Equal("ok", await product.Product.Http.GetStringAsync("/invoke/large"));
        var all = ProcessView.DescendantsOf(product.Gateway.Id).Where(one => one.Living).Select(one => one.Id).ToArray();
        Assert.True(all.Length >= 4, "three children and a worker were expected");
        product.Gateway.KillHard();
        await Until.TrueAsync(() => !Array.Exists(all, ProcessView.Lives), "an orphan is left");
        await product.ReadyAsync();
        Assert.Equal("ok", await product.Product.Http.GetStringAsync("/invoke/large"));
        Assert.DoesNotContain("adopted", product.Gateway.Output, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task PlanesThatAnswerAlready_AreAdopted_NotStopped_AndReplacedOnceTheyAreGone()
    {
        await using var product = new SupervisedProduct();
        await using var plane = new RunningProcess("NoslateFleet.Emulator.dll", product.Product.PathOf(""), ["--workdir", product.Product.PathOf("e")]);
        await plane.SaysAsync("emulator: ready");
        await product.ReadyAsync();
        Assert.Contains("data-plane answers at", product.Gateway.Output, StringComparison.Ordinal);
        Assert.Empty(product.Lives("data-plane"));
        Assert.Equal("ok", await product.Product.Http.GetStringAsync("/invoke/large"));
        product.Gateway.Terminate();
        Assert.Equal(0, await product.Gateway.ExitAsync());
        Assert.False(plane.HasExited);
        await product.ReadyAsync();
        plane.KillHard();
        await product.AnsweredAsync("data-plane", 1);
        Assert.Equal("ok", await product.Product.Http.GetStringAsync("/invoke/large"));
        Assert.Single(product.Lives("data-plane"));
        await product.ConservedAsync();
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task OrphansOfOthers_AreReaped_AlsoAsTheFirstProcess(bool first)
    {
        string[] before = [];
        if (first)
        {
            before = [Requires.Program("unshare"), "--pid", "--fork", "--mount-proc", "--kill-child"];
            Skip.IfNot(await CanAsync([.. before, "true"]), "no process namespace may be made here");
        }

        var orphan = Path.Combine(Path.GetTempPath(), "nf-orphan-" + Guid.NewGuid().ToString("N")[..8]);
        await using var product = new SupervisedProduct(before) { Turfd = [orphan, "1000"] };
        await product.ReadyAsync();
        Assert.Equal(first, product.GatewayId != product.Gateway.Id);
        await Until.TrueAsync(() => File.Exists(orphan), "no orphan is made");
        var sleeper = 0;
        await Until.TrueAsync(
            () => (sleeper = ProcessView.ChildrenOf(product.GatewayId).SingleOrDefault(one => NameOf(one.Id) == "sleep")?.Id ?? 0) != 0, "the orphan does not come to us");
        ProcessTable.Signal(sleeper, ProcessTable.SigKill);
        await Until.TrueAsync(() => ProcessView.Of(sleeper) is null, "the orphan stays a zombie");
        await Until.TrueAsync(() => ProcessView.ChildrenOf(product.GatewayId).All(one => one.Living), "a zombie stays");

        // The exit of a child of ours is not taken from the runtime: it is told with its signal, and the child comes back.
        var relay = ProcessView.ChildrenOf(product.GatewayId).Single(one => File.ReadAllText($"/proc/{one.Id}/cmdline").Contains("relay.js", StringComparison.Ordinal));
        ProcessTable.Signal(relay.Id, ProcessTable.SigKill);
        await product.AnsweredAsync("control-plane", 2);
        Assert.Contains("control-plane died: signal 9", product.Gateway.Output, StringComparison.Ordinal);
        ProcessTable.Signal(product.GatewayId, ProcessTable.SigTerm);
        Assert.Equal(0, await product.Gateway.ExitAsync());
        File.Delete(orphan);
    }

    private static string NameOf(int id)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/comm").Trim();
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static async Task<bool> CanAsync(string[] command)
    {
        using var process = System.Diagnostics.Process.Start(command[0], command[1..]);
        await process.WaitForExitAsync();
        return process.ExitCode == 0;
    }
}
