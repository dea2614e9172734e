using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Functional.Redis;

/// <summary>The fleet's scripts as files, run by redis-cli against a real redis-server: no package is needed for it.</summary>
public sealed class ScriptTests
{
    private const string Needs = "--@ ";

    private static readonly string[] _directory =
        [.. new[] { "state", "leases", "snapshots", "expiries", "changes", "removed" }.Select(key => "{fleet}:" + key)];

    private static string Folder => Repository.PathOf("Silo", "Redis", "Scripts");

    [Fact]
    public void NoScript_LooksForKeys()
    {
        foreach (var file in Directory.GetFiles(Folder, "*.lua"))
        {
            var text = File.ReadAllText(file);
            foreach (var banned in new[] { "'KEYS'", "'SCAN'", "'HSCAN'", "'ZSCAN'", "'EVAL'" })
            {
                Assert.DoesNotContain(banned, text, StringComparison.OrdinalIgnoreCase);
            }
        }
    }

    [SkippableFact]
    public async Task Publish_Fences_ByEpochThenBootThenSequence()
    {
        await using var server = await RedisServer.StartAsync();
        Assert.Equal("0\na\n5", await PublishAsync("a", "5", "1"));
        Assert.Equal("1\na\n5", await PublishAsync("a", "5", "1"));
        Assert.Equal("1\na\n5", await PublishAsync("a", "4", "9"));
        Assert.Equal("2\na\n5", await PublishAsync("b", "5", "9"));
        Assert.Equal("2\na\n5", await PublishAsync("b", "4", "9"));
        Assert.Equal("0\na\n5", await PublishAsync("a", "5", "10"));
        Assert.Equal("0\nb c\n6", await PublishAsync("b c", "6", "1"));

        // Beyond what a floating number holds.
        Assert.Equal("0\nd\n9007199254740993", await PublishAsync("d", "9007199254740993", "1"));
        Assert.Equal("2\nd\n9007199254740993", await PublishAsync("e", "9007199254740992", "1"));
        Assert.EndsWith(" d", await server.CliAsync("HGET", "{fleet}:snapshots", "i"), StringComparison.Ordinal);

        Task<string> PublishAsync(string boot, string epoch, string sequence) => RunAsync(
            server, "publish", [.. _directory, "{fleet}:records:i"], ["i", boot, epoch, sequence, boot, "60000", "id", "{fleet}:told"]);
    }

    [SkippableFact]
    public async Task Publish_GivesEveryKeyAnEnd()
    {
        await using var server = await RedisServer.StartAsync();
        await RunAsync(server, "publish", [.. _directory, "{fleet}:records:i"], ["i", "a", "1", "1", "{}", "60000", "id", "{fleet}:told"]);
        foreach (var key in (await server.CliAsync("KEYS", "*")).Split('\n'))
        {
            Assert.InRange(int.Parse(await server.CliAsync("PTTL", key), System.Globalization.CultureInfo.InvariantCulture), 60_000, 120_000);
        }
    }

    [SkippableFact]
    public async Task Order_IsPlacedOnce_AndEndedOnce()
    {
        await using var server = await RedisServer.StartAsync();
        string[] keys = ["{fleet}:orders:i", "{fleet}:queue:i"];
        string[] order = ["o1", "{}", "60000", "60000", "4", "{fleet}:told"];
        var placed = await RunAsync(server, "place-order", keys, order);
        Assert.Equal(WithoutTheTime(placed), WithoutTheTime(await RunAsync(server, "place-order", keys, order)));
        Assert.Equal("0", await RunAsync(server, "complete-order", keys, ["o2", "x"]));
        Assert.Equal("1", await RunAsync(server, "complete-order", keys, ["o1", "first"]));
        Assert.Equal("0", await RunAsync(server, "complete-order", keys, ["o1", "second"]));
        Assert.EndsWith("\nfirst", WithoutTheTime(await RunAsync(server, "read-orders", keys, [])), StringComparison.Ordinal);

        static string WithoutTheTime(string told) => told[..told.LastIndexOf('\n')];
    }

    [SkippableFact]
    public async Task Profile_IsSetFromTheVersionItWasMadeOf_AndTheLastAreKept()
    {
        await using var server = await RedisServer.StartAsync();
        Assert.Equal("", await SetAsync("1", "[1]"));
        Assert.StartsWith("1 ", await SetAsync("0", "[1]"), StringComparison.Ordinal);
        Assert.Equal("", await SetAsync("0", "[2]"));
        Assert.StartsWith("2 ", await SetAsync("", "[2]"), StringComparison.Ordinal);
        Assert.StartsWith("3 ", await SetAsync("2", "[3]"), StringComparison.Ordinal);
        Assert.Equal("2", await server.CliAsync("LLEN", "{fleet}:profiles"));

        Task<string> SetAsync(string expected, string profile) =>
            RunAsync(server, "set-profile", ["{fleet}:profiles", "{fleet}:versions"], [expected, profile, "2", "{fleet}:told"]);
    }

    [SkippableFact]
    public async Task Records_TheOldestAreDropped()
    {
        await using var server = await RedisServer.StartAsync();
        await RunAsync(server, "append-records", ["{fleet}:records:i"], ["3", "60000", "1", "2"]);
        await RunAsync(server, "append-records", ["{fleet}:records:i"], ["3", "60000", "3", "4"]);
        Assert.Equal("2\n3\n4", await server.CliAsync("LRANGE", "{fleet}:records:i", "0", "-1"));
    }

    private static Task<string> RunAsync(RedisServer server, string script, string[] keys, string[] arguments) => server.CliAsync(
        ["EVAL", Text(script + ".lua"), keys.Length.ToString(System.Globalization.CultureInfo.InvariantCulture), .. keys, .. arguments]);

    /// <summary>A script with what its first line asks for, as the program puts it together.</summary>
    private static string Text(string file)
    {
        var text = File.ReadAllText(Path.Combine(Folder, file));
        var end = text.IndexOf('\n', StringComparison.Ordinal);
        return text.StartsWith(Needs, StringComparison.Ordinal) ? Text(text[Needs.Length..end].Trim()) + text[(end + 1)..] : text;
    }
}
