using System.Net.Http;

namespace NoslateFleet.Noslate.Transport;

/// <summary>An open stream to a plane, of which only the answers are read.</summary>
internal sealed class GrpcDuplexStream : IDisposable
{
    private readonly HttpRequestMessage _request;
    private readonly DuplexContent _content;
    private readonly HttpResponseMessage _response;
    private readonly GrpcMessageReader _reader;

    public GrpcDuplexStream(HttpRequestMessage request, DuplexContent content, HttpResponseMessage response)
    {
        _request = request;
        _content = content;
        _response = response;
        _reader = new GrpcMessageReader(response.Content.ReadAsStream());
    }

    /// <summary>The message last read; valid until the next read.</summary>
    public ReadOnlyMemory<byte> Current => _reader.Current;

    /// <summary>Waits for the next message; false when the plane ended the stream with status OK.</summary>
    /// <exception cref="GrpcException">The stream broke off or ended with another status.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    public async ValueTask<bool> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (await _reader.ReadAsync(cancellationToken))
            {
                return true;
            }
        }
        catch (Exception e) when (e is not GrpcException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw GrpcFaults.Map(e, sent: true).ToException(e);
        }

        GrpcStatus end = GrpcResponse.ReadEnd(_response)
            ?? new GrpcStatus(GrpcStatusCode.Unknown, "the plane ended the stream without a grpc-status");
        return end.Code == GrpcStatusCode.Ok ? false : throw new GrpcException(end);
    }

    public void Dispose()
    {
        _content.Abort();
        _response.Dispose();
        _request.Dispose();
        _reader.Dispose();
    }
}
