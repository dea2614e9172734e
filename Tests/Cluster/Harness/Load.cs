using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;

namespace NoslateFleet.Tests.Cluster.Harness;

/// <summary>How a request ended, seen by its client.</summary>
internal enum Seen
{
    /// <summary>Answered as the function does.</summary>
    Answered,

    /// <summary>Declared as never executed, so that it may be sent elsewhere.</summary>
    Refused,

    /// <summary>The process was not meant to run, so there was nobody.</summary>
    NobodyThere,

    /// <summary>Anything else.</summary>
    Failed,
}

/// <summary>Clients of one instance that send one request after the other, at a measured pace, and count what becomes of each.</summary>
internal sealed class Load : IAsyncDisposable
{
    /// <summary>Requests that make one measurement.</summary>
    public const int Window = 150;

    private readonly SiloInstance _instance;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<(Seen How, TimeSpan Took, string Detail)> _seen = new();
    private readonly Task[] _clients;

    /// <summary>Begins.</summary>
    /// <param name="instance">Whom to send to.</param>
    /// <param name="clients">How many at a time.</param>
    public Load(SiloInstance instance, int clients = 2)
    {
        _instance = instance;
        _clients = [.. Enumerable.Range(0, clients).Select(_ => Task.Run(SendAsync))];
    }

    /// <summary>How many have ended so.</summary>
    public int Count(Seen how) => _seen.Count(one => one.How == how);

    /// <summary>What failed, in words.</summary>
    public IReadOnlyList<string> Failures => [.. _seen.Where(one => one.How == Seen.Failed).Select(one => one.Detail)];

    /// <summary>The time within which 99 of 100 of the next answered requests are.</summary>
    /// <param name="next">So many.</param>
    public async Task<TimeSpan> P99OfAsync(int next)
    {
        var before = _seen.Count;
        await AnswersAsync(next);
        var times = _seen.Skip(before).Where(one => one.How == Seen.Answered).Select(one => one.Took).Order().ToArray();
        return times[times.Length * 99 / 100];
    }

    /// <summary>Waits until so many more were answered.</summary>
    public Task AnswersAsync(int more)
    {
        var target = Count(Seen.Answered) + more;
        return Common.Until.TrueAsync(() => Count(Seen.Answered) >= target, $"{_instance.Id} does not answer: {string.Join("; ", Failures.Take(3))}");
    }

    /// <summary>Ends, once the requests under way have.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_clients);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
    }

    private async Task SendAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            var meant = _instance.IsMeantToRun;
            var began = Stopwatch.GetTimestamp();
            Seen how;
            var detail = "";
            try
            {
                using var response = await _instance.Http.GetAsync("/invoke/work");
                var body = await response.Content.ReadAsStringAsync();
                detail = $"{(int)response.StatusCode}: {body}";
                how = response.StatusCode == HttpStatusCode.OK && body == "ok" ? Seen.Answered
                    : response.Headers.TryGetValues("x-noslate-executed", out var executed) && executed.Single() == "never" ? Seen.Refused
                    : Seen.Failed;
            }
            catch (Exception error) when (error is HttpRequestException or TaskCanceledException or IOException)
            {
                // Begun while it was meant to run, it may find the door closed since, but is not to be broken off.
                var closed = error is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError };
                how = meant && (_instance.IsMeantToRun || !closed) ? Seen.Failed : Seen.NobodyThere;

                // In full only where it is looked at: it takes the time that is measured.
                detail = how == Seen.Failed ? error.ToString() : error.Message;
            }

            _seen.Enqueue((how, Stopwatch.GetElapsedTime(began), detail));

            // A pace that leaves the processors room: else each request's time is that of the others'. Who is refused does not come back at once.
            await Task.Delay(TimeSpan.FromMilliseconds(how == Seen.Answered ? 4 : 20));
        }
    }
}
