using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Gateway.Lifecycle;

namespace NoslateFleet.Gateway.Telemetry;

/// <summary>
/// One line for each request. The invocation's own thread only leaves what is known of it; lines are made and written together, a moment later. Should whoever
/// reads them not keep up, lines are dropped and counted rather than kept without bound.
/// </summary>
internal sealed class RequestLog : IFlushed, IAsyncDisposable
{
    /// <summary>Requests held at most: a quarter of a second of the fastest gateway.</summary>
    public const int MostHeld = 8192;

    /// <summary>How long a line is held back, so that many are written at once.</summary>
    public static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(20);

    // Below what makes an array a large object, which only a full collection would free.
    private const int MostBuffered = 60 * 1024;

    private static readonly JsonWriterOptions _json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private readonly ConcurrentQueue<(DateTimeOffset At, EndedInvocation Ended)> _queue = new();
    // Never waited for by its handle, so there is nothing in it to dispose of.
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly ArrayBufferWriter<byte> _buffer = new(16 * 1024);
    private readonly Utf8JsonWriter _line;
    private readonly IMarkerOutput _output;
    private readonly FunctionBoard _board;
    private readonly TimeProvider _time;
    private readonly ITimer? _timer;
    private readonly bool _text;
    private readonly uint _sampled;
    private int _held;
    private int _armed;
    private long _dropped;
    private long _told;

    public RequestLog(TelemetryOptions options, IMarkerOutput output, FunctionBoard board, TimeProvider time)
    {
        _output = output;
        _board = board;
        _time = time;
        _line = new Utf8JsonWriter(_buffer, _json);
        _text = options.RequestLog == RequestLogFormat.Text || (options.RequestLog == RequestLogFormat.Auto && !Console.IsOutputRedirected);
        _sampled = (uint)(options.RequestLogSample * uint.MaxValue);
        if (options.RequestLog != RequestLogFormat.Off)
        {
            _timer = time.CreateTimer(static log => ((RequestLog)log!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Lines that were dropped because those before them were not written in time.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Leaves a request for the log. Never waits.</summary>
    /// <param name="ended">What is known of it.</param>
    public void Write(in EndedInvocation ended)
    {
        if (_timer is null || (IsWell(ended) && !IsSampled(ended.RequestId)))
        {
            return;
        }

        if (Interlocked.Increment(ref _held) > MostHeld)
        {
            Interlocked.Decrement(ref _held);
            Interlocked.Increment(ref _dropped);
            return;
        }

        _queue.Enqueue((_time.GetUtcNow(), ended));
        if (Volatile.Read(ref _armed) == 0 && Interlocked.Exchange(ref _armed, 1) == 0)
        {
            _timer.Change(Delay, Timeout.InfiniteTimeSpan);
        }
    }

    public async Task FlushAsync(CancellationToken cancellationToken)
    {
        if (_timer is null)
        {
            return;
        }

        // Not on the caller's thread: a full pipe may hold it up for ever.
        await Task.Run(() => DrainAsync(cancellationToken), CancellationToken.None).WaitAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        // The container knows it by two names, and disposes of it by each.
        if (_timer is not null)
        {
            await _timer.DisposeAsync();
            await DrainAsync(CancellationToken.None);
            await _line.DisposeAsync();
        }
    }

    private static bool IsWell(in EndedInvocation ended) => ended is { Accepted: true, Outcome: Outcome.Completed, Status: < 500 };

    // By the id, so that all who log the same request choose alike. FNV-1a.
    private bool IsSampled(string requestId)
    {
        if (_sampled == uint.MaxValue)
        {
            return true;
        }

        var hash = 2166136261u;
        foreach (var c in requestId)
        {
            hash = (hash ^ c) * 16777619u;
        }

        // The last step of a good hash: neighbouring ids must not fall together.
        hash ^= hash >> 16;
        hash *= 0x85ebca6b;
        hash ^= hash >> 13;
        return hash < _sampled;
    }

    private void OnTimer() => _ = DrainAsync(CancellationToken.None);

    private async Task DrainAsync(CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            // Before the queue is looked at: what comes from now on arms the timer again.
            Volatile.Write(ref _armed, 0);
            var workers = new Dictionary<string, string?>(StringComparer.Ordinal);
            while (_queue.TryDequeue(out var entry))
            {
                Interlocked.Decrement(ref _held);
                if (!workers.TryGetValue(entry.Ended.Target, out var worker))
                {
                    workers[entry.Ended.Target] = worker = entry.Ended.Accepted ? _board.OnlyWorkerOf(entry.Ended.Target) : null;
                }

                Append(entry.At, entry.Ended, worker);
                if (_buffer.WrittenCount > MostBuffered)
                {
                    WriteOut();
                }
            }

            AppendDropped();
            WriteOut();
        }
        finally
        {
            _writing.Release();
        }
    }

    private void WriteOut()
    {
        if (_buffer.WrittenCount > 0)
        {
            _output.Write(_buffer.WrittenSpan);
            _buffer.ResetWrittenCount();
        }
    }

    private void Append(DateTimeOffset at, in EndedInvocation ended, string? worker)
    {
        if (_text)
        {
            AppendText(at, ended, worker);
        }
        else
        {
            AppendJson(at, ended, worker);
        }
    }

    private void AppendJson(DateTimeOffset at, in EndedInvocation ended, string? worker)
    {
        _line.Reset();
        _line.WriteStartObject();
        _line.WriteString("at"u8, at.UtcDateTime);
        _line.WriteString("kind"u8, "request"u8);
        _line.WriteString("requestId"u8, ended.RequestId);
        _line.WriteString("method"u8, ended.Method);
        if (ended.Target.Length > 0)
        {
            _line.WriteString("function"u8, ended.Target);
        }

        _line.WriteNumber("status"u8, ended.Status);
        _line.WriteString("outcome"u8, OutcomeOf(ended));
        _line.WriteString("executed"u8, ExecutedOf(ended));
        if (ended.Reason is { } reason)
        {
            _line.WriteString("reason"u8, reason);
        }

        if (worker is not null)
        {
            _line.WriteString("worker"u8, worker);
        }

        AppendMilliseconds("ms"u8, ended.Duration);
        if (ended.Accepted)
        {
            AppendMilliseconds("queueMs"u8, ended.QueueWait);
        }

        if (ended.TimeToHead is { } head)
        {
            AppendMilliseconds("headMs"u8, head);
        }

        _line.WriteNumber("bytes"u8, ended.Bytes);
        _line.WriteEndObject();
        _line.Flush();
        _buffer.Write("\n"u8);
    }

    // A decimal of three places: the shortest text of a double takes several times as long to find.
    private void AppendMilliseconds(ReadOnlySpan<byte> name, TimeSpan time)
    {
        var microseconds = (long)Math.Round(time.TotalMicroseconds);
        var magnitude = Math.Abs(microseconds);
        _line.WriteNumber(name, new decimal((int)magnitude, (int)(magnitude >> 32), 0, microseconds < 0, 3));
    }

    private void AppendText(DateTimeOffset at, in EndedInvocation ended, string? worker)
    {
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"{at:HH:mm:ss.fff} {ended.Status} {ended.Method} {(ended.Target.Length > 0 ? ended.Target : "-")} {ended.Duration.TotalMilliseconds:0.0} ms {OutcomeOf(ended)}");
        text += ended.Reason is { } reason ? $" {reason}, executed {ExecutedOf(ended)}" : "";
        text += worker is null ? "" : " " + worker;
        Encoding.UTF8.GetBytes($"{text} {ended.RequestId}\n", _buffer);
    }

    private void AppendDropped()
    {
        var dropped = Dropped;
        if (dropped == _told)
        {
            return;
        }

        Encoding.UTF8.GetBytes(
            _text
                ? $"{dropped - _told} request lines were dropped: their reader is too slow\n"
                : $"{{\"at\":\"{_time.GetUtcNow().UtcDateTime:O}\",\"kind\":\"dropped\",\"lines\":{dropped - _told}}}\n",
            _buffer);
        _told = dropped;
    }

    private static string OutcomeOf(in EndedInvocation ended) => !ended.Accepted ? "refused" : ended.Outcome switch
    {
        Outcome.Completed => "completed",
        Outcome.Cancelled => "cancelled",
        Outcome.Abandoned => "abandoned",
        _ => "failed",
    };

    private static string ExecutedOf(in EndedInvocation ended) => ended.Executed switch
    {
        Noslate.Invocation.Executed.Never => "never",
        Noslate.Invocation.Executed.Yes => "yes",
        _ => "maybe",
    };
}
