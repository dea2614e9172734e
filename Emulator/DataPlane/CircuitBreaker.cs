using System.Globalization;
using NoslateFleet.Emulator.Node;

namespace NoslateFleet.Emulator.DataPlane;

/// <summary>The system circuit breaker: three checks a second apart, open after five bad results in a row, closed after three good ones.</summary>
internal sealed class CircuitBreaker(EmulatorOptions options, Func<double> load)
{
    private const int OpenAfter = 5;
    private const int CloseAfter = 3;

    private readonly Part requests = new();
    private readonly Part pending = new();
    private readonly Part system = new();
    private volatile bool forced;

    public bool Open => forced || requests.Open || pending.Open || system.Open;

    public void Force(bool open) => forced = open;

    /// <summary>One check; called every second while the breaker is switched on.</summary>
    public void Check(int active, int queued)
    {
        requests.Check((active + queued).CompareTo(options.BreakerRequestLimit));
        pending.Check(queued.CompareTo(options.BreakerPendingLimit));
        system.Check(load().CompareTo(options.BreakerLoadLimit));
    }

    /// <summary>The machine's one-minute load average; zero where it can't be read.</summary>
    public static double ReadLoad()
    {
        try
        {
            string text = File.ReadAllText("/proc/loadavg");
            return double.Parse(text.AsSpan(0, text.IndexOf(' ', StringComparison.Ordinal)), NumberStyles.Float, CultureInfo.InvariantCulture);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or FormatException or ArgumentException)
        {
            return 0;
        }
    }

    private sealed class Part
    {
        private int times;

        public bool Open { get; private set; }

        public void Check(int result)
        {
            // As on a real node, a result on the other side of the limit does not start the count anew.
            if (Open ? result >= 0 : result <= 0)
                return;
            if (++times < (Open ? CloseAfter : OpenAfter))
                return;
            Open = !Open;
            times = 0;
        }
    }
}
