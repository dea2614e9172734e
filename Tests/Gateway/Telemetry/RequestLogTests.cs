using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Gateway.Telemetry;
using NoslateFleet.Noslate.Invocation;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Telemetry;

/// <summary>The request log: its lines, what is not in them, and what becomes of them when nobody reads.</summary>
public sealed class RequestLogTests
{
    private readonly ManualTimeProvider _time = new();
    private readonly Output _output = new();

    [SkippableFact]
    public async Task EveryRequest_IsOneJsonLine()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(settings: [("Telemetry:RequestLog", "Json")], output: _output);
        Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/mirror", "x-request-id: well")).Status);
        Assert.Equal(502, (await gateway.SendAsync("GET", "/invoke/script", "x-request-id: threw", GatewayRequests.ScriptLine(["throw"]))).Status);
        Assert.Equal(404, (await gateway.SendAsync("GET", "/", "x-request-id: refused")).Status);
        await Until.TrueAsync(() => _output.Lines.Count == 3, "the lines did not come");
        var lines = _output.Lines.Select(Parse).ToDictionary(l => l["requestId"].GetString()!);
        var well = lines["well"];
        Assert.Equal(("request", "GET", "mirror", 200, "completed", "yes"), (
            well["kind"].GetString(), well["method"].GetString(), well["function"].GetString(), well["status"].GetInt32(),
            well["outcome"].GetString(), well["executed"].GetString()));
        Assert.True(well["ms"].GetDouble() >= well["headMs"].GetDouble() && well["headMs"].GetDouble() > 0);
        Assert.True(well["bytes"].GetInt64() > 0);
        Assert.False(well.ContainsKey("reason"));
        Assert.StartsWith("mirror", well["worker"].GetString(), StringComparison.Ordinal);
        Assert.Equal(("failed", "function-error", "yes", 502), (
            lines["threw"]["outcome"].GetString(), lines["threw"]["reason"].GetString(), lines["threw"]["executed"].GetString(), lines["threw"]["status"].GetInt32()));
        Assert.Equal(("refused", "no-route", "never"), (
            lines["refused"]["outcome"].GetString(), lines["refused"]["reason"].GetString(), lines["refused"]["executed"].GetString()));
        Assert.False(lines["refused"].ContainsKey("function"));
    }

    [SkippableFact]
    public async Task HeadersQueriesAndBodies_AreInNoLine()
    {
        await using var gateway = await GatewayUnderTest.StartAsync(settings: [("Telemetry:RequestLog", "Json")], output: _output);
        await gateway.SendAsync("GET", "/invoke/mirror/SECRET?q=SECRET", "Authorization: SECRET", "Cookie: SECRET");
        await gateway.SendAsync("GET", "/SECRET?SECRET", "x-api-key: SECRET");
        await Until.TrueAsync(() => _output.Lines.Count == 2, "the lines did not come");
        Assert.DoesNotContain(_output.Lines, l => l.Contains("SECRET", StringComparison.Ordinal));
    }

    [SkippableFact]
    public async Task AFreeze_WritesWhatIsHeldBack()
    {
        // The clock stands still, so no line is written by time.
        var time = new JumpingTime();
        await using var gateway = await GatewayUnderTest.StartAsync(time: time, settings: [("Telemetry:RequestLog", "Json")], output: _output);
        Assert.Equal(200, (await gateway.SendAsync("GET", "/invoke/mirror", "x-request-id: held")).Status);
        await gateway.SettledAsync();
        Assert.Equal(200, (int)(await gateway.Admin.GetAsync("/pre-freeze")).StatusCode);
        Assert.Contains(_output.Lines, l => l.Contains("held", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Text_IsForPeople()
    {
        await using var log = Log(RequestLogFormat.Text);
        log.Write(Ended("id-1", Outcome.Failed, "function-error"));
        await log.FlushAsync(CancellationToken.None);
        Assert.EndsWith("502 GET echo 12.0 ms failed function-error, executed yes id-1", Assert.Single(_output.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Off_WritesNothing()
    {
        await using var log = Log(RequestLogFormat.Off);
        log.Write(Ended("id-1"));
        await log.FlushAsync(CancellationToken.None);
        Assert.Empty(_output.Lines);
        Assert.Equal(0, _time.ArmedTimers);
    }

    [Fact]
    public async Task Lines_AreHeldBackForAMoment_AndWrittenTogether()
    {
        await using var log = Log();
        log.Write(Ended("id-1"));
        log.Write(Ended("id-2"));
        Assert.Equal(1, _time.ArmedTimers);
        _time.Advance(RequestLog.Delay);
        await Until.TrueAsync(() => _output.Lines.Count == 2, "the lines did not come");
        Assert.Equal(1, _output.Writes);
        Assert.Equal(0, _time.ArmedTimers);
        log.Write(Ended("id-3"));
        Assert.Equal(1, _time.ArmedTimers);
    }

    [Fact]
    public async Task ABurst_IsWrittenInPiecesOfWholeLines()
    {
        await using var log = Log();
        for (var i = 0; i < 2000; i++)
        {
            log.Write(Ended("burst-" + i));
        }

        _time.Advance(RequestLog.Delay);
        Assert.Equal(Enumerable.Range(0, 2000).Select(i => "burst-" + i), _output.Lines.Select(l => Parse(l)["requestId"].GetString()!));
        Assert.InRange(_output.Writes, 2, 20);
    }

    /// <summary>A line costs no memory beyond its place in the queue.</summary>
    [Fact]
    public async Task Lines_LeaveNextToNothingToCollect()
    {
        await using var log = new RequestLog(
            new TelemetryOptions { RequestLog = RequestLogFormat.Json }, new NoOutput(), new FunctionBoard(new InvocationLedger(_time), _time), _time);
        var ended = Ended("request");
        Burst();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10; i++)
        {
            Burst();
        }

        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / 5000, 0, 32);

        void Burst()
        {
            for (var i = 0; i < 500; i++)
            {
                log.Write(ended);
            }

            _time.Advance(RequestLog.Delay);
        }
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(0.1, 700, 1300)]
    [InlineData(1, 10_000, 10_000)]
    public async Task Sampling_KeepsThatPartOfWhatWentWell_TheSameForTheSameIds(double sample, int least, int most)
    {
        var kept = new List<string[]>();
        for (var round = 0; round < 2; round++)
        {
            _output.Clear();
            await using var log = Log(sample: sample);
            for (var i = 0; i < 10_000; i++)
            {
                log.Write(Ended($"id-{i}"));
                if (i % 1000 == 999)
                {
                    await log.FlushAsync(CancellationToken.None);
                }
            }

            kept.Add([.. _output.Lines.Select(l => Parse(l)["requestId"].GetString()!)]);
        }

        Assert.InRange(kept[0].Length, least, most);
        Assert.Equal(kept[0], kept[1]);
    }

    [Theory]
    [InlineData(Outcome.Failed)]
    [InlineData(Outcome.Cancelled)]
    [InlineData(Outcome.Abandoned)]
    public async Task WhatDidNotGoWell_IsAlwaysLogged(Outcome outcome)
    {
        await using var log = Log(sample: 0);
        log.Write(Ended("id-1", outcome, "reason"));
        log.Write(Ended("id-2"));
        await log.FlushAsync(CancellationToken.None);
        Assert.Contains("id-1", Assert.Single(_output.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AReaderWhoIsTooSlow_CostsLines_AndNobodyWaits()
    {
        await using var log = Log();
        using var full = _output.Fill();
        var flush = log.FlushAsync(CancellationToken.None);
        log.Write(Ended("first"));
        var stuck = log.FlushAsync(CancellationToken.None);
        await _output.Stuck;
        for (var i = 0; i < RequestLog.MostHeld + 25; i++)
        {
            log.Write(Ended($"id-{i}"));
        }

        Assert.Equal(25, log.Dropped);
        full.Dispose();
        await Task.WhenAll(flush, stuck);
        await log.FlushAsync(CancellationToken.None);
        Assert.Equal(1 + RequestLog.MostHeld + 1, _output.Lines.Count);
        Assert.Equal(25, Parse(_output.Lines[^1])["lines"].GetInt32());
    }

    [Fact]
    public async Task AFlush_EndsWithItsToken_ThoughThePipeIsFull()
    {
        await using var log = Log();
        using var full = _output.Fill();
        using var over = new CancellationTokenSource();
        log.Write(Ended("id-1"));
        var flush = log.FlushAsync(over.Token);
        await _output.Stuck;
        await over.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => flush);
    }

    [Fact]
    public async Task NamesAndIds_CannotForgeALine()
    {
        await using var log = Log();
        log.Write(Ended("a\"b\n{}", target: "x\u2028\"\\"));
        await log.FlushAsync(CancellationToken.None);
        var line = Parse(Assert.Single(_output.Lines));
        Assert.Equal(("a\"b\n{}", "x\u2028\"\\"), (line["requestId"].GetString(), line["function"].GetString()));
    }

    private static Dictionary<string, JsonElement> Parse(string line) => JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(line)!;

    private static EndedInvocation Ended(string id, Outcome outcome = Outcome.Completed, string? reason = null, string target = "echo") => new(
        id, "GET", target, reason is null ? 200 : 502, outcome, Accepted: true, reason, Executed.Yes,
        TimeSpan.FromMilliseconds(12), TimeSpan.Zero, TimeSpan.FromMilliseconds(10), 3);

    private RequestLog Log(RequestLogFormat format = RequestLogFormat.Json, double sample = 1) => new(
        new TelemetryOptions { RequestLog = format, RequestLogSample = sample },
        _output,
        new FunctionBoard(new InvocationLedger(_time), _time),
        _time);

    /// <summary>Standard output, which can be a full pipe.</summary>
    private sealed class Output : IMarkerOutput
    {
        private readonly ConcurrentQueue<string> _lines = new();
        private readonly TaskCompletionSource _stuck = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private volatile ManualResetEventSlim? _full;
        private int _writes;

        public IReadOnlyList<string> Lines => [.. _lines];

        public int Writes => _writes;

        public Task Stuck => _stuck.Task.WaitAsync(TimeSpan.FromSeconds(30));

        public void Clear() => _lines.Clear();

        public IDisposable Fill()
        {
            var full = new ManualResetEventSlim();
            _full = full;
            return new Opening(full);
        }

        public void Write(ReadOnlySpan<byte> lines)
        {
            if (_full is { } full)
            {
                _stuck.TrySetResult();
                full.Wait();
            }

            Interlocked.Increment(ref _writes);
            foreach (var line in Encoding.UTF8.GetString(lines).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                _lines.Enqueue(line);
            }
        }

        private sealed class Opening(ManualResetEventSlim full) : IDisposable
        {
            public void Dispose() => full.Set();
        }
    }
}
