using System.Net;
using System.Net.Http;
using Google.Protobuf;

namespace NoslateFleet.Noslate.Transport;

/// <summary>A request body of one message.</summary>
internal sealed class UnaryContent : HttpContent
{
    private readonly byte[] _frame;

    /// <exception cref="GrpcException">The message is longer than a plane takes.</exception>
    public UnaryContent(IMessage message) => _frame = Frame(message);

    /// <summary>True once bytes were handed to the connection.</summary>
    public bool Sent { get; private set; }

    /// <summary>The message with its prefix.</summary>
    public static byte[] Frame(IMessage message)
    {
        int length = message.CalculateSize();
        if (length > GrpcWire.MaxMessageLength)
        {
            throw new GrpcException(
                new GrpcStatus(
                    GrpcStatusCode.ResourceExhausted,
                    $"the request is {length} bytes long; a plane takes at most {GrpcWire.MaxMessageLength}"),
                neverSent: true);
        }

        byte[] frame = new byte[GrpcWire.PrefixLength + length];
        GrpcWire.WritePrefix(frame, length);
        message.WriteTo(frame.AsSpan(GrpcWire.PrefixLength));
        return frame;
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        Sent = true;
        return stream.WriteAsync(_frame, cancellationToken).AsTask();
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
