using System.Net;
using NoslateFleet.Tests.Functional.Gateway;

namespace NoslateFleet.Tests.Functional.Rolling;

/// <summary>
/// A small balancer as Kubernetes has one: asks each instance's /readyz every second, and sends requests in turn to those that said yes when they were
/// asked last. It tries nothing twice.
/// </summary>
internal sealed class RoundRobin : IAsyncDisposable
{
    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(1);

    private readonly RunningProduct[] _instances;
    private readonly bool[] _ready;
    private readonly CancellationTokenSource _end = new();
    private readonly Task _polls;
    private uint _turn;

    public RoundRobin(params RunningProduct[] instances)
    {
        _instances = instances;
        _ready = new bool[instances.Length];
        _polls = Task.WhenAll(Enumerable.Range(0, instances.Length).Select(PollAsync));
    }

    /// <summary>Whether requests go to this one.</summary>
    public bool Serves(int instance) => Volatile.Read(ref _ready[instance]);

    /// <summary>Sends one request to the next instance that is taken for ready.</summary>
    /// <exception cref="InvalidOperationException">None is.</exception>
    public Task<HttpResponseMessage> GetAsync(string path)
    {
        for (var tries = 0; tries < _instances.Length; tries++)
        {
            var next = (int)(Interlocked.Increment(ref _turn) % (uint)_instances.Length);
            if (Serves(next))
            {
                return _instances[next].Http.GetAsync(path);
            }
        }

        throw new InvalidOperationException("no instance is ready");
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _polls;
        _end.Dispose();
    }

    private async Task PollAsync(int instance)
    {
        using var timer = new PeriodicTimer(_interval);
        try
        {
            do
            {
                Volatile.Write(ref _ready[instance], await IsReadyAsync(_instances[instance]));
            }
            while (await timer.WaitForNextTickAsync(_end.Token));
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    private async Task<bool> IsReadyAsync(RunningProduct instance)
    {
        try
        {
            using var answer = await instance.Admin.GetAsync("/readyz", _end.Token);
            return answer.StatusCode == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
