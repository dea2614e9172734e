using FsCheck;
using FsCheck.Fluent;
using NoslateFleet.Gateway.Requests;

namespace NoslateFleet.Tests.Gateway.Requests;

public sealed class RawTargetTests
{
    [Theory]
    [InlineData("/", "/")]
    [InlineData("/a?b=c", "/a?b=c")]
    [InlineData("/a//b/../c%2Fd?x=%20&y", "/a//b/../c%2Fd?x=%20&y")]
    [InlineData("*", "*")]
    [InlineData("http://example.com/a?b", "/a?b")]
    [InlineData("http://example.com", "/")]
    [InlineData("http://example.com?q=1", "/?q=1")]
    [InlineData("HTTPS://example.com:8443/x", "/x")]
    [InlineData("", "/")]
    public void PathAndQuery_IsAsReceived_AbsoluteFormReduced(string raw, string expected) =>
        Assert.Equal(expected, RawTarget.PathAndQuery(raw));

    [Theory]
    [InlineData("/invoke/hello", "hello", "/")]
    [InlineData("/invoke/hello/", "hello", "/")]
    [InlineData("/invoke/hello?q=1", "hello", "/?q=1")]
    [InlineData("/invoke/hello/a/b?q=1", "hello", "/a/b?q=1")]
    [InlineData("/invoke/hello/a%2Fb/../c", "hello", "/a%2Fb/../c")]
    [InlineData("/invoke/hello//x", "hello", "//x")]
    [InlineData("/invoke/my%20fn/x", "my fn", "/x")]
    [InlineData("/invoke/%E4%BD%A0%E5%A5%BD", "你好", "/")]
    public void TrySplitInvoke_NameInPath_SplitsAndKeepsTheRest(string pathAndQuery, string name, string rest)
    {
        Assert.True(RawTarget.TrySplitInvoke(pathAndQuery, out var foundName, out var foundRest));
        Assert.Equal((name, rest), (foundName, foundRest));
    }

    [Theory]
    [InlineData("/invoke")]
    [InlineData("/invoke/")]
    [InlineData("/invoke//x")]
    [InlineData("/invoke/?q")]
    [InlineData("/Invoke/hello")]
    [InlineData("/invoke/../hello")]
    [InlineData("/invoke/./hello")]
    [InlineData("/invoke/%2e%2e/hello")]
    [InlineData("/invoke/a%2Fb")]
    [InlineData("/invoke/a%00b")]
    [InlineData("/invoke/a%zzb")]
    [InlineData("/invoke/a%f")]
    [InlineData("/invoke/%ff")]
    [InlineData("/x/invoke/hello")]
    public void TrySplitInvoke_NoNameThere_Refuses(string pathAndQuery) =>
        Assert.False(RawTarget.TrySplitInvoke(pathAndQuery, out _, out _));

    [Theory]
    [InlineData("/a/b?c", "/a/b")]
    [InlineData("/a%20b", "/a b")]
    [InlineData("/%61pi/x", "/api/x")]
    [InlineData("/a/...", "/a/...")]
    [InlineData("/a%252e%252e/b", "/a%2e%2e/b")]
    [InlineData("/a/../b", null)]
    [InlineData("/a/.", null)]
    [InlineData("/a/%2E%2e/b", null)]
    [InlineData("/a%2Fb", null)]
    [InlineData("/a%2fb", null)]
    [InlineData("/a%", null)]
    [InlineData("/a%ff", null)]
    [InlineData("*", null)]
    public void DecodedPath_UnsafeOrBroken_IsNull(string pathAndQuery, string? expected) =>
        Assert.Equal(expected, RawTarget.DecodedPath(pathAndQuery));

    [Fact]
    public void DecodedPath_AnyText_NeverThrowsAndNeverHasADotSegment() =>
        Prop.ForAll(ArbMap.Default.ArbFor<NonNull<string>>(), text =>
        {
            var path = RawTarget.DecodedPath("/" + text.Get);
            RawTarget.TrySplitInvoke("/invoke/" + text.Get, out var name, out _);
            return (path is null || !path.Split('/').Any(s => s is "." or "..")) && name is not ("." or "..");
        }).QuickCheckThrowOnFailure();
}
