using System.Runtime.InteropServices;

namespace NoslateFleet.Emulator.PlatformBox;

/// <summary>The verb <c>platform</c>.</summary>
internal static class PlatformCommand
{
    /// <summary>How often the live line is told: on a terminal, where it is written over, and elsewhere.</summary>
    private static readonly TimeSpan LiveOnTerminal = TimeSpan.FromMilliseconds(200);

    private static readonly TimeSpan LiveElsewhere = TimeSpan.FromSeconds(5);

    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string[] arguments)
    {
        (BoxOptions? options, string? error) = BoxOptions.Parse(arguments);
        if (options is null)
        {
            await Console.Error.WriteLineAsync($"platform: {error}");
            return 2;
        }

        if (options.Help)
        {
            Console.WriteLine(BoxOptions.HelpText);
            return 0;
        }

        var schedule = Schedule.Of(options);
        Console.WriteLine(
            $"schedule {schedule.Hash}: {Words.Of(options.Version)}, {options.Instances} instances, seed {options.Seed}, "
            + $"{options.For.TotalSeconds:0.###} s, {schedule.RequestCount} requests");
        if (options.PrintSchedule)
        {
            Console.Write(schedule.Text);
            return 0;
        }

        if (Missing(options) is { } missing)
        {
            await Console.Error.WriteLineAsync($"platform: {missing}");
            return 1;
        }

        return await RunAsync(options, schedule, TimeProvider.System);
    }

    private static async Task<int> RunAsync(BoxOptions options, Schedule schedule, TimeProvider clock)
    {
        using var stopping = new CancellationTokenSource();
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stopping.Cancel();
        }

        using PosixSignalRegistration term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using PosixSignalRegistration hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop);
        var facts = new FactLog();
        using var journal = new Journal(clock);
        await using (var watchdog = new Watchdog(journal.Root))
        {
            await using BoxFleet? fleet = options.Topology == BoxTopology.Standalone ? null : new BoxFleet(options, journal.Root, facts, clock);
            try
            {
                await (fleet?.StartAsync(watchdog, stopping.Token) ?? Task.CompletedTask);
            }
            catch (InstanceFailedException error)
            {
                await Console.Error.WriteLineAsync($"platform: {error.Message}; its log is in {journal.Root}");
                return 1;
            }

            var calls = new PlatformCalls(options.Version, options.Seed);
            var run = Task.WhenAll(schedule.Steps.GroupBy(step => step.Life.Slot).Select(async steps =>
            {
                using var lane = new Lane(options, calls, facts, fleet, journal, watchdog, clock, stopping.Token);
                await lane.RunAsync(steps);
            }));
            Task watch = fleet?.WatchAsync(run, stopping.Token) ?? Task.CompletedTask;
            await TellAsync(run, facts, journal, schedule.RequestCount, clock);
            await run;
            await watch;
            await (fleet?.EndAsync(stopping.Token) ?? Task.CompletedTask);
        }

        IReadOnlyList<InvariantResult> results = Invariants.Check(facts.Snapshot([]));
        if (results.All(it => it.Violations.Count == 0))
            results = Invariants.Check(facts.Snapshot(Remove(journal.Root)));
        else
            Console.WriteLine($"\nThe logs are kept in {journal.Root}");
        Console.Write(Report.Of(facts.Snapshot([]), results));
        string verdict = Report.Verdict(results);
        Console.WriteLine(verdict);
        return results.All(it => it.Violations.Count == 0) ? 0 : 1;
    }

    /// <summary>What of the machine is missing; null if nothing is.</summary>
    private static string? Missing(BoxOptions options)
    {
        if (!OperatingSystem.IsLinux())
            return "the box needs Linux: its processes are frozen and watched by means of that system";
        string[] path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        foreach (string program in options.Topology == BoxTopology.Standalone
            ? new[] { "setsid", "bash", options.Node } : ["setsid", "bash", options.Node, "redis-server"])
        {
            if (!File.Exists(program) && !path.Any(directory => File.Exists(Path.Combine(directory, program))))
                return $"the program {program} was not found";
        }

        return null;
    }

    private static async Task TellAsync(Task run, FactLog facts, Journal journal, int requests, TimeProvider clock)
    {
        bool terminal = !Console.IsOutputRedirected;
        while (!run.IsCompleted)
        {
            string line = $"{journal.Elapsed.TotalSeconds,6:F1} s  {facts.Line(requests)}";
            Console.Write(terminal ? $"\r{line}\e[K" : line + "\n");
            await Task.WhenAny(run, Task.Delay(terminal ? LiveOnTerminal : LiveElsewhere, clock));
        }

        if (terminal)
            Console.Write("\r\e[K");
    }

    private static IReadOnlyList<string> Remove(string directory)
    {
        try
        {
            Directory.Delete(directory, recursive: true);
            return [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [$"{directory} can't be removed: {error.Message}"];
        }
    }
}
