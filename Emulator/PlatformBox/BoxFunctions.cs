using System.Text.Json;

namespace NoslateFleet.Emulator.PlatformBox;

/// <summary>The functions that an instance of the box serves: one code, under two names.</summary>
internal static class BoxFunctions
{
    public const string Load = "load";
    public const string Exit = "exit";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>The functions file of an instance whose functions note their executions in <paramref name="executions"/>.</summary>
    public static string File(string executions)
    {
        string url = new Uri(Path.Combine(AppContext.BaseDirectory, "PlatformBox", "Functions", "load")).AbsoluteUri;
        var environments = new Dictionary<string, string> { ["BOX_EXECUTIONS"] = executions };
        return JsonSerializer.Serialize(
            new
            {
                functions = new object[]
                {
                    new
                    {
                        name = Load,
                        runtime = "nodejs",
                        url,
                        signature = "1",
                        handler = "index.handler",
                        environments,
                        worker = new { reservationCount = 1, replicaCountLimit = 3 },
                    },

                    // One request a worker: who exits takes no other request along.
                    new
                    {
                        name = Exit,
                        runtime = "nodejs",
                        url,
                        signature = "1",
                        handler = "index.handler",
                        environments,
                        worker = new { maxActivateRequests = 1 },
                    },
                },
            },
            Indented);
    }
}
