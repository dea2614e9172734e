using System.Globalization;

namespace NoslateFleet.Tests.Gateway.Corpus;

/// <summary>
/// The corpus. Every request is for the function <c>echo</c>, if it can be said to be for any. A status of 200 in a case means that the
/// request is odd but sound, and is served exactly once; in any other case the function must not hear of it.
/// </summary>
internal static class OddRequests
{
    private const string Get = "GET /invoke/echo HTTP/1.1\r\nHost: t\r\n";
    private const string Post = "POST /invoke/echo HTTP/1.1\r\nHost: t\r\n";
    private const string Chunked = Post + "Transfer-Encoding: chunked\r\n\r\n";
    private const string End = "\r\n";

    /// <summary>All cases.</summary>
    public static IReadOnlyList<OddRequest> All { get; } =
    [
        .. RequestLines(), .. Targets(), .. HeaderNames(), .. HeaderValues(), .. Lines(), .. Hosts(), .. Lengths(), .. Codings(), .. Chunks(), .. Trailers(),
        .. Smuggling(), .. Methods(), .. Sizes(), .. OwnHeaders(), .. Cuts(),
    ];

    private static IEnumerable<OddRequest> RequestLines()
    {
        foreach (var c in "\0\u0001\u0008\t\u000b\u000c\u001b\u007f\u0080\u00ff\"(),/:;<=>?@[\\]{}")
        {
            yield return OddRequest.Of($"method with 0x{(int)c:x2}", $"GE{c}T /invoke/echo HTTP/1.1\r\nHost: t\r\n\r\n", 400);
        }

        foreach (var version in new[]
                 {
                     "HTTP/0.9", "HTTP/1.2", "HTTP/1.", "HTTP/1", "HTTP/2.0", "HTTP/2", "HTTP/3.0", "HTTP/11", "HTTP/1.10", "HTTP/01.1", "http/1.1", "HTP/1.1",
                     "HTTPS/1.1", "HTTP 1.1", "HTTP/1.1 x", "HTTP/1,1", "HTTP/-1.1", "FTP/1.1", "/1.1", "\0",
                 })
        {
            yield return OddRequest.Of($"version '{version}'", $"GET /invoke/echo {version}\r\nHost: t\r\n\r\n", 400, 505);
        }

        (string Name, string Line)[] lines =
        [
            ("only a method", "GET"), ("method and space", "GET "), ("no version", "GET /invoke/echo"), ("no version but a space", "GET /invoke/echo "),
            ("no method", "/invoke/echo HTTP/1.1"), ("space before the method", " GET /invoke/echo HTTP/1.1"), ("tab before the method", "\tGET /invoke/echo HTTP/1.1"),
            ("two spaces before the target", "GET  /invoke/echo HTTP/1.1"), 
            ("tabs for spaces", "GET\t/invoke/echo\tHTTP/1.1"), ("space in the target", "GET /invoke/echo a HTTP/1.1"), ("tab in the target", "GET /invoke/echo\ta HTTP/1.1"),
            ("no target", "GET HTTP/1.1"), ("only spaces", "   "), ("only a version", "HTTP/1.1"), ("a response", "HTTP/1.1 200 OK"),
            ("TLS hello", "\u0016\u0003\u0001\u0000\u00a5\u0001\u0000\u0000\u00a1\u0003\u0003"), ("binary", "\u00ff\u00fe\u00fd\u0000\u0001"), ("SSH", "SSH-2.0-OpenSSH_9.0"),
            ("SMTP", "EHLO example.com"), ("Redis", "*1\r\n$4\r\nPING"), ("quotes", "'GET' \"/\" HTTP/1.1"), ("carriage return in the line", "GET /invoke/echo\r HTTP/1.1"),
        ];
        foreach (var (name, line) in lines)
        {
            yield return OddRequest.Of("request line: " + name, line + "\r\nHost: t\r\n\r\n", 400, 404, 405, 505);
        }

        yield return OddRequest.Of("two spaces before the version", "GET /invoke/echo  HTTP/1.1\r\nHost: t\r\n\r\n", 200, 400);
        yield return OddRequest.Of("space after the version", "GET /invoke/echo HTTP/1.1 \r\nHost: t\r\n\r\n", 400);
        yield return OddRequest.Of("empty line before the request", "\r\n" + Get + End, 200, 400);
        yield return OddRequest.Of("many empty lines before the request", string.Concat(Enumerable.Repeat("\r\n", 50)) + Get + End, 200, 400);
        yield return OddRequest.Of("nothing", "", 0);
        yield return OddRequest.Of("only line ends", "\r\n\r\n\r\n", 0, 400);
        yield return OddRequest.Of("preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, 400, 505);
        yield return OddRequest.Of("method in lower case", "get /invoke/echo HTTP/1.1\r\nHost: t\r\n\r\n", 200);
        yield return OddRequest.Of("method of one's own", "BREW /invoke/echo HTTP/1.1\r\nHost: t\r\n\r\n", 200);
        yield return OddRequest.Of("method with every mark", "M!#$%&'*+-.^_`|~9 /invoke/echo HTTP/1.1\r\nHost: t\r\n\r\n", 200);
        yield return OddRequest.Of("HTTP/1.0", "GET /invoke/echo HTTP/1.0\r\nHost: t\r\n\r\n", 200);
    }

    private static IEnumerable<OddRequest> Targets()
    {
        foreach (var c in "\0\u0001\u0008\t\n\u000b\u000c\r\u001f\u007f")
        {
            yield return OddRequest.Of($"target with 0x{(int)c:x2}", $"GET /invoke/echo/a{c}b HTTP/1.1\r\nHost: t\r\n\r\n", 400);
            yield return OddRequest.Of($"query with 0x{(int)c:x2}", $"GET /invoke/echo?a{c}b HTTP/1.1\r\nHost: t\r\n\r\n", 400);
        }

        (string Name, string Target, int[] Statuses)[] targets =
        [
            ("a byte above ASCII", "/invoke/echo/\u00e9", [400]),
            ("UTF-8 in the clear", "/invoke/echo/\u00c3\u00a9", [400]),
            ("escaped NUL in the path", "/invoke/echo/%00", [400]),
            ("escaped NUL in the query", "/invoke/echo?a=%00", [200]),
            ("escaped line end in the path", "/invoke/echo/%0d%0aX:%20y", [200]),
            ("escaped line end in the name", "/invoke/ec%0d%0aho", [404, 400]),
            ("escaped slash in the name", "/invoke/ec%2fho", [404, 400]),
            ("escaped slash behind the name", "/invoke/echo/%2f", [200]),
            ("escaped name", "/invoke/%65cho", [200]),
            ("escaped dot as name", "/invoke/%2e", [404, 400]),
            ("two escaped dots as name", "/invoke/%2e%2e/echo", [404, 400]),
            ("broken escape in the name", "/invoke/ec%zzho", [404, 400]),
            ("cut escape in the name", "/invoke/echo%", [404, 400]),
            ("broken escape behind the name", "/invoke/echo/%zz", [200, 400]),
            ("overlong UTF-8 in the name", "/invoke/ec%c0%afho", [404, 400]),
            ("half a surrogate in the name", "/invoke/ec%ed%a0%80ho", [404, 400]),
            ("dots that climb out", "/invoke/echo/../../x", [200, 400]),
            ("double slashes", "//invoke//echo", [404]),
            ("empty name", "/invoke/", [404]),
            ("empty name with rest", "/invoke//x", [404]),
            ("name in capitals", "/invoke/ECHO", [404]),
            ("backslashes", "\\invoke\\echo", [400, 404]),
            ("only a query", "?a=b", [400, 404]),
            ("a fragment", "/invoke/echo#x", [200, 400, 404]),
            ("asterisk for GET", "*", [400, 404, 405]),
            ("absolute form", "http://t/invoke/echo", [200]),
            ("absolute form, other host", "http://other/invoke/echo", [400]),
            ("absolute form, https", "https://t/invoke/echo", [200, 400]),
            ("absolute form with user", "http://u:p@t/invoke/echo", [400, 200]),
            ("absolute form without path", "http://t", [404]),
            ("absolute form without host", "http:///invoke/echo", [400]),
            ("absolute form, bad port", "http://t:x/invoke/echo", [400]),
            ("authority form for GET", "t:80", [400, 405]),
            ("a file", "file:///etc/passwd", [400, 404]),
            ("javascript", "javascript:alert(1)", [400, 404]),
            ("no leading slash", "invoke/echo", [400, 404]),
            ("quotes and angles", "/invoke/echo/<\">{}|^`", [200, 400]),
            ("many question marks", "/invoke/echo????", [200]),
            ("many semicolons", "/invoke/echo/;;;=;", [200]),
            ("long query", "/invoke/echo?" + new string('a', 4000), [200]),
            ("many dots as name", "/invoke/.....", [404]),
        ];
        foreach (var (name, target, statuses) in targets)
        {
            yield return OddRequest.Of("target: " + name, $"GET {target} HTTP/1.1\r\nHost: t\r\n\r\n", statuses);
        }
    }

    private static IEnumerable<OddRequest> HeaderNames()
    {
        foreach (var c in "\0\u0001\u0008\t\n\u000b\u000c\r \u001f\u007f\u0080\u00ff\"(),/;<=>?@[\\]{}")
        {
            yield return OddRequest.Of($"header name with 0x{(int)c:x2}", Get + $"X{c}A: 1\r\n\r\n", 400);
        }

        yield return OddRequest.Of("header name with every mark", Get + "X!#$%&'*+-.^_`|~9: 1\r\n\r\n", 200);
        yield return OddRequest.Of("header without a name", Get + ": 1\r\n\r\n", 400);
        yield return OddRequest.Of("header without a colon", Get + "NoColon\r\n\r\n", 400);
        yield return OddRequest.Of("header that is a space", Get + " \r\n\r\n", 400);
        yield return OddRequest.Of("header of two colons", Get + ":: 1\r\n\r\n", 400);
        yield return OddRequest.Of("space before the colon", Get + "X-A : 1\r\n\r\n", 400);
        yield return OddRequest.Of("tab before the colon", Get + "X-A\t: 1\r\n\r\n", 400);
        yield return OddRequest.Of("space before the first header", "GET /invoke/echo HTTP/1.1\r\n Host: t\r\n\r\n", 400);
        yield return OddRequest.Of("folded header", Get + "X-A: 1\r\n 2\r\n\r\n", 400);
        yield return OddRequest.Of("folded header by tab", Get + "X-A: 1\r\n\t2\r\n\r\n", 400);
        yield return OddRequest.Of("pseudo header", Get + ":path: /x\r\n\r\n", 400);
        yield return OddRequest.Of("space before the colon of Content-Length", Post + "Content-Length : 3\r\n\r\nabc", 400);
        yield return OddRequest.Of("space before the colon of Transfer-Encoding", Post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400);
    }

    private static IEnumerable<OddRequest> HeaderValues()
    {
        for (var c = 0; c < 0x20; c++)
        {
            if (c is '\t' or '\r' or '\n')
            {
                continue;
            }

            // Only NUL, CR and LF must be refused (RFC 9110, section 5.5); others are a field's own affair.
            int[] statuses = c == 0 ? [400] : [200, 400];
            yield return OddRequest.Of($"header value with 0x{c:x2}", Get + $"X-A: 1{(char)c}2\r\n\r\n", statuses);
        }

        yield return OddRequest.Of("header value with a tab", Get + "X-A: 1\t2\r\n\r\n", 200);
        yield return OddRequest.Of("header value with DEL", Get + "X-A: 1\u007f2\r\n\r\n", 200, 400);
        yield return OddRequest.Of("header value with CR", Get + "X-A: 1\r2\r\n\r\n", 400);
        yield return OddRequest.Of("header value that ends with CR", Get + "X-A: 1\r\r\n\r\n", 400);
        yield return OddRequest.Of("header value that is CR", Get + "X-A: \r\r\n\r\n", 400);
        yield return OddRequest.Of("header value that is no UTF-8", Get + "X-A: \u00ff\u00fe\r\n\r\n", 200, 400);
        yield return OddRequest.Of("header value of half a character", Get + "X-A: \u00c3\r\n\r\n", 200, 400);
        yield return OddRequest.Of("empty header value", Get + "X-A:\r\n\r\n", 200);
        yield return OddRequest.Of("header value of spaces", Get + "X-A:   \t  \r\n\r\n", 200);
        yield return OddRequest.Of("NUL in a cookie", Get + "Cookie: a=\0\r\n\r\n", 400);
        yield return OddRequest.Of("NUL in Host", "GET /invoke/echo HTTP/1.1\r\nHost: t\0\r\n\r\n", 400);
        yield return OddRequest.Of("NUL in Connection", Get + "Connection: \0close\r\n\r\n", 400);
        yield return OddRequest.Of("CR in Connection", Get + "Connection: close\rX: y\r\n\r\n", 400);
    }

    private static IEnumerable<OddRequest> Lines()
    {
        yield return OddRequest.Of("LF only, all lines", "GET /invoke/echo HTTP/1.1\nHost: t\n\n", 400);
        yield return OddRequest.Of("LF only after the request line", "GET /invoke/echo HTTP/1.1\nHost: t\r\n\r\n", 400);
        yield return OddRequest.Of("LF only at the end", Get + "\n", 400);
        yield return OddRequest.Of("CR only, all lines", "GET /invoke/echo HTTP/1.1\rHost: t\r\r", 400, 0);
        yield return OddRequest.Of("CR only after the request line", "GET /invoke/echo HTTP/1.1\rHost: t\r\n\r\n", 400);
        yield return OddRequest.Of("CR only after a header", Get + "X-A: 1\rX-B: 2\r\n\r\n", 400);
        yield return OddRequest.Of("CR only at the end", Get + "\r\r", 400, 0);
        yield return OddRequest.Of("CR CR LF after the request line", "GET /invoke/echo HTTP/1.1\r\r\nHost: t\r\n\r\n", 400);
        yield return OddRequest.Of("LF CR", "GET /invoke/echo HTTP/1.1\n\rHost: t\n\r\n\r", 400);
        yield return OddRequest.Of("NUL after the headers' end", Get + "\r\n\0", 200);
        yield return OddRequest.Of("byte order mark", "\u00ef\u00bb\u00bf" + Get + End, 400);
    }

    private static IEnumerable<OddRequest> Hosts()
    {
        yield return OddRequest.Of("no Host", "GET /invoke/echo HTTP/1.1\r\n\r\n", 400);
        yield return OddRequest.Of("no Host in HTTP/1.0", "GET /invoke/echo HTTP/1.0\r\n\r\n", 200);
        yield return OddRequest.Of("two Hosts", Get + "Host: t\r\n\r\n", 400);
        yield return OddRequest.Of("two different Hosts", Get + "Host: u\r\n\r\n", 400);
        yield return OddRequest.Of("two Hosts in HTTP/1.0", "GET /invoke/echo HTTP/1.0\r\nHost: t\r\nHost: u\r\n\r\n", 400);
        yield return OddRequest.Of("three Hosts, in capitals too", Get + "HOST: u\r\nhost: v\r\n\r\n", 400);
        yield return OddRequest.Of("empty Host", "GET /invoke/echo HTTP/1.1\r\nHost:\r\n\r\n", 200, 400);
        foreach (var host in new[] { "a b", "a,b", "a/b", "a?b", "a#b", "u@t", "t:x", "t:", "t:80:80", "[::1", "[::g]", "a\tb", "a\\b", "<t>", "\u00e9", "t:-1", "t%00" })
        {
            int[] statuses = host is "t:" ? [200, 400] : [400];
            yield return OddRequest.Of($"Host '{host}'", $"GET /invoke/echo HTTP/1.1\r\nHost: {host}\r\n\r\n", statuses);
        }

        yield return OddRequest.Of("Host that is an IPv6 address", "GET /invoke/echo HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200);
    }

    private static IEnumerable<OddRequest> Lengths()
    {
        foreach (var length in new[]
                 {
                     "-1", "-0", "+3", "0x3", "3.0", "3e0", "3 3", "3,3", "3, 3", "3;3", "\"3\"", "three", " ", "", "\u0663", "99999999999999999999", "9223372036854775808",
                     "3\0", "3\u00a0", "3a", "a3", "--3", "3-", "0b11", "1_0", "NaN", "Infinity", "3\t4",
                 })
        {
            yield return OddRequest.Of($"Content-Length '{length}'", Post + $"Content-Length: {length}\r\n\r\nabc", 400);
        }

        yield return OddRequest.Of("Content-Length with zeros before it", Post + "Content-Length: 0003\r\n\r\nabc", 200);
        yield return OddRequest.Of("Content-Length with spaces around it", Post + "Content-Length: \t 3 \t\r\n\r\nabc", 200);
        yield return OddRequest.Of("Content-Length twice the same", Post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400);
        yield return OddRequest.Of("Content-Length twice, different", Post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400);
        yield return OddRequest.Of("Content-Length twice, the first empty", Post + "Content-Length:\r\nContent-Length: 3\r\n\r\nabc", 400);
        yield return OddRequest.Of("Content-Length of the largest number", Post + "Content-Length: 9223372036854775807\r\n\r\nabc", 413);
        yield return OddRequest.Of("body on GET", Get + "Content-Length: 3\r\n\r\nabc", 200);
        yield return OddRequest.Of("POST without any length", Post + "\r\n", 200, 411);
        yield return OddRequest.Of("POST without any length, with bytes", Post + "\r\nabc", 200, 411);
        yield return OddRequest.Of("POST of HTTP/1.0 without any length", "POST /invoke/echo HTTP/1.0\r\nHost: t\r\n\r\nabc", 200, 400, 411);
    }

    private static IEnumerable<OddRequest> Codings()
    {
        foreach (var coding in new[]
                 {
                     "gzip", "identity", "chunked, gzip", "chunked, identity", "xchunked", "chunkedx", "chunked;q=1", "\"chunked\"", "chunked\0", "chun ked", "", "deflate",
                     "gzip;q=0", "\u000bchunked", "chunked\u000b", "chunked chunked", "[chunked]", "x",
                 })
        {
            yield return OddRequest.Of($"Transfer-Encoding '{coding}'", Post + $"Transfer-Encoding: {coding}\r\n\r\n0\r\n\r\n", 400, 501);
        }

        yield return OddRequest.Of("Transfer-Encoding in capitals", Post + "TRANSFER-ENCODING: CHUNKED\r\n\r\n0\r\n\r\n", 200);
        yield return OddRequest.Of("Transfer-Encoding twice", Post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
        yield return OddRequest.Of("Transfer-Encoding twice, identity last", Post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400, 501);
        yield return OddRequest.Of("Transfer-Encoding of two codings", Post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501);
        yield return OddRequest.Of("Transfer-Encoding in HTTP/1.0", "POST /invoke/echo HTTP/1.0\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
        yield return OddRequest.Of("Transfer-Encoding on GET", Get + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200);
        yield return OddRequest.Of("Content-Encoding that nobody knows", Post + "Content-Encoding: nonsense\r\nContent-Length: 3\r\n\r\nabc", 200);
    }

    private static IEnumerable<OddRequest> Chunks()
    {
        // The head may have been forwarded before a bad chunk is seen, and the function may even have answered it: the answer is then cut.
        foreach (var size in new[]
                 {
                     "g", "-1", "+1", "0x1", " 1", "", " ", "\0", "1\0", "fffffffffffffffff", "80000000", "7fffffff0", "1 1", "1.", "1,", "1\u000b", "\u00ff", "1_0", "\t1", "xyz",
                 })
        {
            yield return OddRequest.Of($"chunk size '{size}'", Chunked + size + "\r\na\r\n0\r\n\r\n", 400, 413, Reached);
        }

        (string Name, string Body)[] bodies =
        [
            ("longer than told", "1\r\nab\r\n0\r\n\r\n"), ("shorter than told", "3\r\na\r\n0\r\n\r\n"), ("without line end", "1\r\na0\r\n\r\n"), ("CR only after the size", "1\ra\r\n0\r\n\r\n"),
            ("CR only after the data", "1\r\na\r0\r\n\r\n"), ("LF CR", "1\n\ra\n\r0\n\r\n\r"), ("CR CR LF", "1\r\r\na\r\n0\r\n\r\n"), ("CR in an extension", "1;a=\rb\r\na\r\n0\r\n\r\n"),
            ("text instead", "hello, this is no chunk\r\n\r\n"), ("another request instead", "GET /invoke/echo HTTP/1.1\r\nHost: t\r\n\r\n"),
        ];
        foreach (var (name, body) in bodies)
        {
            yield return OddRequest.Of("chunk: " + name, Chunked + body, 400, Reached);
        }

        yield return OddRequest.Of("chunk: LF only", Chunked + "1\na\n0\n\n", 400, 200, Reached);
        yield return OddRequest.Of("chunk: LF only after the size", Chunked + "1\na\r\n0\r\n\r\n", 400, 200, Reached);
        yield return OddRequest.Of("chunk: zeros before the size", Chunked + "0001\r\na\r\n0\r\n\r\n", 200);
        yield return OddRequest.Of("chunk: capitals", Chunked + "A\r\n0123456789\r\n0\r\n\r\n", 200);
        yield return OddRequest.Of("chunk: an extension", Chunked + "1;a=\"b;c\"\r\na\r\n0;x\r\n\r\n", 200, 400, Reached);
        yield return OddRequest.Of("chunk: many of one byte", Chunked + string.Concat(Enumerable.Repeat("1\r\na\r\n", 500)) + "0\r\n\r\n", 200);
        yield return OddRequest.Of("chunk: a long extension", Chunked + "1;" + new string('x', 20_000) + "\r\na\r\n0\r\n\r\n", 200, 400, 413, Reached);
    }

    private static IEnumerable<OddRequest> Trailers()
    {
        yield return OddRequest.Of("trailer", Chunked + "0\r\nX-A: 1\r\n\r\n", 200);
        yield return OddRequest.Of("trailer that would change the framing", Chunked + "0\r\nContent-Length: 5\r\nTransfer-Encoding: gzip\r\nHost: u\r\n\r\n", 200, 400, Reached);
        yield return OddRequest.Of("trailer without a colon", Chunked + "0\r\nbad\r\n\r\n", 400, Reached);
        yield return OddRequest.Of("trailer with NUL", Chunked + "0\r\nX-A: \0\r\n\r\n", 400, 200, Reached);
        yield return OddRequest.Of("trailer without its end", Chunked + "0\r\nX-A: 1\r\n", 0, 400, Reached);
        yield return OddRequest.Of("trailers too large", Chunked + "0\r\nX-A: " + new string('x', 40_000) + "\r\n\r\n", 431, 400, 413, Reached);
    }

    private static IEnumerable<OddRequest> Smuggling()
    {
        const string hidden = "GET /invoke/echo HTTP/1.1\r\nHost: hidden\r\n\r\n";
        (string Name, string Head)[] heads =
        [
            ("Content-Length, then Transfer-Encoding", "Content-Length: 5\r\nTransfer-Encoding: chunked"),
            ("Transfer-Encoding, then Content-Length", "Transfer-Encoding: chunked\r\nContent-Length: 5"),
            ("Transfer-Encoding behind a tab", "Content-Length: 5\r\nTransfer-Encoding:\tchunked"),
            ("Transfer-Encoding in mixed case", "Content-Length: 5\r\ntRANSFER-eNCODING: chuNked"),
            ("Transfer-Encoding behind a vertical tab", "Content-Length: 5\r\nTransfer-Encoding: \u000bchunked"),
            ("Transfer-Encoding twice", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x"),
            ("Transfer-Encoding behind a bare LF", "Content-Length: 5\r\nX: y\nTransfer-Encoding: chunked"),
            ("Transfer-Encoding behind a bare CR", "Content-Length: 5\r\nX: y\rTransfer-Encoding: chunked"),
            ("Transfer-Encoding folded", "Content-Length: 5\r\nTransfer-Encoding:\r\n chunked"),
            ("Transfer-Encoding with space before the colon", "Content-Length: 5\r\nTransfer-Encoding : chunked"),
            ("Transfer-Encoding with an underscore", "Content-Length: 0\r\nTransfer_Encoding: chunked"),
            ("Content-Length in a list", "Content-Length: 0, 5"),
            ("Content-Length with a sign", "Content-Length: +0"),
            ("Content-Length twice", "Content-Length: 0\r\nContent-Length: 44"),
        ];
        foreach (var (name, head) in heads)
        {
            // The underscore is only a name; what follows is then a request of its own, on which the echo is called once more.
            int[] statuses = head.Contains('_', StringComparison.Ordinal) ? [Twice] : [400, 501];
            yield return OddRequest.Of("smuggling: " + name, Post + head + "\r\n\r\n" + (statuses[0] == Twice ? "" : "0\r\n\r\n") + hidden, statuses);
        }

        yield return OddRequest.Of("two requests at once", Get + End + Get + End, Twice);
        yield return OddRequest.Of("a sound request, then garbage", Get + End + "\0\0\0\0\r\n\r\n", 200);
    }

    private static IEnumerable<OddRequest> Methods()
    {
        yield return OddRequest.Of("TRACE", "TRACE /invoke/echo HTTP/1.1\r\nHost: t\r\n\r\n", 405);
        yield return OddRequest.Of("CONNECT", "CONNECT t:80 HTTP/1.1\r\nHost: t:80\r\n\r\n", 405);
        yield return OddRequest.Of("CONNECT with a path", "CONNECT /invoke/echo HTTP/1.1\r\nHost: t\r\n\r\n", 400, 405);
        yield return OddRequest.Of("CONNECT without port", "CONNECT t HTTP/1.1\r\nHost: t\r\n\r\n", 400, 405);
        yield return OddRequest.Of("OPTIONS for all", "OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n", 404, 400);
        yield return OddRequest.Of("asterisk for POST", "POST * HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n", 400, 405);
        yield return OddRequest.Of("WebSocket", Get + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 501);
        yield return OddRequest.Of("upgrade to TLS", Get + "Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n\r\n", 501);
        yield return OddRequest.Of("upgrade to h2c and WebSocket", Get + "Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n\r\n", 501);
        yield return OddRequest.Of("Upgrade that Connection does not name", Get + "Upgrade: websocket\r\n\r\n", 200);
        yield return OddRequest.Of("Expect of something else", Post + "Expect: 200-ok\r\nContent-Length: 3\r\n\r\nabc", 200, 417);
        yield return OddRequest.Of("Connection that names Host", Get + "Connection: Host, Content-Length\r\n\r\n", 200);
        yield return OddRequest.Of("Connection of commas", Get + "Connection: ,,, ,close\r\n\r\n", 200);
        yield return OddRequest.Of("Range that nobody can serve", Get + "Range: bytes=9-1\r\n\r\n", 200);
        yield return OddRequest.Of("method of 200 letters", new string('A', 200) + " /invoke/echo HTTP/1.1\r\nHost: t\r\n\r\n", 200, 400);
    }

    private static IEnumerable<OddRequest> Sizes()
    {
        yield return OddRequest.Of("target of 9000 bytes", $"GET /invoke/echo/{new string('a', 9000)} HTTP/1.1\r\nHost: t\r\n\r\n", 414);
        yield return OddRequest.Of("request line without end", new string('a', 9000), 414, 400);
        yield return OddRequest.Of("header of 40000 bytes", Get + $"X-A: {new string('a', 40_000)}\r\n\r\n", 431);
        yield return OddRequest.Of("header name of 40000 bytes", Get + $"{new string('a', 40_000)}: 1\r\n\r\n", 431);
        yield return OddRequest.Of("200 headers", Get + string.Concat(Enumerable.Range(0, 200).Select(i => $"X-{i}: 1\r\n")) + End, 431);
        yield return OddRequest.Of("200 headers of one name", Get + string.Concat(Enumerable.Repeat("X-A: 1\r\n", 200)) + End, 431);
        yield return OddRequest.Of("body over the limit", Post + "Content-Length: 1000001\r\n\r\nabc", 413);
        yield return OddRequest.Of("90 headers", Get + string.Concat(Enumerable.Range(0, 90).Select(i => $"X-{i}: 1\r\n")) + End, 200);
    }

    private static IEnumerable<OddRequest> OwnHeaders()
    {
        foreach (var target in new[] { "", "|", "function|", "|echo", "functions|echo", "function|echo|x", "service", "function|\u0001", "a|b|c", "function|nobody\u007f" })
        {
            yield return OddRequest.Of($"x-noslate-target '{target}'", $"GET / HTTP/1.1\r\nHost: t\r\nx-noslate-target: {target}\r\n\r\n", 400, 404);
        }

        yield return OddRequest.Of(
            "x-noslate-target twice", "GET / HTTP/1.1\r\nHost: t\r\nx-noslate-target: function|echo\r\nx-noslate-target: function|echo\r\n\r\n", 400);
        foreach (var timeout in new[] { "0", "-1", "1.5", "1e3", "abc", "99999999999999999999", "1 1", "\"1\"", "0x10", "+5", "Infinity", "" })
        {
            yield return OddRequest.Of($"x-noslate-timeout-ms '{timeout}'", Get + $"x-noslate-timeout-ms: {timeout}\r\n\r\n", 400);
        }

        yield return OddRequest.Of("x-noslate-timeout-ms twice", Get + "x-noslate-timeout-ms: 1000\r\nx-noslate-timeout-ms: 1000\r\n\r\n", 400);
        yield return OddRequest.Of("x-request-id with a line of its own", Get + "x-request-id: a b<script>\r\n\r\n", 200);
        yield return OddRequest.Of("traceparent of garbage", Get + "traceparent: zz-zz\r\ntraceparent: zz\r\n\r\n", 200);
        yield return OddRequest.Of("x-forwarded-for of garbage", Get + "X-Forwarded-For: ,,;;\"\r\nX-Forwarded-Host: \u00e9\r\n\r\n", 200);
    }

    private static IEnumerable<OddRequest> Cuts()
    {
        const string whole = Post + "Content-Length: 100\r\n\r\n";
        for (var length = 1; length < whole.Length; length += 6)
        {
            yield return OddRequest.Of(
                string.Create(CultureInfo.InvariantCulture, $"cut after {length} bytes"), whole[..length], 0, 400);
        }

        yield return OddRequest.Of("cut before the body", whole, 0, 400, Reached);
        yield return OddRequest.Of("cut in the body", whole + "abc", 0, 400, Reached);
        yield return OddRequest.Of("cut in a chunk's size", Chunked + "1", 0, 400, Reached);
        yield return OddRequest.Of("cut in a chunk", Chunked + "5\r\nab", 0, 400, Reached);
        yield return OddRequest.Of("cut before the last chunk", Chunked + "2\r\nab\r\n", 0, 400, Reached);
        yield return OddRequest.Of("cut in the last chunk", Chunked + "0\r\n", 0, 400, Reached);
    }

    /// <summary>The head was sound and was forwarded, so the function heard of it; its answer, if it had begun, is cut and never whole.</summary>
    public const int Reached = -1;

    /// <summary>Two sound requests: both are answered with 200.</summary>
    public const int Twice = -2;
}
