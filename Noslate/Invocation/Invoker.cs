using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using NoslateFleet.Noslate.Transport;

namespace NoslateFleet.Noslate.Invocation;

/// <summary>Sends invocations over a plane's channel.</summary>
internal sealed class Invoker(TimeProvider time) : IDisposable
{
    /// <summary>How much longer than the plane the client waits for the head: the plane's own answer tells more.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(200);

    // The plane's timer overflows at 2^31 ms and then fires at once. A minute below leaves room for a clock that was set back in between.
    private static readonly TimeSpan MaxTimeout = TimeSpan.FromMilliseconds(int.MaxValue) - TimeSpan.FromMinutes(1);

    private readonly InvocationSlot.Pool _slots = new(time);

    /// <summary>Sends one and waits for the response head; the contract is that of INoslateNode.InvokeAsync.</summary>
    /// <param name="channel">The plane's channel.</param>
    /// <param name="load">Told of the end of the call; null if nobody counts.</param>
    /// <param name="retry">Asked when the plane does not know the function or service, or was not reached; null if that ends it.</param>
    /// <param name="target">Function or service.</param>
    /// <param name="request">Everything but the body.</param>
    /// <param name="body">The body; null for none.</param>
    /// <param name="timeout">Time to the response head.</param>
    /// <param name="cancellationToken">The caller has gone.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<InvocationCall> InvokeAsync(
        PlaneChannel channel,
        ICallCounter? load,
        IInvocationRetry? retry,
        InvocationTarget target,
        InvocationRequest request,
        PipeReader? body,
        TimeSpan timeout,
        CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (timeout == Timeout.InfiniteTimeSpan || timeout > MaxTimeout)
        {
            timeout = MaxTimeout;
        }

        if (timeout <= TimeSpan.Zero)
        {
            throw new InvocationFailedException(new InvocationError(
                InvocationFailure.DeadlineExceeded, Executed.Never, AfterHead: false, "the deadline had passed before the call was made"));
        }

        if (request.MessageLength + 16 > GrpcWire.MaxMessageLength)
        {
            throw new InvocationFailedException(new InvocationError(
                InvocationFailure.RequestTooLarge,
                Executed.Never,
                AfterHead: false,
                $"the request without its body is {request.MessageLength} bytes long; the data plane takes messages of at most {GrpcWire.MaxMessageLength}"));
        }

        InvocationSlot slot = _slots.Rent();
        slot.SetTarget(target);
        slot.Content.Prepare(request, body, (time.GetUtcNow() - DateTimeOffset.UnixEpoch + timeout).TotalMilliseconds);
        load?.CallBegins();
        var call = new InvocationCall(slot, _slots, load);
        try
        {
            slot.Arm(timeout + Grace);
            await call.StartAsync(channel, timeout, cancellationToken);
            load?.CallAnswered();
            return call;
        }
        catch (InvocationFailedException failure) when (retry is not null && IsNotFound(failure))
        {
            var refused = new NotFoundInvocation(load, target, request, slot.Content.IsRepeatable, slot.TimeLeft() - Grace, failure);
            await call.DisposeAsync();
            return await retry.AfterNotFoundAsync(refused, cancellationToken);
        }
        catch (InvocationFailedException failure)
            when (retry is { TakesUnsent: true } && failure.Error.Failure == InvocationFailure.PlaneUnavailable && !slot.Content.Begun)
        {
            load?.CallUnanswered();
            var unsent = new UnsentInvocation(target, request, body, slot.TimeLeft() - Grace, failure);
            await call.DisposeAsync();
            return await retry.AfterUnsentAsync(unsent, cancellationToken);
        }
        catch (Exception e)
        {
            TellOf(e, load);
            await call.DisposeAsync();
            throw;
        }
    }

    /// <summary>Sends a repeatable request once more, with the deadline that it bears.</summary>
    public async ValueTask<InvocationCall> InvokeAgainAsync(
        PlaneChannel channel, ICallCounter load, InvocationTarget target, InvocationRequest request, TimeSpan timeLeft, CancellationToken cancellationToken)
    {
        InvocationSlot slot = _slots.Rent();
        slot.SetTarget(target);
        slot.Content.PrepareAgain(request);
        load.CallBegins();
        var call = new InvocationCall(slot, _slots, load);
        try
        {
            slot.Arm(timeLeft + Grace);
            await call.StartAsync(channel, timeLeft, cancellationToken);
            load.CallAnswered();
            return call;
        }
        catch (Exception e)
        {
            TellOf(e, load);
            await call.DisposeAsync();
            throw;
        }
    }

    /// <summary>Whether the plane does not know the function or service: nothing was run then.</summary>
    public static bool IsNotFound(InvocationFailedException failure) =>
        failure.Error is { AfterHead: false, Failure: InvocationFailure.UnknownFunction or InvocationFailure.UnknownService };

    // A plane that lives tells by itself that a deadline has passed, before this client's own wait for it is over.
    private static void TellOf(Exception error, ICallCounter? load)
    {
        if (error is InvocationFailedException { Error: { AfterHead: false, Failure: InvocationFailure.DeadlineExceeded or InvocationFailure.PlaneUnavailable } })
        {
            load?.CallUnanswered();
        }
    }

    public void Dispose() => _slots.Dispose();
}
