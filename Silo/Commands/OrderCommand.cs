using System.Globalization;
using NoslateFleet.Coordination.Fleet;

namespace NoslateFleet.Silo.Commands;

/// <summary>
/// <c>Silo order INSTANCE drain|undrain|flush</c>: an order to an instance, of the same kind as those of the admin API: it has an id, stands in the
/// directory with its result, and is one order however often it is given. To an instance of a Mesh it is brought by its grain as well.
/// </summary>
internal static class OrderCommand
{
    public const string Verb = "order";

    private const string IdOption = "--id";

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Runs the command.</summary>
    /// <param name="args">What follows the verb: the instance, the order, then configuration as for the silo itself.</param>
    /// <param name="output">Where the answer goes.</param>
    /// <param name="errors">Where it is told what went wrong.</param>
    /// <returns>0 when it was done, or stands in the directory until the instance comes to it; 1 when it was not; 2 for wrong use.</returns>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter errors)
    {
        if (args is not [var instance, var what, ..] || instance.StartsWith('-') || KindOf(what) is not { } kind)
        {
            await errors.WriteLineAsync("order: use order INSTANCE drain, order INSTANCE undrain or order INSTANCE flush");
            return Tool.WrongUse;
        }

        if (IdOf(args[2..], out var rest) is not { } id)
        {
            await errors.WriteLineAsync($"order: {IdOption} is followed by 1 to {FleetOrder.MaxIdLength} letters, digits, -, _ and .");
            return Tool.WrongUse;
        }

        return await Tool.RunAsync(rest, Verb, errors, async tool =>
        {
            var by = $"order by {Environment.UserName} on {Environment.MachineName}";
            var entry = await tool.Directory.ReadAsync(instance, CancellationToken.None);
            if (entry is null)
            {
                await errors.WriteLineAsync($"order: the directory knows no instance {instance}; the command fleet lists those there are");
                return Tool.Failed;
            }

            var now = TimeProvider.System.GetUtcNow();
            var order = new FleetOrder(id, instance, entry.Snapshot.ContainerLife, kind, by, now, now + tool.Fleet.OrderExpiry);
            var placed = (await tool.Orders.PlaceAsync(order, CancellationToken.None)).Order;
            if (placed.Kind != kind)
            {
                await errors.WriteLineAsync($"order: {id} is the id of another order: {placed.Kind}, by {placed.By}");
                return Tool.Failed;
            }

            return await FollowAsync(tool, placed, output, errors);
        });
    }

    private static async Task<int> FollowAsync(Tool tool, FleetOrder order, TextWriter output, TextWriter errors)
    {
        using var patience = new CancellationTokenSource(_patience);
        while (true)
        {
            var state = (await tool.Orders.ListAsync(order.InstanceId, CancellationToken.None)).FirstOrDefault(one => one.Order.Id == order.Id);
            if (state?.Result is { } result)
            {
                var ok = result.Outcome == FleetOrderOutcome.Done;
                await (ok ? output : errors).WriteLineAsync($"order: {order.Id}: {result.Outcome}: {result.Detail}");
                return ok ? 0 : Tool.Failed;
            }

            try
            {
                await Task.Delay(_pause, patience.Token);
            }
            catch (OperationCanceledException)
            {
                await output.WriteLineAsync(string.Create(
                    CultureInfo.InvariantCulture,
                    $"order: {order.Id} is placed and has no result yet: a drain ends with its work, and a frozen instance takes it when it thaws, until {order.ExpiresAt:u}"));
                return 0;
            }
        }
    }

    /// <summary>The order's id: the one given, else a new one; null if the one given can't be one.</summary>
    private static string? IdOf(string[] args, out string[] rest)
    {
        var at = Array.FindIndex(args, static arg => arg == IdOption || arg.StartsWith(IdOption + "=", StringComparison.Ordinal));
        if (at < 0)
        {
            rest = args;
            return Guid.NewGuid().ToString("N");
        }

        var together = args[at].Length > IdOption.Length;
        var id = together ? args[at][(IdOption.Length + 1)..] : at + 1 < args.Length ? args[at + 1] : "";
        rest = [.. args[..at], .. args.Skip(at + (together ? 1 : 2))];
        return FleetOrder.IsId(id) ? id : null;
    }

    private static FleetOrderKind? KindOf(string text) => text switch
    {
        "drain" => FleetOrderKind.Drain,
        "undrain" => FleetOrderKind.Undrain,
        "flush" => FleetOrderKind.Flush,
        _ => null,
    };
}
