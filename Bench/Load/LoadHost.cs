using System.Globalization;
using NoslateFleet.Bench.Hosts;

namespace NoslateFleet.Bench.Load;

/// <summary>The load generator as a process of its own.</summary>
internal static class LoadHost
{
    /// <summary>Sockets call back on the one thread that waits for them, without a hop to the thread pool.</summary>
    public static readonly IReadOnlyDictionary<string, string> Environment = new Dictionary<string, string>
    {
        ["DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS"] = "1",
        ["DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT"] = "1",
    };

    public static Task RunAsync() => Commands.ServeAsync("", async words =>
    {
        var run = await LoadGenerator.RunAsync(
            int.Parse(words[1], CultureInfo.InvariantCulture),
            words[2],
            int.Parse(words[3], CultureInfo.InvariantCulture),
            int.Parse(words[4], CultureInfo.InvariantCulture),
            TimeSpan.FromMilliseconds(int.Parse(words[5], CultureInfo.InvariantCulture)));
        return run.ToLine();
    });
}
