using System.Net.Sockets;

namespace NoslateFleet.Gateway.Supervision;

/// <summary>Asks whether somebody accepts connections on a unix socket. A file alone proves nothing: a killed process leaves it behind.</summary>
internal static class SocketProbe
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(1);

    public static async Task<bool> AnswersAsync(string path, TimeProvider time, CancellationToken cancellationToken)
    {
        // Without a file there is nothing to ask, and no exception to pay for in a loop that waits.
        if (!File.Exists(path))
        {
            return false;
        }

        using var limit = new CancellationTokenSource(_limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), either.Token);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }
}
