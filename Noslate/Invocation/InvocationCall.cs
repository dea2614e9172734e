namespace NoslateFleet.Noslate.Invocation;

/// <summary>
/// An invocation whose response head has been received. The body is read from it; disposing it ends the call: if the response
/// was not read to its end the call is cancelled, and in any case the request body's reader is no longer touched afterwards.
/// </summary>
public sealed class InvocationCall : IAsyncDisposable
{
    /// <summary>The HTTP status as the function set it; unchecked.</summary>
    public int Status => throw new NotImplementedException();

    /// <summary>The response headers as the function set them: case, order and repetitions kept; unchecked.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers => throw new NotImplementedException();

    /// <summary>Bytes of the request body that were passed on so far. May be read from any thread: it tells whether an upload still moves.</summary>
    public long BytesSent => throw new NotImplementedException();

    /// <summary>
    /// Reads the next bytes of the response body. Completes synchronously while bytes are at hand: a caller that batches its own
    /// output flushes when the returned task is not completed.
    /// </summary>
    /// <param name="buffer">Where the bytes go; must not be empty.</param>
    /// <param name="cancellationToken">Ends the wait; the call itself is cancelled by disposing it.</param>
    /// <returns>The number of bytes; 0 when the response has ended, and ended well.</returns>
    /// <exception cref="InvocationFailedException">The response broke off: an error message after the head, a status that is not OK,
    /// the connection lost.</exception>
    public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
