using System.Globalization;
using NoslateFleet.Coordination.Fleet;

namespace NoslateFleet.Silo.Commands;

/// <summary><c>Silo order INSTANCE drain|undrain|flush</c>: an order to an instance, by its grain in a Mesh, else by the directory.</summary>
internal static class OrderCommand
{
    public const string Verb = "order";

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

        return await Tool.RunAsync(args[2..], Verb, errors, async tool =>
        {
            var by = $"order by {Environment.UserName} on {Environment.MachineName}";
            var entry = await tool.Directory.ReadAsync(instance, CancellationToken.None);
            if (tool.Settings.Topology == FleetTopology.Mesh || entry?.Snapshot.Topology == FleetTopology.Mesh)
            {
                return await MeshOrder.GiveAsync(tool.Settings, instance, kind, by, output, errors);
            }

            if (entry is null)
            {
                await errors.WriteLineAsync($"order: the directory knows no instance {instance}; the command fleet lists those there are");
                return Tool.Failed;
            }

            return await PlaceAsync(tool.Orders, entry.Snapshot, kind, by, output, errors);
        });
    }

    private static async Task<int> PlaceAsync(
        IFleetOrders orders, InstanceSnapshot instance, FleetOrderKind kind, string by, TextWriter output, TextWriter errors)
    {
        var now = TimeProvider.System.GetUtcNow();
        var order = new FleetOrder(
            Guid.NewGuid().ToString("N"), instance.InstanceId, instance.ContainerLife, kind, by, now, now + new FleetOptions().OrderExpiry);
        var placed = (await orders.PlaceAsync(order, CancellationToken.None)).Order;
        using var patience = new CancellationTokenSource(_patience);
        while (true)
        {
            var state = (await orders.ListAsync(instance.InstanceId, CancellationToken.None)).FirstOrDefault(one => one.Order.Id == order.Id);
            if (state?.Result is { } result)
            {
                var ok = result.Outcome == FleetOrderOutcome.Done;
                await (ok ? output : errors).WriteLineAsync($"order: {result.Outcome}: {result.Detail}");
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
                    $"order: {order.Id} is placed and not taken yet; an instance that is frozen takes it when it thaws, until {placed.ExpiresAt:u}"));
                return 0;
            }
        }
    }

    private static FleetOrderKind? KindOf(string text) => text switch
    {
        "drain" => FleetOrderKind.Drain,
        "undrain" => FleetOrderKind.Undrain,
        "flush" => FleetOrderKind.Flush,
        _ => null,
    };
}
