using System.Diagnostics;

namespace NoslateFleet.Tests.Common;

/// <summary>Waits for what no event tells: looks again and again, with a limit.</summary>
public static class Until
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(30);

    public static Task TrueAsync(Func<bool> condition, string otherwise) => TrueAsync(() => Task.FromResult(condition()), otherwise);

    public static async Task TrueAsync(Func<Task<bool>> condition, string otherwise)
    {
        var watch = Stopwatch.StartNew();
        while (!await condition())
        {
            if (watch.Elapsed > _limit)
            {
                throw new TimeoutException(otherwise);
            }

            await Task.Delay(2);
        }
    }
}
