using System.Collections.Concurrent;
using System.Net;

namespace NoslateFleet.Tests.Functional.Supervision;

/// <summary>Clients that ask one after the other until they are told to end, and keep every answer.</summary>
internal sealed class SteadyLoad
{
    private readonly HttpClient _http;
    private readonly Task _clients;
    private volatile bool _end;
    private int _answered;

    public SteadyLoad(HttpClient http, int clients = 4)
    {
        _http = http;
        _clients = Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(AskAsync)));
    }

    /// <summary>Every answer that was no 200: status, reason, executed.</summary>
    public ConcurrentQueue<string> Others { get; } = new();

    /// <summary>Requests whose connection was refused or cut before an answer.</summary>
    public int Unanswered { get; private set; }

    public int Answered => Volatile.Read(ref _answered);

    /// <summary>Ends after the requests that run now.</summary>
    public async Task EndAsync()
    {
        _end = true;
        await _clients;
    }

    private async Task AskAsync()
    {
        while (!_end)
        {
            try
            {
                using var answer = await _http.GetAsync("/invoke/large");
                if (answer.StatusCode != HttpStatusCode.OK)
                {
                    Others.Enqueue($"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
                }

                Interlocked.Increment(ref _answered);
            }
            catch (HttpRequestException)
            {
                lock (Others)
                {
                    Unanswered++;
                }

                return;
            }
        }
    }
}
