using NoslateFleet.Noslate.Node;

namespace NoslateFleet.Tests.Noslate.Node;

public sealed class BackoffTests
{
    [Fact]
    public void Pauses_GrowWithinTheirBoundsAndStartOverAfterReset()
    {
        TimeSpan min = TimeSpan.FromMilliseconds(100);
        TimeSpan max = TimeSpan.FromSeconds(5);
        for (int seed = 0; seed < 50; seed++)
        {
            var backoff = new Backoff(min, max, new Random(seed));
            for (int round = 0; round < 2; round++)
            {
                for (int i = 0; i < 80; i++)
                {
                    double nominal = 100 * Math.Pow(2, Math.Min(i, 40));
                    double pause = backoff.Next().TotalMilliseconds;
                    Assert.InRange(pause, Math.Clamp(nominal * 0.75, 100, 5000) - 0.001, Math.Clamp(nominal * 1.25, 100, 5000) + 0.001);
                }

                backoff.Reset();
            }
        }
    }

    [Fact]
    public void TwoClients_DoNotReturnInStep()
    {
        var one = new Backoff(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5), new Random(1));
        var two = new Backoff(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5), new Random(2));
        Assert.NotEqual(Enumerable.Range(0, 4).Select(_ => one.Next()), Enumerable.Range(0, 4).Select(_ => two.Next()));
    }
}
