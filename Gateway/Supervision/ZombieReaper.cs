using System.Runtime.InteropServices;

namespace NoslateFleet.Gateway.Supervision;

/// <summary>
/// Reaps what others left to us: as a container's first process, and as the reaper of what our children leave behind. The runtime waits for the
/// processes that it has started and for no other one, so each stranger is reaped by its own id, never "any child".
/// </summary>
internal sealed class ZombieReaper : IDisposable
{
    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(1);

    private readonly Func<int, bool> _reap;
    private readonly PosixSignalRegistration? _signal;
    private readonly ITimer _timer;
    private readonly Lock _lock = new();
    private HashSet<int> _seen = [];
    private volatile bool _due = true;

    /// <summary>Begins to look.</summary>
    /// <param name="reap">Reaps a dead child by its id; false if it is not for us to reap.</param>
    /// <param name="time">The clock.</param>
    public ZombieReaper(Func<int, bool> reap, TimeProvider time)
    {
        _reap = reap;
        if (!OperatingSystem.IsWindows())
        {
            _signal = PosixSignalRegistration.Create(PosixSignal.SIGCHLD, _ => _due = true);
        }

        _timer = time.CreateTimer(_ => Look(), null, _interval, _interval);
    }

    /// <summary>Reaps those that were dead at the last look already; without a child's end since then, there is nothing to do.</summary>
    public void Look()
    {
        lock (_lock)
        {
            if (!_due)
            {
                return;
            }

            _due = false;
            var dead = new HashSet<int>();
            foreach (var (id, _) in ProcessTable.Children().Where(child => child.Dead))
            {
                // Whoever waits for it has had a whole interval to do so.
                if (!_seen.Contains(id) || !_reap(id))
                {
                    dead.Add(id);
                }
            }

            _seen = dead;
            _due |= dead.Count > 0;
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        _signal?.Dispose();
    }
}
