using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace NoslateFleet.Tests.Common;

/// <summary>
/// A redis-server of a test's own, on a loopback port of its own, that keeps nothing on disk. Skips the calling test where redis-server or
/// redis-cli is not installed. It does not outlive this object.
/// </summary>
public sealed class RedisServer : IAsyncDisposable
{
    private readonly string _server = Requires.Program("redis-server");
    private readonly string _client = Requires.Program("redis-cli");
    private readonly string[] _arguments;
    private readonly TempDirectory _directory = new();
    private Process? _process;

    private RedisServer(int port, string[] arguments)
    {
        Port = port;
        _arguments = arguments;
    }

    /// <summary>Where it listens, on 127.0.0.1.</summary>
    public int Port { get; }

    public string Endpoint => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Port}");

    /// <summary>Starts one.</summary>
    /// <param name="arguments">More of its arguments.</param>
    public static async Task<RedisServer> StartAsync(params string[] arguments)
    {
        var server = new RedisServer(FreePort.Next(), arguments);
        try
        {
            await server.StartAgainAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts it after <see cref="Kill"/>: on the same port, and empty.</summary>
    public async Task StartAgainAsync()
    {
        var start = Start(_server,
        [
            "--port", Port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
            "--dir", _directory.Path, .. _arguments,
        ]);
        _process = Process.Start(start)!;
        var output = new StringBuilder();
        _process.OutputDataReceived += (_, line) => Add(line.Data);
        _process.ErrorDataReceived += (_, line) => Add(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        await Until.TrueAsync(
            () => Said().Contains("Ready to accept connections", StringComparison.Ordinal)
                || (_process.HasExited ? throw new InvalidOperationException("redis-server ended: " + Said()) : false),
            "redis-server does not start");

        void Add(string? line)
        {
            lock (output)
            {
                output.AppendLine(line);
            }
        }

        string Said()
        {
            lock (output)
            {
                return output.ToString();
            }
        }
    }

    /// <summary>Kills it.</summary>
    public void Kill()
    {
        if (_process is { } process)
        {
            _process = null;
            process.Kill();
            process.WaitForExit();
            process.Dispose();
        }
    }

    /// <summary>Freezes it: it keeps its data and its connections, and answers nothing.</summary>
    public void Freeze() => RunningProcess.Send(_process!.Id, ProcessSignal.Stop);

    /// <summary>Thaws it.</summary>
    public void Thaw() => RunningProcess.Send(_process!.Id, ProcessSignal.Continue);

    /// <summary>What redis-cli prints, without the end of the line.</summary>
    /// <param name="arguments">The command.</param>
    public async Task<string> CliAsync(params string[] arguments)
    {
        var start = Start(_client, ["-h", "127.0.0.1", "-p", Port.ToString(CultureInfo.InvariantCulture), .. arguments]);
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (output + await error).TrimEnd('\n');
    }

    public ValueTask DisposeAsync()
    {
        Kill();
        _directory.Dispose();
        return ValueTask.CompletedTask;
    }

    private static ProcessStartInfo Start(string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return start;
    }
}
