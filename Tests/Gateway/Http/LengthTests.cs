using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Emulator.Node;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Http;

/// <summary>Where a request's body ends is said in one way only: any other is refused, never forwarded, and accepted by nobody.</summary>
public sealed class LengthTests : IAsyncLifetime
{
    private const string Post = "POST /invoke/echo HTTP/1.1\r\nHost: t\r\n";
    private const string Hidden = "GET /invoke/echo HTTP/1.1\r\nHost: hidden\r\n\r\n";

    private GatewayUnderTest _gateway = null!;

    public async Task InitializeAsync() => _gateway = await GatewayUnderTest.StartAsync(
        functions: [], node: directory => new EmulatorOptions { Workdir = directory, BuiltInEcho = true });

    public async Task DisposeAsync()
    {
        if (_gateway is not null)
        {
            await _gateway.DisposeAsync();
        }
    }

    [SkippableTheory]
    [InlineData("+3")]
    [InlineData("-3")]
    [InlineData("-0")]
    [InlineData("+0")]
    [InlineData("3\0")]
    [InlineData("3 3")]
    [InlineData("3, 3")]
    [InlineData("3,")]
    [InlineData("0x3")]
    [InlineData("3.0")]
    [InlineData("")]
    [InlineData("\u0663")]
    [InlineData("9223372036854775808")]
    [InlineData("000000000000000000000000000000000003")]
    [InlineData("99999999999999999999999999999999999999999999")]
    public async Task ContentLength_OfAnythingButDigits_IsRefused(string length) =>
        await RefusedAsync(Post + $"Content-Length: {length}\r\n\r\nabc" + Hidden, 400);

    [SkippableTheory]
    [InlineData("3", "3")]
    [InlineData("3", "4")]
    [InlineData("", "3")]
    public async Task ContentLength_Twice_IsRefused(string first, string second) =>
        await RefusedAsync(Post + $"Content-Length: {first}\r\nContent-Length: {second}\r\n\r\nabc" + Hidden, 400);

    [SkippableTheory]
    [InlineData("gzip, chunked", "501 gateway coding-not-supported never")]
    [InlineData("identity,chunked", "501 gateway coding-not-supported never")]
    [InlineData("x\r\nTransfer-Encoding: chunked", "501 gateway coding-not-supported never")]
    [InlineData("chunked, chunked", "400 gateway ambiguous-request never")]
    [InlineData("chunked\r\nTransfer-Encoding: chunked", "400 gateway ambiguous-request never")]
    [InlineData(", chunked", "400 gateway ambiguous-request never")]
    [InlineData("gzip, , chunked", "400 gateway ambiguous-request never")]
    [InlineData("chunked\r\nContent-Length: 5", "400 gateway ambiguous-request never")]
    public async Task TransferEncoding_ThatIsNotChunkedOnce_IsRefused_WithAProblem(string coding, string problem) =>
        Assert.Equal(problem, ProblemSeen.Of(await RefusedAsync(Post + $"Transfer-Encoding: {coding}\r\n\r\n0\r\n\r\n" + Hidden, null)).ToString());

    [SkippableTheory]
    [InlineData("identity")]
    [InlineData("gzip")]
    [InlineData("chunked, gzip")]
    [InlineData("chunked, identity")]
    [InlineData("chunked\r\nTransfer-Encoding: x")]
    public async Task TransferEncoding_ThatDoesNotEndChunked_IsRefused(string coding) =>
        await RefusedAsync(Post + $"Transfer-Encoding: {coding}\r\n\r\n0\r\n\r\n" + Hidden, 400);

    [SkippableFact]
    public async Task TransferEncoding_OfHttp10_IsRefused() => Assert.Equal(
        "400 gateway ambiguous-request never",
        ProblemSeen.Of(await RefusedAsync("POST /invoke/echo HTTP/1.0\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", null)).ToString());

    [SkippableTheory]
    [InlineData("POST /invoke/echo HTTP/1.1\nHost: t\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("POST /invoke/echo HTTP/1.1\r\nHost: t\nContent-Length: 0\r\n\r\n")]
    [InlineData("POST /invoke/echo HTTP/1.1\r\nHost: t\r\nContent-Length: 0\n\r\n")]
    [InlineData("POST /invoke/echo HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\n")]
    [InlineData("POST /invoke/echo HTTP/1.1\r\nHost: t\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    public async Task LineOfTheHead_ThatEndsWithoutCr_IsRefused(string request) => await RefusedAsync(request + Hidden, 400);

    [SkippableFact]
    public async Task AdminPort_IsAsStrictAboutLines()
    {
        using var connection = await RawConnection.OpenAsync(_gateway.AdminPort);
        await connection.SendAsync("GET /healthz HTTP/1.1\nHost: t\r\n\r\n");
        Assert.Equal(400, (await connection.ReadAsync()).Status);
    }

    [SkippableTheory]
    [InlineData("Content-Length: 3\r\n\r\nabc")]
    [InlineData("Content-Length: 0003\r\n\r\nabc")]
    [InlineData("Content-Length: \t 3 \t\r\n\r\nabc")]
    [InlineData("content-length:3\r\n\r\nabc")]
    [InlineData("Transfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")]
    [InlineData("TRANSFER-ENCODING:chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")]
    public async Task SoundLength_IsServed(string rest)
    {
        var answer = await _gateway.RawAsync(Post + rest);
        Assert.Equal((200, "abc"), (answer.Status, answer.Text));
    }

    [SkippableTheory]
    [InlineData("+3")]
    [InlineData("3\0")]
    [InlineData("000000000000000000000000000000000003")]
    public async Task Http2_ContentLength_OfAnythingButDigits_IsRefused(string length)
    {
        await using var gateway = await GatewayUnderTest.StartAsync(
            functions: [],
            settings: [("Platform:Http2Port", "0")],
            node: directory => new EmulatorOptions { Workdir = directory, BuiltInEcho = true });
        using var client = await Http2Client.OpenAsync(gateway.Http2Port);
        var stream = await client.BeginAsync("POST", "/invoke/echo", end: false, ("content-length", length));
        var answer = await client.ReadAsync(stream);
        Assert.True(answer is { Status: 400 } or { Status: 0, End: Http2End.Reset or Http2End.Closed }, answer.ToString());
        Assert.Equal(0, gateway.Node!.GetStats()["echo"].Dispatched);
    }

    private async Task<RawResponse> RefusedAsync(string bytes, int? status)
    {
        using var connection = await RawConnection.OpenAsync(_gateway.Port);
        await connection.SendAsync(System.Text.Encoding.Latin1.GetBytes(bytes));
        var answer = await connection.ReadAsync();
        if (status is not null)
        {
            Assert.Equal(status, answer.Status);
        }

        // Nothing that is hidden behind it is served, nor was it.
        Assert.Equal("close", answer.Header("connection"));
        Assert.True(await connection.IsClosedAsync());
        Assert.Equal(new LedgerSnapshot(0, 0, 0, 0, 0, 0), await _gateway.SettledAsync());
        Assert.Equal(0, _gateway.Node!.GetStats()["echo"].Dispatched);
        return answer;
    }
}
