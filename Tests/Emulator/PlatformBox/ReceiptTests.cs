using NoslateFleet.Emulator.PlatformBox;

namespace NoslateFleet.Tests.Emulator.PlatformBox;

public sealed class ReceiptTests
{
    [Fact]
    public void Receipt_IsRead() => Assert.Equal(
        new Receipt("pre-stop", "c-1", new Counters(6, 1, 2, 3, 0, 0), "Clean", true),
        Client.ReadReceipt(
            """
            { "hook": "pre-stop", "instanceId": "c-1", "boot": "b", "epoch": 2, "accepted": 6, "completed": 1, "failed": 2, "cancelled": 3,
              "abandoned": 0, "inFlight": 0, "steps": [{ "step": "drain", "ms": 3, "outcome": "done" }], "ms": 4, "verdict": "Clean",
              "calledOff": true, "phase": "Stopped" }
            """));

    [Theory]
    [InlineData("")]
    [InlineData("stopped")]
    [InlineData("[]")]
    [InlineData("{}")]
    public void AnythingElse_IsNone(string text) => Assert.Null(Client.ReadReceipt(text));

    [Theory]
    [InlineData("\"pre-stop\"", "1")]
    [InlineData("6,", "\"six\",")]
    [InlineData("\"accepted\"", "\"taken\"")]
    [InlineData("true", "\"yes\"")]
    public void ReceiptWithAFieldThatIsNotWhatItShouldBe_IsNone(string right, string wrong)
    {
        const string Receipt =
            """
            { "hook": "pre-stop", "instanceId": "c-1", "accepted": 6, "completed": 1, "failed": 2, "cancelled": 3, "abandoned": 0,
              "inFlight": 0, "verdict": "Clean", "calledOff": true }
            """;
        Assert.NotNull(Client.ReadReceipt(Receipt));
        Assert.Null(Client.ReadReceipt(Receipt.Replace(right, wrong, StringComparison.Ordinal)));
    }
}
