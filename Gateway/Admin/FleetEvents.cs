using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using NoslateFleet.Coordination.Fleet;

namespace NoslateFleet.Gateway.Admin;

/// <summary>
/// The directory's changes as server-sent events: read when a notice comes, and now and then without one, since notices may be lost. Each event's id is the
/// directory's version: who was cut off goes on from there. While the directory is away the stream stays.
/// </summary>
internal sealed class FleetEvents(IFleetDirectory directory, IFleetNotices notices, FleetOptions fleet, AdminOptions admin, TimeProvider time)
{
    /// <summary>Instances in one event.</summary>
    public const int Limit = 200;

    /// <summary>The longest silence: then a comment is sent, for those between who cut silent connections, and the directory is looked at.</summary>
    public static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    /// <summary>The least time between two readings: one event tells what several instances have published.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    /// <summary>How often a directory that is away is tried.</summary>
    public static readonly TimeSpan Retry = TimeSpan.FromSeconds(3);

    private static readonly byte[] _beat = ": still here\n\n"u8.ToArray();

    private int _open;

    /// <summary>Streams that are open.</summary>
    public int Open => Volatile.Read(ref _open);

    /// <summary>Takes the place of one listener; false if there is none left. Give it back by <see cref="Leave"/>.</summary>
    public bool TryEnter()
    {
        if (Interlocked.Increment(ref _open) <= admin.MaxListeners)
        {
            return true;
        }

        Leave();
        return false;
    }

    public void Leave() => Interlocked.Decrement(ref _open);

    /// <summary>Tells of changes until it is cancelled.</summary>
    /// <param name="since">What the listener knows already.</param>
    /// <param name="body">Where events go.</param>
    /// <param name="cancellationToken">The listener has gone, or the process ends.</param>
    public async Task RunAsync(DirectoryVersion since, PipeWriter body, CancellationToken cancellationToken)
    {
        var told = Channel.CreateBounded<FleetNotice>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        using var listening = notices.Listen(null, notice => told.Writer.TryWrite(notice));
        var spoken = time.GetTimestamp();
        var first = true;
        var away = false;
        while (true)
        {
            told.Reader.TryRead(out _);
            DirectoryPage? page = null;
            try
            {
                page = await directory.ReadChangesAsync(since, Limit, cancellationToken);
            }
            catch (FleetDirectoryException)
            {
                // Its message may name addresses, which are not for callers.
            }

            var more = false;
            if (page is null)
            {
                if (!away)
                {
                    await SendAsync(body, "event: outage\ndata: {\"reason\":\"directory-unavailable\"}\n\n", cancellationToken);
                    spoken = time.GetTimestamp();
                }

                away = true;
            }
            else
            {
                // Also an empty one: first, so that the listener has a version, and after an outage, which is over with it.
                if (first || away || page.Reset || page.Changed.Count > 0 || page.Removed.Count > 0)
                {
                    await SendAsync(body, Event(page), cancellationToken);
                    spoken = time.GetTimestamp();
                    first = false;
                }

                away = false;
                since = page.Version;
                more = page.More;
            }

            if (!more)
            {
                spoken = await RestAsync(told.Reader, body, spoken, away, cancellationToken);
            }
        }
    }

    private async Task<long> RestAsync(ChannelReader<FleetNotice> told, PipeWriter body, long spoken, bool away, CancellationToken cancellationToken)
    {
        var silent = Heartbeat - time.GetElapsedTime(spoken);
        if (away)
        {
            // A notice tells that it is back, if it is what tells; else it is tried.
            await WaitAsync(told, silent < Retry ? silent : Retry, cancellationToken);
        }
        else
        {
            await Task.Delay(Pause, time, cancellationToken);
            await WaitAsync(told, silent - Pause, cancellationToken);
        }

        if (time.GetElapsedTime(spoken) < Heartbeat)
        {
            return spoken;
        }

        await body.WriteAsync(_beat, cancellationToken);
        return time.GetTimestamp();
    }

    private async Task WaitAsync(ChannelReader<FleetNotice> told, TimeSpan longest, CancellationToken cancellationToken)
    {
        if (longest <= TimeSpan.Zero)
        {
            return;
        }

        using var over = new CancellationTokenSource(longest, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(over.Token, cancellationToken);
        try
        {
            await told.WaitToReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Silence.
        }
    }

    private string Event(DirectoryPage page)
    {
        var answer = FleetEndpoints.Changes(page, fleet.Standing);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"id: {answer.Version}\nevent: changes\ndata: {JsonSerializer.Serialize(answer, AdminText.Plain(FleetApiJson.Default.ChangesAnswer))}\n\n");
    }

    private static async Task SendAsync(PipeWriter body, string text, CancellationToken cancellationToken)
    {
        var flushed = await body.WriteAsync(Encoding.UTF8.GetBytes(text), cancellationToken);
        if (flushed.IsCompleted)
        {
            throw new OperationCanceledException("the listener has gone");
        }
    }
}
