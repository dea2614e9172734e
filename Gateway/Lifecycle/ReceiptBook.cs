using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>The last receipts of this process, whether or not the fleet directory could be told of them. Bounded. Safe under concurrent callers.</summary>
internal sealed class ReceiptBook
{
    /// <summary>Receipts kept.</summary>
    public const int Capacity = 32;

    private readonly Lock _lock = new();
    private readonly Queue<Receipt> _receipts = new();

    public ReceiptBook(InstanceLifecycle lifecycle) => lifecycle.Ended += Add;

    /// <summary>The receipts, oldest first.</summary>
    public IReadOnlyList<Receipt> List()
    {
        lock (_lock)
        {
            return [.. _receipts];
        }
    }

    private void Add(Receipt receipt)
    {
        lock (_lock)
        {
            if (_receipts.Count == Capacity)
            {
                _receipts.Dequeue();
            }

            _receipts.Enqueue(receipt);
        }
    }
}
