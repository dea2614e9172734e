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
    [InlineData("""{ "hook": 1, "instanceId": "c-1", "accepted": 6, "completed": 1, "failed": 2, "cancelled": 3, "abandoned": 0, "inFlight": 0, "verdict": "Clean", "calledOff": true }""")]
    [InlineData("""{ "hook": "pre-stop", "instanceId": "c-1", "accepted": "x", "completed": 1, "failed": 2, "cancelled": 3, "abandoned": 0, "inFlight": 0, "verdict": "Clean", "calledOff": true }""")]
    [InlineData("""{ "hook": "pre-stop", "instanceId": "c-1", "completed": 1, "failed": 2, "cancelled": 3, "abandoned": 0, "inFlight": 0, "verdict": "Clean", "calledOff": true }""")]
    public void AnythingElse_IsNone(string text) => Assert.Null(Client.ReadReceipt(text));
}
