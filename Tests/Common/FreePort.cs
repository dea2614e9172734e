using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace NoslateFleet.Tests.Common;

/// <summary>
/// Ports for processes that are told where to listen. They lie below the range that Linux gives to outgoing connections (32768 and on): one that
/// is free now can't be taken by a connection of another test before the process listens.
/// </summary>
public static class FreePort
{
    private static readonly HashSet<int> _given = [];

    /// <summary>A port that nobody listens on and that was not given before.</summary>
    public static int Next()
    {
        while (true)
        {
            int port = RandomNumberGenerator.GetInt32(10_000, 32_000);
            lock (_given)
            {
                if (!_given.Add(port))
                {
                    continue;
                }
            }

            try
            {
                using var listener = new TcpListener(IPAddress.Any, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Somebody listens there.
            }
        }
    }
}
