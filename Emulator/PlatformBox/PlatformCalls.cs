using System.Globalization;
using System.Text;

namespace NoslateFleet.Emulator.PlatformBox;

/// <summary>
/// Requests as the platform sends them: its paths, and its headers on each
/// (https://www.alibabacloud.com/help/doc-detail/425057.htm). The credentials are none.
/// </summary>
internal sealed class PlatformCalls(PlatformVersion version, ulong seed)
{
    /// <summary>The platform's address: a loopback address of its own, which the instances are told to take hooks from.</summary>
    public const string Address = "127.0.0.9";

    public const string FunctionName = "box";

    /// <summary>The size of a piece of a body; small enough for a few of them in most bodies.</summary>
    private const int Piece = 16 * 1024;

    /// <summary>The request's id, in the form of the platform's version.</summary>
    public string IdOf(Life life, ScheduledRequest request) => Id(life, (ulong)request.Number);

    /// <summary>An id for a call that belongs to no request.</summary>
    public string IdOf(Life life, int call) => Id(life, (1UL << 40) + (ulong)call);

    public byte[] Hook(string method, string path, string id) =>
        Encoding.ASCII.GetBytes($"{method} {path} HTTP/1.1\r\n{Common(id, path)}{(method == "POST" ? "Content-Length: 0\r\n" : "")}\r\n");

    /// <summary>The parts of a request, its head first.</summary>
    public IEnumerable<byte[]> Parts(ScheduledRequest request, string id)
    {
        string connection = request.Kept ? "" : "Connection: close\r\n";
        if (request.Kind == RequestKind.Event)
        {
            yield return Encoding.ASCII.GetBytes(
                $"POST /invoke HTTP/1.1\r\n{Common(id, "/invoke")}{connection}x-noslate-target: function|{request.Function}\r\n"
                + $"Content-Type: application/octet-stream\r\nContent-Length: {request.Size}\r\n\r\n");
            yield return new byte[request.Size];
            yield break;
        }

        bool body = request.Kind is RequestKind.Upload or RequestKind.LeaveMidUpload;
        string length = !body ? "" : request.Chunked ? "Transfer-Encoding: chunked\r\n" : $"Content-Length: {request.Size}\r\n";
        yield return Encoding.ASCII.GetBytes(
            $"{(body ? "POST" : "GET")} /invoke/{request.Function}?do={Do(request.Kind)}&n={request.Size} HTTP/1.1\r\n"
            + $"{Common(id, "/http-invoke")}{connection}{length}\r\n");
        if (!body)
            yield break;
        for (int sent = 0; sent < request.Size; sent += Piece)
        {
            var piece = new byte[Math.Min(Piece, request.Size - sent)];
            yield return request.Chunked
                ? [.. Encoding.ASCII.GetBytes($"{piece.Length:x}\r\n"), .. piece, .. "\r\n"u8]
                : piece;
        }

        if (request.Chunked)
            yield return "0\r\n\r\n"u8.ToArray();
    }

    /// <summary>The answer of the function to this request, to the last byte.</summary>
    public static string Answer(ScheduledRequest request, string id) => request.Kind switch
    {
        RequestKind.Stream or RequestKind.LeaveMidResponse =>
            string.Concat(Enumerable.Range(1, request.Size).Select(line => $"line {line} of {request.Size} {id}\n")),
        RequestKind.Upload or RequestKind.Event or RequestKind.LeaveMidUpload => $"{Do(request.Kind)} {request.Size} {id}\n",
        _ => $"{Do(request.Kind)} {id}\n",
    };

    private static string Do(RequestKind kind) => kind switch
    {
        RequestKind.LeaveBeforeHead => "slow",
        RequestKind.LeaveMidResponse => "stream",
        RequestKind.LeaveMidUpload => "upload",
        _ => Words.Of(kind),
    };

    private string Id(Life life, ulong number) => version == PlatformVersion.Fc3
        ? $"1-{(uint)seed:x8}-{(life.Slot << 16) + life.Number:x8}-{number:x12}"
        : $"{(uint)seed:x8}-{life.Slot:x4}-{life.Number:x4}-b0c5-{number:x12}";

    private string Common(string id, string controlPath)
    {
        var head = new StringBuilder("Host: box.example.com\r\n");
        Add("x-fc-request-id", id);
        Add("x-fc-control-path", controlPath);
        Add("x-fc-account-id", "1000000000000001");
        Add("x-fc-region", "cn-hangzhou");
        Add("x-fc-access-key-id", "none");
        Add("x-fc-access-key-secret", "none");
        Add("x-fc-security-token", "none");
        Add("x-fc-function-name", FunctionName);
        Add("x-fc-function-handler", "index.handler");
        Add("x-fc-function-memory", "1024");
        Add("x-fc-qualifier", "LATEST");
        Add("x-fc-version-id", "1");
        Add("x-fc-instance-lifecycle-pre-stop-handler", "true");
        if (version == PlatformVersion.Fc2)
        {
            Add("x-fc-service-name", "box");
            Add("x-fc-function-initializer", "true");
            Add("x-fc-initialization-timeout", HookPaths.LimitOf(HookPaths.Initialize).TotalSeconds.ToString(CultureInfo.InvariantCulture));
            Add("x-fc-instance-lifecycle-pre-freeze-handler", "true");
        }

        return head.ToString();

        void Add(string name, string value) => head.Append(name).Append(": ").Append(value).Append("\r\n");
    }
}
