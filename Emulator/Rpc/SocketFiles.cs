using System.Net.Sockets;
using System.Text;
using NoslateFleet.Emulator.Node;

namespace NoslateFleet.Emulator.Rpc;

/// <summary>The rules of socket files: a stale one is replaced, a live one is somebody else's.</summary>
internal static class SocketFiles
{
    /// <summary>Linux keeps the path of a unix socket in 108 bytes, the last of which is zero.</summary>
    private const int MaxPathBytes = 107;

    public static void Claim(string path)
    {
        if (Encoding.UTF8.GetByteCount(path) > MaxPathBytes)
        {
            throw new EmulatorStartException(
                $"the socket path {path} is longer than the {MaxPathBytes} bytes a unix socket may have; choose a shorter workdir");
        }

        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        if (!File.Exists(path))
            return;
        using (var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            try
            {
                probe.Connect(new UnixDomainSocketEndPoint(path));
                throw new EmulatorStartException(
                    $"another process answers on {path}; stop it or choose another workdir");
            }
            catch (SocketException error) when (error.SocketErrorCode is SocketError.ConnectionRefused or SocketError.AddressNotAvailable)
            {
                // Nobody behind it: a leftover of a process that was killed.
            }
            catch (SocketException error)
            {
                throw new EmulatorStartException($"the socket file {path} can't be tried: {error.Message}");
            }
        }

        File.Delete(path);
    }
}
