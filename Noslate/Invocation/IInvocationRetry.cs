namespace NoslateFleet.Noslate.Invocation;

/// <summary>Decides what becomes of an invocation that the data plane refused because it does not know its function or service.</summary>
internal interface IInvocationRetry
{
    /// <summary>Tries it again, or throws what the caller shall see.</summary>
    /// <param name="refused">The invocation.</param>
    /// <param name="cancellationToken">The caller has gone.</param>
    ValueTask<InvocationCall> AfterNotFoundAsync(NotFoundInvocation refused, CancellationToken cancellationToken);
}

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
