using FsCheck;
using FsCheck.Fluent;
using NoslateFleet.Grains.Placement;

namespace NoslateFleet.Tests.Grains.Placement;

public sealed class GrainKeysTests
{
    [Theory]
    [InlineData("pod-1", "hello", "pod-1/hello")]
    [InlineData("c-64ab/1", "a/b", "c-64ab%2F1/a%2Fb")]
    [InlineData("100%", "%2F", "100%25/%252F")]
    [InlineData("i", "(other)", "i/%28other%29")]
    [InlineData("i", "函数", "i/%u51FD%u6570")]
    [InlineData("i", " \n", "i/%20%0A")]
    public void Key_IsReadBack(string instance, string function, string key)
    {
        Assert.Equal(key, GrainKeys.OfFunction(instance, function));
        Assert.True(GrainKeys.TryParse(key, out var readInstance, out var readFunction));
        Assert.Equal((instance, function), (readInstance, readFunction));
        Assert.True(GrainKeys.TryParse(GrainKeys.OfInstance(instance), out readInstance, out readFunction));
        Assert.Equal((instance, null), (readInstance, readFunction));
    }

    /// <summary>Any UTF-16 unit, half a surrogate pair included.</summary>
    [Fact]
    public void AnyNames_AreReadBack() => Prop.ForAll(
        Gen.Choose(0, 0xFFFF).Select(static unit => (char)unit).NonEmptyListOf().Select(static units => new string([.. units])).Two().ToArbitrary(),
        static names =>
        {
            Assert.True(GrainKeys.TryParse(GrainKeys.OfFunction(names.Item1, names.Item2), out var instance, out var function));
            Assert.Equal((names.Item1, names.Item2), (instance, function));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(500));

    /// <summary>One way of writing each name: two keys never mean the same grain.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("/f")]
    [InlineData("i/")]
    [InlineData("i/f/g")]
    [InlineData("i f")]
    [InlineData("%2f")]
    [InlineData("%41")]
    [InlineData("%u0041")]
    [InlineData("%u51fd")]
    [InlineData("%2")]
    [InlineData("%u51F")]
    [InlineData("%+F")]
    [InlineData("函")]
    public void NoKeyOfOurs_IsNotRead(string? key) => Assert.False(GrainKeys.TryParse(key, out _, out _));

    [Fact]
    public void EmptyName_IsRefused()
    {
        Assert.Throws<ArgumentException>("instance", () => GrainKeys.OfInstance(""));
        Assert.Throws<ArgumentException>("function", () => GrainKeys.OfFunction("i", ""));
    }
}
