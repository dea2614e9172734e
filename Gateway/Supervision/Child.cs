using System.ComponentModel;
using System.Globalization;
using Microsoft.Extensions.Logging;

namespace NoslateFleet.Gateway.Supervision;

/// <summary>Keeps one child running: starts it, waits for its socket, starts it again when it dies, until it has died too often or a stop is asked for.</summary>
internal sealed partial class Child(
    ChildSpec spec, SupervisionOptions options, StartThread starts, Action<string> record, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan _glance = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan _longestGlance = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _adoptedGlance = TimeSpan.FromMilliseconds(500);

    private readonly TaskCompletionSource _up = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly RestartPolicy _policy = new(options, time);
    private volatile ChildProcess? _process;

    /// <summary>Ends when its socket has answered for the first time.</summary>
    public Task Up => _up.Task;

    public string Name => spec.Name;

    /// <summary>The process that runs now, if it is one of ours.</summary>
    public int? ProcessId => _process is { Exited.IsCompleted: false } process ? process.Id : null;

    /// <summary>Runs until a stop is asked for, which leaves the process as it is, or until it has died too often.</summary>
    /// <param name="stop">No more restarts.</param>
    /// <returns>Why it is given up; null after a stop.</returns>
    public async Task<string?> RunAsync(CancellationToken stop)
    {
        try
        {
            while (true)
            {
                var end = await AdoptAsync(stop) ?? await LiveAsync(stop);
                stop.ThrowIfCancellationRequested();
                if (_policy.Died() is not { } pause)
                {
                    var lastWords = string.Create(
                        CultureInfo.InvariantCulture, $"{spec.Name} died {_policy.Deaths} times within {options.DeathWindow}, the last time by: {end}");
                    return lastWords;
                }

                Died(logger, spec.Name, end, pause.TotalMilliseconds);
                await Task.Delay(pause, time, stop);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>Ends its process, if it is ours.</summary>
    public async Task EndAsync(TimeSpan grace)
    {
        if (_process is { Exited.IsCompleted: false } process)
        {
            Ended(logger, spec.Name, await process.EndAsync(grace));
        }
    }

    /// <summary>Takes one that answers already for ours, as long as it does.</summary>
    /// <returns>How it ended; null if there is none.</returns>
    private async Task<string?> AdoptAsync(CancellationToken stop)
    {
        if (!await SocketProbe.AnswersAsync(spec.Socket, time, stop))
        {
            return null;
        }

        Adopted(logger, spec.Name, spec.Socket);
        record($"{spec.Name} adopted at {spec.Socket}");
        _up.TrySetResult();
        do
        {
            await Task.Delay(_adoptedGlance, time, stop);
        }
        while (await SocketProbe.AnswersAsync(spec.Socket, time, stop));
        const string End = "no longer answers; it was adopted";
        record($"{spec.Name} {End}");
        return End;
    }

    private async Task<string> LiveAsync(CancellationToken stop)
    {
        var output = new ChildOutput(options.MaxLineBytes, options.LastLines, line => Says(logger, spec.Name, line));
        ChildProcess process;
        try
        {
            var started = await starts.StartAsync(spec.Command, options.Environment, stop);
            Started(logger, spec.Name, started.Id);
            process = new ChildProcess(started, output, time);
        }
        catch (Exception error) when (error is Win32Exception or IOException)
        {
            var cannot = $"can't be started: {error.Message}";
            record($"{spec.Name} {cannot}");
            return cannot;
        }

        _process = process;
        var began = time.GetTimestamp();
        record(string.Create(CultureInfo.InvariantCulture, $"{spec.Name} started, process {process.Id}"));
        var late = !await IsUpAsync(process, began, stop);
        if (late)
        {
            process.Kill();
        }

        var end = await process.Exited.WaitAsync(stop);
        process.Dispose();
        if (late)
        {
            end = string.Create(CultureInfo.InvariantCulture, $"{spec.Socket} did not answer within {options.StartTimeout}; killed");
        }

        var lived = time.GetElapsedTime(began).TotalSeconds;
        var last = output.Last;
        record(string.Create(CultureInfo.InvariantCulture, $"{spec.Name} died after {lived:0.0} s: {end}")
            + (last.Count > 0 ? "; last lines: " + string.Join(" | ", last) : ""));
        return end;
    }

    /// <returns>Whether it answered, or ended, in its time.</returns>
    private async Task<bool> IsUpAsync(ChildProcess process, long began, CancellationToken stop)
    {
        var waited = TimeSpan.Zero;
        for (var looked = began; !process.Exited.IsCompleted;)
        {
            if (await SocketProbe.AnswersAsync(spec.Socket, time, stop))
            {
                Answers(logger, spec.Name, time.GetElapsedTime(began).TotalMilliseconds);
                _up.TrySetResult();
                return true;
            }

            // A hole in time is a freeze, of the child as well: it had no time to answer in.
            var now = time.GetTimestamp();
            var passed = time.GetElapsedTime(looked, now);
            waited += passed < _longestGlance ? passed : _longestGlance;
            looked = now;
            if (waited > options.StartTimeout)
            {
                return false;
            }

            await Task.WhenAny(process.Exited, Task.Delay(_glance, time, stop));
        }

        return true;
    }

    [LoggerMessage(1100, LogLevel.Information, "{Child} started, process {Id}")]
    private static partial void Started(ILogger logger, string child, int id);

    [LoggerMessage(1101, LogLevel.Information, "{Child} answers after {Ms:0} ms")]
    private static partial void Answers(ILogger logger, string child, double ms);

    [LoggerMessage(1102, LogLevel.Information, "{Child}: {Line}")]
    private static partial void Says(ILogger logger, string child, string line);

    [LoggerMessage(1103, LogLevel.Warning, "{Child} died: {End}. Started again in {Ms:0} ms")]
    private static partial void Died(ILogger logger, string child, string end, double ms);

    [LoggerMessage(1104, LogLevel.Information, "{Child} answers at {Socket} already and is adopted: none is started, and it is not stopped")]
    private static partial void Adopted(ILogger logger, string child, string socket);

    [LoggerMessage(1105, LogLevel.Information, "{Child} stopped: {End}")]
    private static partial void Ended(ILogger logger, string child, string end);
}
