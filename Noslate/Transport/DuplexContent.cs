using System.Net;
using System.Net.Http;
using Google.Protobuf;

namespace NoslateFleet.Noslate.Transport;

/// <summary>A request body that stays open: first messages at once, then nothing until it is aborted.</summary>
internal sealed class DuplexContent(IReadOnlyList<IMessage> first) : HttpContent
{
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>True once bytes were handed to the connection.</summary>
    public bool Sent { get; private set; }

    /// <summary>Ends the body with a reset of the stream, which frees it on both sides.</summary>
    public void Abort() => _end.TrySetCanceled();

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        Sent = true;
        foreach (IMessage message in first)
        {
            await stream.WriteAsync(UnaryContent.Frame(message), cancellationToken);
        }

        await stream.FlushAsync(cancellationToken);
        await _end.Task.WaitAsync(cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
