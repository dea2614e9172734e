using Microsoft.AspNetCore.Http;
using NoslateFleet.Gateway.Forwarding;
using NoslateFleet.Gateway.Platform;

namespace NoslateFleet.Tests.Gateway.Forwarding;

public sealed class ResponseHeaderRulesTests
{
    private readonly HeaderDictionary _headers = new() { ["x-request-id"] = "ours" };

    private string? Apply(PlatformMode mode, int status, params (string Name, string Value)[] received) =>
        new ResponseHeaderRules(new ForwardingOptions { MaxResponseHeaderBytes = 1000 }, mode)
            .Apply(status, [.. received.Select(r => KeyValuePair.Create(r.Name, r.Value))], _headers);

    [Theory]
    [InlineData(199)]
    [InlineData(600)]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(100)]
    [InlineData(101)]
    public void Status_OutOfRange_IsUnfit(int status) => Assert.Contains("must be from 200 to 599", Apply(PlatformMode.Open, status), StringComparison.Ordinal);

    [Theory]
    [InlineData("", "v")]
    [InlineData("a b", "v")]
    [InlineData("a:b", "v")]
    [InlineData("ä", "v")]
    [InlineData("a\r\nb", "v")]
    [InlineData("a", "v\r\nb: c")]
    [InlineData("a", "v\0")]
    [InlineData("a", "\u007f")]
    public void Header_ThatHttpCannotCarry_IsUnfit(string name, string value)
    {
        Assert.NotNull(Apply(PlatformMode.Open, 200, (name, value)));
        Assert.Single(_headers);
    }

    [Theory]
    [InlineData("abc")]
    [InlineData("-1")]
    [InlineData("1.0")]
    [InlineData("")]
    [InlineData("99999999999999999999")]
    public void ContentLength_NotAWholeNumber_IsUnfit(string value) => Assert.NotNull(Apply(PlatformMode.Open, 200, ("Content-Length", value)));

    [Fact]
    public void ContentLength_TwoThatDiffer_IsUnfit_TwoTheSameAreOne()
    {
        Assert.NotNull(Apply(PlatformMode.Open, 200, ("content-length", "1"), ("Content-Length", "2")));
        Assert.Null(Apply(PlatformMode.Open, 200, ("content-length", "2"), ("Content-Length", "2")));
        Assert.Equal(2, _headers.ContentLength);
    }

    [Fact]
    public void Headers_OverTheLimit_IsUnfit()
    {
        Assert.Contains("the limit is 1000", Apply(PlatformMode.Open, 200, ("a", new string('v', 1000))), StringComparison.Ordinal);
        Assert.Null(Apply(PlatformMode.Open, 200, ("a", new string('v', 995))));
    }

    [Fact]
    public void RepeatedEmptyAndUtf8Values_AreKeptInOrder()
    {
        Assert.Null(Apply(PlatformMode.Open, 200, ("Set-Cookie", "a=1"), ("X-Empty", ""), ("set-cookie", "b=2"), ("x-utf8", "你好 é")));
        Assert.Equal("a=1 | b=2", string.Join(" | ", _headers["set-cookie"].ToArray()));
        Assert.Equal("", _headers["x-empty"].ToString());
        Assert.Equal("你好 é", _headers["x-utf8"].ToString());
    }

    [Fact]
    public void HopByHopAndWhatConnectionNames_Go()
    {
        Apply(
            PlatformMode.Open, 200, ("Connection", "close, X-Own"), ("x-own", "1"), ("Keep-Alive", "5"), ("Transfer-Encoding", "chunked"), ("Upgrade", "x"),
            ("Trailer", "t"), ("x-kept", "1"));
        Assert.Equal(["x-kept", "x-request-id"], _headers.Keys.Order());
    }

    [Fact]
    public void OurOwnWords_CannotBeSetByAFunction()
    {
        Apply(PlatformMode.Open, 200, ("X-Request-Id", "theirs"), ("x-noslate-executed", "never"), ("x-noslate-reason", "r"), ("X-Noslate-Component", "c"));
        Assert.Equal("ours", _headers["x-request-id"].ToString());
        Assert.Single(_headers);
    }

    [Fact]
    public void PlatformBans_ApplyInFunctionComputeOnly()
    {
        (string, string)[] received =
        [
            ("x-fc-status", "200"), ("content-length", "0"), ("date", "d"), ("server", "s"), ("Content-Disposition", "Attachment; filename=a"), ("x-kept", "1"),
        ];
        Apply(PlatformMode.FunctionCompute, 200, received);
        Assert.Equal(["x-kept", "x-request-id"], _headers.Keys.Order());
        Apply(PlatformMode.Open, 200, received);
        Assert.Equal(["Content-Disposition", "Content-Length", "date", "server", "x-fc-status", "x-kept", "x-request-id"], _headers.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void ContentDispositionInline_PassesInFunctionCompute()
    {
        Apply(PlatformMode.FunctionCompute, 200, ("Content-Disposition", "inline"));
        Assert.Equal("inline", _headers["content-disposition"].ToString());
    }

    [Theory]
    [InlineData(204)]
    [InlineData(205)]
    public void ContentLength_OfABodylessStatus_Goes(int status)
    {
        Assert.Null(Apply(PlatformMode.Open, status, ("content-length", "5")));
        Assert.Null(_headers.ContentLength);
    }

    [Fact]
    public void ContentLength_Of304_IsKept()
    {
        Apply(PlatformMode.Open, 304, ("content-length", "5"));
        Assert.Equal(5, _headers.ContentLength);
    }
}
