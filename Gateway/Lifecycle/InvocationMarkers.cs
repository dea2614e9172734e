using System.Buffers;
using System.Text;
using System.Threading.Channels;
using NoslateFleet.Gateway.Platform;

namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>
/// The lines by which Function Compute's console cuts the collected output into requests
/// (https://www.alibabacloud.com/help/doc-detail/425057.htm): <c>FC Invoke Start RequestId: ID</c> and so on. They are written by one thread, in their
/// order, so that a full pipe never holds up an invocation; should it stay full, lines are dropped rather than kept without bound.
/// </summary>
internal sealed class InvocationMarkers : IFlushed, IAsyncDisposable
{
    private const int MostHeld = 4096;
    private const string Failed = ", Error: Unhandled function error";

    private readonly Channel<Marker>? _channel;
    private readonly Task _writing = Task.CompletedTask;

    public InvocationMarkers(PlatformOptions options, IMarkerOutput output)
    {
        if (!options.LogMarkers)
        {
            return;
        }

        _channel = Channel.CreateBounded<Marker>(new BoundedChannelOptions(MostHeld) { SingleReader = true, FullMode = BoundedChannelFullMode.DropWrite });
        _writing = Task.Run(() => WriteAsync(_channel.Reader, output));
    }

    public void InvocationStarts(string requestId) => Add("Invoke Start", requestId, "");

    public void InvocationEnds(string requestId, bool ok) => Add("Invoke End", requestId, ok ? "" : Failed);

    public void HookStarts(Hook hook, string requestId) => Add(Name(hook) + " Start", requestId, "");

    public void HookEnds(Hook hook, string requestId, bool ok) => Add(Name(hook) + " End", requestId, ok ? "" : Failed);

    public async Task FlushAsync(CancellationToken cancellationToken)
    {
        if (_channel is null)
        {
            return;
        }

        var flushed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (_channel.Writer.TryWrite(new Marker("", "", "", flushed)))
        {
            await flushed.Task.WaitAsync(cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _channel?.Writer.TryComplete();
        await _writing;
    }

    private static string Name(Hook hook) => hook switch
    {
        Hook.Initialize => "Initialize",
        Hook.PreFreeze => "PreFreeze",
        _ => "PreStop",
    };

    private static async Task WriteAsync(ChannelReader<Marker> reader, IMarkerOutput output)
    {
        var lines = new ArrayBufferWriter<byte>();
        var flushed = new List<TaskCompletionSource>();
        while (await reader.WaitToReadAsync())
        {
            while (reader.TryRead(out var marker))
            {
                if (marker.Flushed is { } waiter)
                {
                    flushed.Add(waiter);
                }
                else
                {
                    Encoding.UTF8.GetBytes($"FC {marker.What} RequestId: {marker.RequestId}{marker.End}\n", lines);
                }
            }

            output.Write(lines.WrittenSpan);
            lines.ResetWrittenCount();
            flushed.ForEach(waiter => waiter.TrySetResult());
            flushed.Clear();
        }
    }

    private void Add(string what, string requestId, string end) => _channel?.Writer.TryWrite(new Marker(what, requestId, end, null));

    private readonly record struct Marker(string What, string RequestId, string End, TaskCompletionSource? Flushed);
}

/// <summary>Where the markers go.</summary>
internal interface IMarkerOutput
{
    /// <summary>Writes whole lines.</summary>
    /// <param name="lines">UTF-8.</param>
    void Write(ReadOnlySpan<byte> lines);
}

/// <summary>The process's standard output. Past <see cref="Console.Out"/>, which would make text of the lines first; the runtime keeps both from mixing lines.</summary>
internal sealed class StandardOutput : IMarkerOutput
{
    private readonly Stream _stream = Console.OpenStandardOutput();

    public void Write(ReadOnlySpan<byte> lines)
    {
        try
        {
            _stream.Write(lines);
        }
        catch (IOException)
        {
            // Nobody reads it any more; the lines were for whoever does.
        }
    }
}
