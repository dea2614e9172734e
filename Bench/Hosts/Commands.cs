using System.Globalization;

namespace NoslateFleet.Bench.Hosts;

/// <summary>How the comparison talks to the processes it starts: a line in, a line out.</summary>
internal static class Commands
{
    /// <summary>Stands before every answer: logs go the same way.</summary>
    public const string Mark = "@bench ";

    public const string Ready = Mark + "ready";
    public const string Allocated = "allocated";

    /// <summary>Says that the process is ready, then answers commands until its input ends.</summary>
    /// <param name="ready">What to say behind the word ready.</param>
    /// <param name="handler">Answers whatever is not asked for allocated bytes; null if there is nothing else.</param>
    public static async Task ServeAsync(string ready, Func<string[], Task<string>>? handler)
    {
        await Console.Out.WriteLineAsync($"{Ready} {ready}");
        while (await Console.In.ReadLineAsync() is { } line)
        {
            string answer;
            if (line == Allocated)
            {
                answer = GC.GetTotalAllocatedBytes(precise: true).ToString(CultureInfo.InvariantCulture);
            }
            else if (handler is null)
            {
                throw new InvalidOperationException("unknown command " + line);
            }
            else
            {
                answer = await handler(line.Split(' '));
            }

            await Console.Out.WriteLineAsync(Mark + answer);
        }
    }
}
