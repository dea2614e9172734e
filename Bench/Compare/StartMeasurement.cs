using System.Diagnostics;
using System.Globalization;
using NoslateFleet.Bench.Hosts;
using NoslateFleet.Bench.Load;

namespace NoslateFleet.Bench.Compare;

/// <summary>Starts the gateway as it is published, until it answers; then how much memory it holds.</summary>
internal static class StartMeasurement
{
    private const int Requests = 10_000;

    public static async Task RunAsync(CompareOptions options, string workdir, Child load, Measurements measurements)
    {
        var starts = new List<double>();
        for (var i = 0; i < options.Starts; i++)
        {
            var port = FirstAnswer.FreePort();
            var text = port.ToString(CultureInfo.InvariantCulture);
            var begin = Stopwatch.GetTimestamp();
            var program = Path.Combine(options.Published!, "NoslateFleet.Gateway");
            await using var gateway = Child.Start("published gateway", program, [.. Contender.GatewayArguments(workdir), "--Platform:Port=" + text]);
            gateway.IgnoreOutput();
            await FirstAnswer.WaitAsync(port, begin);
            starts.Add(Stopwatch.GetElapsedTime(begin).TotalSeconds);
            if (i < options.Starts - 1)
            {
                continue;
            }

            long done = 0;
            while (done < Requests)
            {
                done += LoadResult.Parse(await load.AskAsync($"run {text} {Contender.Target} 32 1024 500")).Requests;
            }

            measurements.ResidentMebibytes = gateway.ResidentMebibytes;
        }

        measurements.FirstAnswerSeconds = Sample.Middle(starts);
    }
}
