using System.Text;

namespace NoslateFleet.Tests.Gateway.Corpus;

/// <summary>Sound requests and cases of the corpus, changed at random.</summary>
internal static class Mutation
{
    private static readonly byte[][] _seeds =
    [
        Encoding.Latin1.GetBytes("GET /invoke/echo/a/b?c=d HTTP/1.1\r\nHost: t\r\nX-A: 1\r\nCookie: a=b\r\nConnection: keep-alive\r\n\r\n"),
        Encoding.Latin1.GetBytes("POST /invoke/echo HTTP/1.1\r\nHost: t\r\nContent-Length: 20\r\nContent-Type: text/plain\r\n\r\n01234567890123456789"),
        Encoding.Latin1.GetBytes("PUT /invoke/echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n"),
        Encoding.Latin1.GetBytes("GET /invoke/echo HTTP/1.1\r\nHost: t\r\n\r\nPOST /invoke/echo HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc"),
        Encoding.Latin1.GetBytes("GET / HTTP/1.1\r\nHost: t\r\nx-noslate-target: function|echo\r\nx-noslate-timeout-ms: 1000\r\nx-request-id: abc\r\n\r\n"),
    ];

    private static readonly string[] _tokens =
    [
        "\r\n", "\r", "\n", "\0", " ", "\t", ":", "\r\n\r\n", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Host: u\r\n", "HTTP/1.1", "0\r\n\r\n", "%00", "%2f",
        "\u00ff", "-1", "99999999999999999999", ";", ",", "Expect: 100-continue\r\n", "Connection: Upgrade\r\nUpgrade: websocket\r\n", "\u000b",
    ];

    /// <summary>The next request.</summary>
    public static byte[] Next(Random random)
    {
        List<byte> bytes = [.. random.Next(3) == 0 ? OddRequests.All[random.Next(OddRequests.All.Count)].Bytes : _seeds[random.Next(_seeds.Length)]];
        for (var changes = random.Next(1, 6); changes > 0; changes--)
        {
            Change(bytes, random);
        }

        return [.. bytes];
    }

    private static void Change(List<byte> bytes, Random random)
    {
        var at = random.Next(bytes.Count + 1);
        var length = Math.Min(random.Next(1, 12), bytes.Count - at);
        switch (random.Next(6))
        {
            case 0 when at < bytes.Count:
                bytes[at] = (byte)random.Next(256);
                break;
            case 1 when at < bytes.Count:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 2:
                bytes.RemoveRange(at, length);
                break;
            case 3:
                bytes.InsertRange(random.Next(bytes.Count + 1), bytes.GetRange(at, length));
                break;
            case 4:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            default:
                bytes.InsertRange(at, Encoding.Latin1.GetBytes(_tokens[random.Next(_tokens.Length)]));
                break;
        }
    }
}
