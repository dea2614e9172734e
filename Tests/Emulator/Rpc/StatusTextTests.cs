using NoslateFleet.Emulator.Rpc;

namespace NoslateFleet.Tests.Emulator.Rpc;

public sealed class StatusTextTests
{
    [Theory]
    [InlineData("plain [text]", "plain [text]")]
    [InlineData("100%", "100%25")]
    [InlineData("ü\n", "%C3%BC%0A")]
    public void Encode_EscapesWhatTheWireCannotHold(string message, string expected) => Assert.Equal(expected, StatusText.Encode(message));

    [Theory]
    [InlineData("1H", 3_600_000)]
    [InlineData("2M", 120_000)]
    [InlineData("3S", 3000)]
    [InlineData("400m", 400)]
    [InlineData("5000u", 5)]
    [InlineData("6000000n", 6)]
    [InlineData("99999999H", 99999999.0 * 3_600_000)]
    public void Timeout_ReadsEveryUnit(string text, double expected)
    {
        Assert.True(StatusText.TryReadTimeout(text, out TimeSpan timeout));
        Assert.Equal(expected, timeout.TotalMilliseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("S")]
    [InlineData("1")]
    [InlineData("1s")]
    [InlineData("-1S")]
    [InlineData("123456789S")]
    public void Timeout_RefusesTheRest(string text) => Assert.False(StatusText.TryReadTimeout(text, out _));
}
