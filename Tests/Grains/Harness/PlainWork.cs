using NoslateFleet.Coordination.Lifecycle;

namespace NoslateFleet.Tests.Grains.Harness;

/// <summary>The work around a lifecycle: done at once, but for the flush, which does what the test says.</summary>
internal sealed class PlainWork : IInstanceWork
{
    public Func<CancellationToken, Task> Flush { get; set; } = static _ => Task.CompletedTask;

    public Task<string?> PrepareAsync(CancellationToken cancellationToken) => Task.FromResult<string?>(null);

    public Task CheckDataPlaneAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Thawed(TimeSpan gap)
    {
    }

    public Task WorkersIdleAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task FlushAsync(CancellationToken cancellationToken) => Flush(cancellationToken);

    public Task PublishAsync(Receipt receipt, CancellationToken cancellationToken) => Task.CompletedTask;

    public void DrainBegins(DrainBeginning drain)
    {
    }

    public void DrainOver()
    {
    }
}
