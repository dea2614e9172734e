using Microsoft.AspNetCore.Http;
using NoslateFleet.Gateway.Requests;

namespace NoslateFleet.Tests.Gateway.Requests;

public sealed class RequestIdsTests
{
    private static HeaderDictionary Headers(string? platform, params string[] callers)
    {
        var headers = new HeaderDictionary();
        if (platform is not null)
        {
            headers["x-fc-request-id"] = platform;
        }

        if (callers.Length > 0)
        {
            headers["x-request-id"] = callers;
        }

        return headers;
    }

    [Fact]
    public void PlatformBelieved_ItsIdWins() => Assert.Equal("1-67a5-9", RequestIds.Of(Headers("1-67a5-9", "mine"), believePlatform: true));

    [Fact]
    public void PlatformNotBelieved_CallersIdIsTaken() => Assert.Equal("mine", RequestIds.Of(Headers("1-67a5-9", "mine"), believePlatform: false));

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("a/b")]
    [InlineData("<script>")]
    [InlineData("é")]
    public void UnfitId_IsReplaced(string id)
    {
        var made = RequestIds.Of(Headers(null, id), believePlatform: false);
        Assert.Matches("^[0-9a-f]{32}$", made);
    }

    [Fact]
    public void LengthOf128_IsTaken_129IsReplaced()
    {
        var longest = new string('a', 128);
        Assert.Equal(longest, RequestIds.Of(Headers(null, longest), false));
        Assert.NotEqual(longest + "a", RequestIds.Of(Headers(null, longest + "a"), false));
    }

    [Fact]
    public void TwoIds_AreReplaced() => Assert.Matches("^[0-9a-f]{32}$", RequestIds.Of(Headers(null, "a", "b"), false));

    [Fact]
    public async Task None_EachRequestGetsItsOwn_OnEachThread()
    {
        const int Each = 1000;
        var made = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Factory.StartNew(
            static () => Enumerable.Range(0, Each).Select(_ => RequestIds.Of(Headers(null), false)).ToList(),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)));
        Assert.Equal(4 * Each, made.SelectMany(ids => ids).Distinct().Count());
    }
}
