using Microsoft.AspNetCore.Http;
using NoslateFleet.Gateway.Forwarding;
using NoslateFleet.Gateway.Platform;

namespace NoslateFleet.Tests.Gateway.Forwarding;

public sealed class DeadlinesTests
{
    private static Deadline? Find(PlatformMode mode, string? platform = null, string? wish = null, TimeSpan? route = null)
    {
        var headers = new HeaderDictionary();
        if (platform is not null)
        {
            headers["x-fc-function-timeout"] = platform;
        }

        if (wish is not null)
        {
            headers["x-noslate-timeout-ms"] = wish.Split(',');
        }

        return new Deadlines(new ForwardingOptions(), mode).TryFind(headers, route, out var deadline) ? deadline : null;
    }

    [Fact]
    public void Open_ConfiguredTimeout_AndNoTotal() => Assert.Equal(new Deadline(TimeSpan.FromSeconds(60), null), Find(PlatformMode.Open));

    [Fact]
    public void Open_PlatformHeader_HasNoEffect() => Assert.Equal(new Deadline(TimeSpan.FromSeconds(60), null), Find(PlatformMode.Open, platform: "3"));

    [Fact]
    public void FunctionCompute_PlatformTimeoutLessMargin_ForHeadAndTotal() =>
        Assert.Equal(new Deadline(TimeSpan.FromSeconds(599.5), TimeSpan.FromSeconds(599.5)), Find(PlatformMode.FunctionCompute, platform: "600"));

    [Fact]
    public void FunctionCompute_VeryShortTimeout_KeepsHalfOfIt() =>
        Assert.Equal(TimeSpan.FromSeconds(0.5), Find(PlatformMode.FunctionCompute, platform: "1")!.Value.Head);

    [Theory]
    [InlineData("")]
    [InlineData("abc")]
    [InlineData("-1")]
    [InlineData("0")]
    [InlineData("1e9")]
    public void FunctionCompute_UnreadablePlatformTimeout_FallsBackToTheConfigured(string value) =>
        Assert.Equal(new Deadline(TimeSpan.FromSeconds(60), null), Find(PlatformMode.FunctionCompute, platform: value));

    [Fact]
    public void Wish_Lower_Lowers() => Assert.Equal(TimeSpan.FromMilliseconds(250), Find(PlatformMode.Open, wish: "250")!.Value.Head);

    [Fact]
    public void Wish_Higher_DoesNotRaise() => Assert.Equal(TimeSpan.FromSeconds(60), Find(PlatformMode.Open, wish: "999999999999")!.Value.Head);

    [Fact]
    public void Route_HasItsOwn_AndAWishStaysBelow()
    {
        Assert.Equal(TimeSpan.FromMinutes(5), Find(PlatformMode.Open, route: TimeSpan.FromMinutes(5))!.Value.Head);
        Assert.Equal(TimeSpan.FromSeconds(1), Find(PlatformMode.Open, wish: "1000", route: TimeSpan.FromMinutes(5))!.Value.Head);
    }

    [Fact]
    public void FunctionCompute_RouteCannotOutliveThePlatform() =>
        Assert.Equal(TimeSpan.FromSeconds(9.5), Find(PlatformMode.FunctionCompute, platform: "10", route: TimeSpan.FromMinutes(5))!.Value.Head);

    [Theory]
    [InlineData("0")]
    [InlineData("-5")]
    [InlineData("1.5")]
    [InlineData("soon")]
    [InlineData("99999999999999999999")]
    [InlineData("100,200")]
    public void Wish_NotUnderstood_IsRefused(string wish) => Assert.Null(Find(PlatformMode.Open, wish: wish));
}
