using System.Net;
using System.Net.Http;

namespace NoslateFleet.Tests.Common;

/// <summary>A request body that a test writes piece by piece while the request is under way.</summary>
public sealed class OpenContent : HttpContent
{
    private readonly TaskCompletionSource<Stream> _stream = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Sends these bytes.</summary>
    public async Task WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        Stream target = await _stream.Task;
        await target.WriteAsync(bytes);
        await target.FlushAsync();
    }

    /// <summary>Ends the body.</summary>
    public void Complete() => _done.TrySetResult();

    /// <summary>Breaks the body off.</summary>
    public void Abort() => _done.TrySetCanceled();

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        await stream.FlushAsync();
        _stream.TrySetResult(stream);
        await _done.Task;
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
