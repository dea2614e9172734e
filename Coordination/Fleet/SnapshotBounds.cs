using NoslateFleet.Coordination.Functions;

namespace NoslateFleet.Coordination.Fleet;

/// <summary>How much a snapshot may say, so that a whole fleet can be read at once.</summary>
public static class SnapshotBounds
{
    /// <summary>Functions listed; the board itself keeps track of as many.</summary>
    public const int MaxFunctions = FunctionBoard.MaxFunctions;

    /// <summary>Workers listed of one function.</summary>
    public const int MaxWorkersPerFunction = 20;

    /// <summary>Workers listed of all functions together.</summary>
    public const int MaxWorkers = 200;

    /// <summary>Characters of a text in words: an error.</summary>
    public const int MaxText = 1000;

    /// <summary>Characters of a receipt; one with more is left out. A usual one has some 700.</summary>
    public const int MaxReceipt = 16 * 1024;

    /// <summary>Bytes of a snapshot as it is stored; nothing that we write comes near, and readers take more for damage.</summary>
    public const int MaxBytes = 1024 * 1024;

    /// <summary>The snapshot with what there is room for; itself if that is all of it.</summary>
    /// <param name="snapshot">The snapshot.</param>
    public static InstanceSnapshot Apply(InstanceSnapshot snapshot)
    {
        var functions = Functions(snapshot.Functions, out var leftOut);
        var error = snapshot.FleetProfileError is { Length: > MaxText } text ? text[..MaxText] : snapshot.FleetProfileError;
        var receipt = snapshot.LastReceiptJson is { Length: > MaxReceipt } ? null : snapshot.LastReceiptJson;
        return leftOut == 0 && ReferenceEquals(error, snapshot.FleetProfileError) && ReferenceEquals(receipt, snapshot.LastReceiptJson)
            ? snapshot
            : snapshot with
            {
                Functions = functions,
                FleetProfileError = error,
                LastReceiptJson = receipt,
                LeftOut = snapshot.LeftOut + leftOut,
            };
    }

    private static IReadOnlyList<FunctionStatus> Functions(IReadOnlyList<FunctionStatus> all, out int leftOut)
    {
        leftOut = 0;
        List<FunctionStatus>? kept = null;
        var room = MaxWorkers;
        for (var i = 0; i < all.Count; i++)
        {
            if (i == MaxFunctions)
            {
                leftOut += all.Count - i;
                return kept ?? [.. all.Take(i)];
            }

            var function = all[i];
            var workers = Math.Min(Math.Min(function.Workers.Count, MaxWorkersPerFunction), room);
            room -= workers;
            if (workers < function.Workers.Count)
            {
                leftOut += function.Workers.Count - workers;
                kept ??= [.. all.Take(i)];
                function = function with { Workers = [.. function.Workers.Take(workers)] };
            }

            kept?.Add(function);
        }

        return kept ?? all;
    }
}
