using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using StackExchange.Redis;

namespace NoslateFleet.Silo.Redis;

/// <summary>A script that runs in Redis: a file of the folder Scripts, with the files that its first lines ask for before it.</summary>
internal sealed class RedisScript
{
    /// <summary>A first line that begins so names a file that goes before.</summary>
    private const string Needs = "--@ ";

    public static readonly RedisScript Publish = new("publish");
    public static readonly RedisScript ReadAll = new("read-all");
    public static readonly RedisScript ReadOne = new("read-one");
    public static readonly RedisScript ReadChanges = new("read-changes");
    public static readonly RedisScript AppendRecords = new("append-records");
    public static readonly RedisScript PlaceOrder = new("place-order");
    public static readonly RedisScript CompleteOrder = new("complete-order");
    public static readonly RedisScript ReadOrders = new("read-orders");
    public static readonly RedisScript SetProfile = new("set-profile");
    public static readonly RedisScript Mend = new("mend");
    public static readonly RedisScript MendTable = new("mend-table");
    public static readonly RedisScript MissingRights = new("missing-rights");
    public static readonly RedisScript MissingFleetRights = new("missing-fleet-rights");

    private RedisScript(string name)
    {
        Name = name;
        Text = Load(name + ".lua");
        Hash = Sha1(Text);
    }

    /// <summary>The file's name without its ending.</summary>
    public string Name { get; }

    /// <summary>All of it.</summary>
    public string Text { get; }

    /// <summary>What Redis knows it by, once it has seen it.</summary>
    public byte[] Hash { get; }

    /// <summary>Runs it as it stands here, whether the server knows it or not.</summary>
    /// <param name="database">The server.</param>
    /// <param name="keys">Every key it touches.</param>
    /// <param name="values">Its arguments.</param>
    /// <exception cref="RedisException">Redis can't be reached, or refuses it.</exception>
    public Task<RedisResult> SendAsync(IDatabaseAsync database, RedisKey[] keys, params RedisValue[] values)
    {
        object[] arguments = [Text, keys.Length, .. keys, .. values];
        return database.ExecuteAsync("EVAL", arguments);
    }

    private static string Load(string file)
    {
        using var stream = typeof(RedisScript).Assembly.GetManifestResourceStream(file)
            ?? throw new InvalidOperationException($"the script {file} is not in the assembly");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        var text = reader.ReadToEnd();
        if (!text.StartsWith(Needs, StringComparison.Ordinal))
        {
            return text;
        }

        var end = text.IndexOf('\n', StringComparison.Ordinal);
        return Load(text[Needs.Length..end].Trim()) + text[(end + 1)..];
    }

    [SuppressMessage("Security", "CA5350", Justification = "Redis names scripts by it; nothing is protected by it.")]
    private static byte[] Sha1(string text) => SHA1.HashData(Encoding.UTF8.GetBytes(text));
}
