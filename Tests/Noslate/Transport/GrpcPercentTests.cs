using NoslateFleet.Noslate.Transport;

namespace NoslateFleet.Tests.Noslate.Transport;

public sealed class GrpcPercentTests
{
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("a%20b", "a b")]
    [InlineData("%E4%BD%A0%e5%a5%bd", "你好")]
    [InlineData("100%", "100%")]
    [InlineData("%4", "%4")]
    [InlineData("%zz", "%zz")]
    [InlineData("% 1", "% 1")]
    [InlineData("%FF", "\uFFFD")]
    public void Text_IsDecodedAndBrokenEscapesStay(string encoded, string expected) => Assert.Equal(expected, GrpcPercent.Decode(encoded));
}
