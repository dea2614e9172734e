using FsCheck;
using FsCheck.Fluent;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Coordination.Lifecycle;

namespace NoslateFleet.Tests.Coordination.Fleet;

/// <summary>Whatever orders come, in whatever order, for whom and for how long: those that hold are carried out, once, and no others.</summary>
public sealed class OrderFencingPropertyTests
{
    private const string Life = "life-1";

    private static readonly TimeSpan _unit = TimeSpan.FromMinutes(10);
    private static readonly string?[] _lives = [Life, Life, null, "life-0"];

    [Fact]
    public void Orders_AreFencedByIdExpiryAndLife() =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ListOf(12).ToArbitrary(), steps => RunAsync(steps).GetAwaiter().GetResult())
            .Check(Config.QuickThrowOnFailure.WithMaxTest(60));

    private static async Task RunAsync(IEnumerable<int> steps)
    {
        using var instance = await InstanceUnderTest.ReadyAsync();
        var clock = instance.Clock;
        var directory = new InMemoryFleetDirectory(clock, new FleetOptions { KeptOrders = 1000 });
        var orders = new AbsentableDirectory(directory);
        var flushes = 0;
        var means = new OrderMeans(_ => Task.FromResult(Interlocked.Increment(ref flushes)), static _ => "{}", static () => { });
        await using var runner = new OrderRunner(orders, directory, instance.Life, Life, means, clock);
        runner.Start();

        // What an instance must make of them, by the rules alone.
        DateTimeOffset? drainedUntil = null;
        var done = 0;
        var expectedFlushes = 0;
        foreach (var step in steps)
        {
            var random = new Random(step);
            var now = clock.GetUtcNow();
            var life = _lives[random.Next(_lives.Length)];
            var kind = (FleetOrderKind)random.Next(4);
            var expiry = (random.Next(4) - 1) * _unit;
            switch (random.Next(5))
            {
                case 0:
                    clock.Advance(_unit);
                    if (drainedUntil <= clock.GetUtcNow())
                    {
                        drainedUntil = null;
                        await Until.TrueAsync(() => instance.Phase == InstancePhase.Ready, "an expired drain was not undone");
                    }

                    break;
                case 1:
                    // A result may be lost on its way: it comes later, and nothing is done twice.
                    orders.LosesResults = true;
                    goto default;
                default:
                    var order = new FleetOrder("o" + done++, "i-1", life, kind, "tests", now, now + expiry);
                    var asked = orders.Asked;
                    await directory.PlaceAsync(order, default);
                    await directory.PlaceAsync(order with { Kind = FleetOrderKind.Flush }, default);
                    if (orders.LosesResults)
                    {
                        // Once for the list, once for the result.
                        await Until.TrueAsync(() => orders.Asked >= asked + 2, "no result was sent");
                        orders.LosesResults = false;
                        runner.Look();
                    }

                    var outcome = await OutcomeAsync(directory, order.Id);
                    FleetOrderOutcome expected;
                    if (life is not null and not Life)
                    {
                        expected = FleetOrderOutcome.Refused;
                    }
                    else if (expiry <= TimeSpan.Zero)
                    {
                        expected = FleetOrderOutcome.Expired;
                    }
                    else if (kind == FleetOrderKind.Drain)
                    {
                        expected = FleetOrderOutcome.Done;
                        drainedUntil = now + expiry;
                    }
                    else if (kind == FleetOrderKind.Undrain)
                    {
                        expected = drainedUntil is null ? FleetOrderOutcome.Refused : FleetOrderOutcome.Done;
                        drainedUntil = null;
                    }
                    else if (kind == FleetOrderKind.Flush)
                    {
                        expected = FleetOrderOutcome.Done;
                        expectedFlushes++;
                    }
                    else
                    {
                        expected = FleetOrderOutcome.Refused;
                    }

                    Assert.Equal((order.Id, kind, life, expected), (order.Id, kind, life, outcome));
                    break;
            }

            Assert.Equal(drainedUntil is null ? InstancePhase.Ready : InstancePhase.Stopped, instance.Phase);
            Assert.Equal(expectedFlushes, Volatile.Read(ref flushes));
        }
    }

    private static async Task<FleetOrderOutcome> OutcomeAsync(InMemoryFleetDirectory directory, string id)
    {
        FleetOrderResult? result = null;
        await Until.TrueAsync(
            async () => (result = (await directory.ListAsync("i-1", default)).Single(state => state.Order.Id == id).Result) is not null,
            $"order {id} has no result");
        return result!.Outcome;
    }
}
