using System.Globalization;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Forwarding;

/// <summary>What the gateway makes of a function's response head, and how its promise of a length is held.</summary>
public sealed class ResponseHeadTests(SharedGateway shared) : SharedGatewayTests(shared)
{
    private const int HeaderLimit = 4096;

    internal override Task<GatewayUnderTest> StartAsync() => GatewayUnderTest.StartAsync(
        settings: [("Forwarding:MaxResponseHeaderBytes", HeaderLimit.ToString(CultureInfo.InvariantCulture))]);

    [SkippableTheory]
    [InlineData(100)]
    [InlineData(101)]
    [InlineData(199)]
    [InlineData(600)]
    [InlineData(999)]
    public async Task Status_OutsideOf200To599_IsBadResponse(int status) =>
        await RefusedAsync(["head", status], ["end", "x"]);

    [SkippableTheory]
    [InlineData(200)]
    [InlineData(299)]
    [InlineData(500)]
    [InlineData(599)]
    public async Task Status_200To599_Passes(int status)
    {
        var response = await SendAsync(["head", status], ["end", "x"]);
        Assert.Equal((status, "x", true), (response.Status, response.Text, response.Whole));
        Assert.Equal(new Ended(1, 0, 0), await EndedAsync());
    }

    [SkippableTheory]
    [InlineData("bad name", "x")]
    [InlineData("bad:name", "x")]
    [InlineData("naïve", "x")]
    [InlineData("", "x")]
    [InlineData("x-name", "a\r\nx-injected: b")]
    [InlineData("x-name", "a\u0001b")]
    [InlineData("x-name", "a\u007fb")]
    public async Task Header_ThatHttpCantCarry_IsBadResponse(string name, string value) =>
        await RefusedAsync(["head", 200, new Dictionary<string, string> { [name] = value }], ["end", "x"]);

    [SkippableTheory]
    [InlineData("a\tb")]
    [InlineData("naïve 你好")]
    [InlineData("")]
    public async Task HeaderValue_OddButLawful_Passes(string value)
    {
        var response = await SendAsync(["head", 200, new Dictionary<string, string> { ["x-name"] = value }], ["end", "x"]);
        Assert.Equal((200, value), (response.Status, response.Header("x-name")));
    }

    [SkippableFact]
    public async Task Headers_OverTheLimit_IsBadResponse_BelowItPasses()
    {
        // 512 bytes are room for what a worker adds.
        const string name = "x-large";
        const int most = HeaderLimit - 512;
        var response = await SendAsync(["head", 200, new Dictionary<string, string> { [name] = new('v', most) }], ["end", "x"]);
        Assert.Equal((200, most), (response.Status, response.Header(name)!.Length));
        await RefusedAsync(1, ["head", 200, new Dictionary<string, string> { [name] = new('v', HeaderLimit) }], ["end", "x"]);
    }

    [SkippableTheory]
    [InlineData("five")]
    [InlineData("-1")]
    [InlineData("5, 5")]
    [InlineData("")]
    [InlineData("99999999999999999999")]
    public async Task ContentLength_NotANumber_IsBadResponse(string length) =>
        await RefusedAsync(["head", 200, Length(length)], ["end", "12345"]);

    [SkippableFact]
    public async Task ContentLength_TwoThatDiffer_IsBadResponse() =>
        await RefusedAsync(["head", 200, new Dictionary<string, object> { ["content-length"] = new[] { "5", "6" } }], ["end", "12345"]);

    [SkippableFact]
    public async Task ContentLength_TwiceTheSame_IsSentOnce()
    {
        var response = await SendAsync(["head", 200, new Dictionary<string, object> { ["content-length"] = new[] { "5", "5" } }], ["end", "12345"]);
        Assert.Equal((200, "12345"), (response.Status, response.Text));
        Assert.Equal(["5"], response.All("content-length"));
    }

    [SkippableFact]
    public async Task BodyLongerThanItsLength_FoundAfterTheHead_IsCut()
    {
        using var connection = await OpenAsync();
        var go = Flag();
        await connection.SendAsync(Head("", ["head", 200, Length("5")], ["write", "123"], ["await", go], ["end", "456"]));
        Assert.Equal("5", (await connection.ReadHeadAsync()).Header("content-length"));
        Raise(go);
        await CutAsync(connection, 3);
    }

    [SkippableFact]
    public async Task BodyShorterThanItsLength_FoundAfterTheHead_IsCut()
    {
        using var connection = await OpenAsync();
        var go = Flag();
        await connection.SendAsync(Head("", ["head", 200, Length("5")], ["write", "123"], ["await", go], ["end"]));
        Assert.Equal("5", (await connection.ReadHeadAsync()).Header("content-length"));
        Raise(go);
        await CutAsync(connection, 3);
    }

    [SkippableFact]
    public async Task BodyShorterThanItsLength_NothingSent_IsBadResponse_OrCut()
    {
        // Head, body and end come from the worker one by one: what the client has seen by then is not for the function to say.
        var response = await SendAsync(["head", 200, Length("5")], ["end", "123"]);
        Assert.False(response.Status == 200 && response.Whole);
        Assert.Equal(new Ended(0, 1, 0), await EndedAsync());
    }

    [SkippableFact]
    public async Task BodyLongerThanItsLength_InOneWrite_IsBadResponse_OrCut()
    {
        try
        {
            var response = await SendAsync(["head", 200, Length("5")], ["end", "123456"]);
            Assert.False(response.Status == 200 && response.Whole);
        }
        catch (EndOfStreamException)
        {
            // Cut by a reset, which also takes the head that had come and was not read yet.
        }

        Assert.Equal(new Ended(0, 1, 0), await EndedAsync());
    }

    [SkippableFact]
    public async Task HeadRequest_KeepsTheFunctionsLength_DropsItsBytes_ConnectionGoesOn()
    {
        using var connection = await OpenAsync();
        await connection.SendAsync(HeadFor("HEAD", "script", "", ["head", 200, Length("5")], ["end", "12345"]));
        Assert.Equal("5", (await connection.ReadHeadAsync()).Header("content-length"));
        await GoesOnAsync(connection);
    }

    [SkippableTheory]
    [InlineData("GET", 204)]
    [InlineData("GET", 205)]
    [InlineData("GET", 304)]
    [InlineData("HEAD", 200)]
    [InlineData("HEAD", 404)]
    [InlineData("POST", 204)]
    public async Task Bodyless_BytesAreDropped_ConnectionGoesOn(string method, int status)
    {
        using var connection = await OpenAsync();
        await connection.SendAsync(HeadFor(method, "script", "Content-Length: 0\r\n", ["head", status], ["bytes", 100_000], ["end", "and more"]));
        var response = await connection.ReadHeadAsync();
        Assert.Equal(status, response.Status);

        // By the rules of HTTP/1.1 a 205 without a length would last until the connection's end.
        Assert.Equal(status == 205 ? "0" : null, response.Header("content-length"));
        Assert.Null(response.Header("transfer-encoding"));
        await GoesOnAsync(connection);
    }

    [SkippableTheory]
    [InlineData(204)]
    [InlineData(205)]
    public async Task BodylessWithALength_LengthIsDropped_ConnectionGoesOn(int status)
    {
        using var connection = await OpenAsync();
        await connection.SendAsync(Head("", ["head", status, Length("5")], ["end", "12345"]));
        var response = await connection.ReadHeadAsync();
        Assert.Equal(status == 205 ? "0" : null, response.Header("content-length"));
        await GoesOnAsync(connection);
    }

    private static Dictionary<string, string> Length(string value) => new() { ["content-length"] = value };

    private async Task GoesOnAsync(RawConnection connection)
    {
        await connection.SendAsync(Head("", ["head", 200], ["end", "next"]));
        Assert.Equal("next", (await connection.ReadAsync()).Text);
        Assert.Equal(new Ended(2, 0, 0), await EndedAsync());
    }

    private async Task CutAsync(RawConnection connection, int most)
    {
        var seen = 0;
        while (await connection.ReadByteAsync() is not null)
        {
            seen++;
        }

        Assert.InRange(seen, 0, most);
        Assert.Equal(new Ended(0, 1, 0), await EndedAsync());
    }

    private Task RefusedAsync(params object[][] steps) => RefusedAsync(0, steps);

    private async Task RefusedAsync(int completedBefore, params object[][] steps)
    {
        using var connection = await OpenAsync();
        await connection.SendAsync(Head("", steps));
        var response = await connection.ReadAsync();
        Assert.Equal("502 worker bad-response yes", ProblemSeen.Of(response).ToString());
        Assert.DoesNotContain("injected", string.Join('\n', response.Headers), StringComparison.Ordinal);
        Assert.Equal(new Ended(completedBefore, 1, 0), await EndedAsync());

        // Nothing is wrong with the connection.
        await connection.SendAsync(Head("", ["head", 200], ["end", "next"]));
        Assert.Equal("next", (await connection.ReadAsync()).Text);
    }

    private Task<RawResponse> SendAsync(params object[][] steps) =>
        Gateway.RawAsync(Head("", steps));
}
