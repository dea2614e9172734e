using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using NoslateFleet.Noslate.Transport;

namespace NoslateFleet.Tests.Noslate.Transport;

public sealed class GrpcTimeoutTests
{
    [Theory]
    [InlineData(0, "0n")]
    [InlineData(-1, "0n")]
    [InlineData(1, "1u")]
    [InlineData(10, "1u")]
    [InlineData(11, "2u")]
    [InlineData(50_000_000, "5000000u")]
    [InlineData(1_000_000_000, "100000m")]
    [InlineData(36_000_000_000, "3600000m")]
    [InlineData(9_223_372_036_854_775_807, "99999999H")]
    public void Ticks_AreWrittenInTheFinestUnitThatFits(long ticks, string expected) =>
        Assert.Equal(expected, GrpcTimeout.Encode(TimeSpan.FromTicks(ticks)));

    [Fact]
    public void AnyTimeout_HasAtMostEightDigitsAndIsNeverShorter() =>
        Prop.ForAll(ArbMap.Default.ArbFor<long>(), ticks =>
        {
            var timeout = TimeSpan.FromTicks(Math.Abs(ticks % (99_999_999 * TimeSpan.TicksPerHour)));
            string text = GrpcTimeout.Encode(timeout);
            long value = long.Parse(text[..^1], CultureInfo.InvariantCulture);
            TimeSpan read = text[^1] switch
            {
                'n' => TimeSpan.Zero,
                'u' => TimeSpan.FromMicroseconds(value),
                'm' => TimeSpan.FromMilliseconds(value),
                'S' => TimeSpan.FromSeconds(value),
                'M' => TimeSpan.FromMinutes(value),
                _ => TimeSpan.FromHours(value),
            };
            return text.Length <= 9 && read >= timeout;
        }).QuickCheckThrowOnFailure();
}
