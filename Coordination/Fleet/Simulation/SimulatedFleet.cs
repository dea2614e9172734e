using System.Globalization;
using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Coordination.Fleet.Simulation;

/// <summary>
/// Instances that exist in a directory only, for tests, demonstrations and the dashboard. They publish as real ones do, so that readers of changes see
/// them live, and where the directory has orders and profiles they go by those. The same seed and clock give the same fleet.
/// </summary>
public sealed class SimulatedFleet : IAsyncDisposable
{
    /// <summary>The most functions that an instance has. A few have that many, most far fewer.</summary>
    public const int MaxFunctions = 50;

    private static readonly TimeSpan _step = TimeSpan.FromMilliseconds(250);

    /// <summary>The first snapshots of all instances come within this time, so that their heartbeats don't all fall together.</summary>
    private static readonly TimeSpan _start = TimeSpan.FromSeconds(4);

    private readonly IFleetDirectory _directory;
    private readonly TimeProvider _time;
    private readonly PriorityQueue<SimulatedInstance, DateTimeOffset> _due = new();
    private readonly CancellationTokenSource _stop = new();
    private Task? _loop;

    /// <summary>A fleet of which nothing is published yet.</summary>
    /// <param name="directory">Where it publishes.</param>
    /// <param name="instances">How many instances.</param>
    /// <param name="writeReceipt">A receipt as JSON.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">What happens to them. Used by nobody else.</param>
    /// <param name="functions">How many functions each has; null: it differs, up to <see cref="MaxFunctions"/>.</param>
    public SimulatedFleet(
        IFleetDirectory directory, int instances, Func<Receipt, string> writeReceipt, TimeProvider time, Random random, int? functions = null)
    {
        _directory = directory;
        _time = time;
        var now = time.GetUtcNow();
        for (var i = 1; i <= instances; i++)
        {
            var share = random.NextDouble();
            var instance = new SimulatedInstance(
                string.Create(CultureInfo.InvariantCulture, $"sim-{i:00000}"),
                functions ?? 1 + (int)(share * share * share * MaxFunctions),
                writeReceipt,
                random);
            _due.Enqueue(instance, now + (_start * random.NextDouble()));
        }
    }

    /// <summary>Lets them live by themselves; once.</summary>
    public void Start() => _loop ??= Task.Run(RunAsync, CancellationToken.None);

    /// <summary>Brings all of them up to the present. Not at the same time as anybody else, nor after <see cref="Start"/>.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>How many snapshots were published.</returns>
    public async Task<int> StepAsync(CancellationToken cancellationToken)
    {
        var published = 0;
        var now = _time.GetUtcNow();
        var profile = _directory is IFleetProfiles profiles ? await profiles.ReadAsync(cancellationToken) : null;
        while (_due.TryPeek(out var instance, out var at) && at <= now)
        {
            _due.Dequeue();
            _due.Enqueue(instance, now + await instance.LiveAsync(_directory, now, profile?.Json is null ? null : profile.Version, cancellationToken));
            published++;
        }

        return published;
    }

    /// <summary>Ends their lives; what they published stays.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_loop is not null)
        {
            await _loop;
        }
    }

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                await StepAsync(_stop.Token);
                await Task.Delay(_step, _time, _stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The only way out: the directory is one in this process.
        }
    }
}
