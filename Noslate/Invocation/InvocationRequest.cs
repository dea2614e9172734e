namespace NoslateFleet.Noslate.Invocation;

/// <summary>
/// Everything of an invocation but its body. It is encoded as it is filled, into a pooled buffer, in the order of the calls.
/// Not thread-safe. Return it with <see cref="Dispose"/> once the invocation has ended.
/// </summary>
public sealed class InvocationRequest : IDisposable
{
    /// <summary>Takes an empty request from the pool.</summary>
    /// <param name="name">The function's or service's name.</param>
    /// <param name="method">The HTTP method.</param>
    /// <param name="url">The url as the function shall see it.</param>
    /// <param name="requestId">The request's id, as it shall appear in the node's logs.</param>
    public static InvocationRequest Rent(string name, string method, string url, string requestId) => throw new NotImplementedException();

    /// <summary>Adds a header. Repeated names stay repeated, in order.</summary>
    /// <param name="name">The name; ASCII letters in it are written in lower case.</param>
    /// <param name="value">The value; written as UTF-8.</param>
    public void AddHeader(string name, string value) => throw new NotImplementedException();

    /// <summary>Adds a baggage pair: data that goes with the request but is no header.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    public void AddBaggage(string key, string value) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
