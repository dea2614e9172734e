using System.IO.Pipelines;

namespace NoslateFleet.Noslate.Invocation;

/// <summary>Decides what becomes of an invocation that the data plane refused because it does not know its function or service.</summary>
internal interface IInvocationRetry
{
    /// <summary>Tries it again, or throws what the caller shall see.</summary>
    /// <param name="refused">The invocation.</param>
    /// <param name="cancellationToken">The caller has gone.</param>
    ValueTask<InvocationCall> AfterNotFoundAsync(NotFoundInvocation refused, CancellationToken cancellationToken);

    /// <summary>Whether an invocation of which nothing has left may go to another data plane, or is held until one is there.</summary>
    bool TakesUnsent { get; }

    /// <summary>Sends or holds an invocation of which nothing has left, and whose body nobody has touched, or throws what the caller shall see.</summary>
    /// <param name="unsent">The invocation.</param>
    /// <param name="cancellationToken">The caller has gone.</param>
    ValueTask<InvocationCall> AfterUnsentAsync(UnsentInvocation unsent, CancellationToken cancellationToken);
}

/// <summary>An invocation that did not reach the data plane.</summary>
/// <param name="Target">Function or service.</param>
/// <param name="Request">Everything but the body.</param>
/// <param name="Body">The body; null for none.</param>
/// <param name="TimeLeft">What is left of the time to the head.</param>
/// <param name="Failure">Why it did not; null if no data plane was there to try.</param>
internal sealed record UnsentInvocation(
    InvocationTarget Target, InvocationRequest Request, PipeReader? Body, TimeSpan TimeLeft, InvocationFailedException? Failure);

/// <summary>An invocation whose function or service the data plane does not know.</summary>
/// <param name="Load">Who counts the calls of that plane.</param>
/// <param name="Target">Function or service.</param>
/// <param name="Request">Everything but the body.</param>
/// <param name="Repeatable">True when the request can be sent once more.</param>
/// <param name="TimeLeft">What is left of the time to the head.</param>
/// <param name="Failure">The refusal.</param>
internal sealed record NotFoundInvocation(
    ICallCounter? Load,
    InvocationTarget Target,
    InvocationRequest Request,
    bool Repeatable,
    TimeSpan TimeLeft,
    InvocationFailedException Failure);
