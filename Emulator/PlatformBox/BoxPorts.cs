using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace NoslateFleet.Emulator.PlatformBox;

/// <summary>
/// Ports for an instance that listens only some time after it was told where. None is given twice, or two that start at once would meet on one; and
/// all lie below the range that Linux gives to outgoing connections (32768 and on), one of which could take it meanwhile.
/// </summary>
internal static class BoxPorts
{
    private const int First = 10_000;
    private const int End = 32_000;

    private static readonly HashSet<int> Given = [];

    /// <summary>A port on which nobody listens, and that was not given before.</summary>
    public static int Next() => Next(() => RandomNumberGenerator.GetInt32(First, End));

    /// <summary>The first of these on which nobody listens, and that was not given before.</summary>
    /// <param name="candidate">Tells one to try.</param>
    internal static int Next(Func<int> candidate)
    {
        while (true)
        {
            int port = candidate();
            lock (Given)
            {
                if (!Given.Add(port))
                    continue;
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
