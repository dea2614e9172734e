using System.Diagnostics;
using System.Runtime.InteropServices;
using NoslateFleet.Bench.Hosts;
using NoslateFleet.Bench.Load;

namespace NoslateFleet.Bench.Compare;

/// <summary>The comparison.</summary>
internal static class CompareCommand
{
    public static async Task<int> RunAsync(string[] args)
    {
        var (options, error) = CompareOptions.Parse(args);
        if (options is null)
        {
            await Console.Error.WriteLineAsync($"compare: {error}\n\n{CompareOptions.HelpText}");
            return 2;
        }

        var stopped = false;
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stopped = true;
            Child.KillAll();
        }

        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        try
        {
            await MeasureAsync(options);
            return 0;
        }
        catch (Exception failure) when (stopped || failure is InvalidOperationException or IOException or OperationCanceledException or System.ComponentModel.Win32Exception)
        {
            await Console.Error.WriteLineAsync("compare: " + (stopped ? "stopped" : failure.Message));
            return 1;
        }
    }

    private static async Task MeasureAsync(CompareOptions options)
    {
        var begin = Stopwatch.GetTimestamp();
        var measurements = new Measurements();
        await using var upstream = await Upstream.StartAsync();
        await using var load = await Child.StartSelfAsync("load", ["load"], LoadHost.Environment);
        if (options.Published is not null)
        {
            Say("start of the published gateway");
            await StartMeasurement.RunAsync(options, upstream.Workdir, load, measurements);
        }

        var contenders = new List<Contender>();
        try
        {
            contenders.Add(await Contender.GatewayAsync(upstream.Workdir, load));
            contenders.Add(await Contender.SilentAsync(upstream.Workdir, load));
            if (options.ReferenceDirectory is { } directory)
            {
                contenders.Add(await Contender.ReferenceAsync(upstream.Workdir, directory, load));
            }

            contenders.Add(await Contender.HttpAsync(load));
            contenders.Add(await Contender.ClientAsync(upstream.Workdir));
            foreach (var contender in contenders)
            {
                Say($"warm-up, {contender.Name}");
                await contender.RunAsync(new Cell(1024, 32), options.WarmUp * 0.75);
                await contender.RunAsync(new Cell(64 * 1024, 8), options.WarmUp * 0.25);
            }

            for (var round = 1; round <= options.Rounds; round++)
            {
                Say($"round {round} of {options.Rounds}");
                foreach (var cell in options.Cells)
                {
                    foreach (var contender in contenders)
                    {
                        if (options.EveryFloor || IsNeeded(contender.Name, cell))
                        {
                            measurements.Add(contender.Name, cell, await contender.RunAsync(cell, options.Run));
                        }
                    }
                }
            }
        }
        finally
        {
            foreach (var contender in contenders)
            {
                await contender.DisposeAsync();
            }
        }

        Console.WriteLine();
        Report.Write(Console.Out, options, [.. contenders.Select(c => c.Name)], measurements);

        void Say(string what) =>
            Console.Error.WriteLine(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(begin).TotalSeconds,5:0} s  {what}"));
    }

    private static bool IsNeeded(string contender, Cell cell) => contender switch
    {
        Contender.Http or Contender.Silent => cell == new Cell(1024, 32),
        Contender.Client => cell.Size == 1024 && cell.Concurrency is 1 or 32,
        _ => true,
    };
}
