using System.IO.Pipelines;

namespace NoslateFleet.Tests.Noslate.Invocation;

/// <summary>A request body that tells of its break when what was read of it is given back, as a server's does whose client left between the two.</summary>
internal sealed class BreakingReader(PipeReader inner, Exception error) : PipeReader
{
    /// <summary>How many times it is given back whole before it breaks.</summary>
    public int Sound { get; set; }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (Sound-- <= 0)
        {
            throw error;
        }

        inner.AdvanceTo(consumed, examined);
    }

    public override void CancelPendingRead() => inner.CancelPendingRead();

    public override void Complete(Exception? exception = null) => inner.Complete(exception);

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) => inner.ReadAsync(cancellationToken);

    public override bool TryRead(out ReadResult result) => inner.TryRead(out result);
}
