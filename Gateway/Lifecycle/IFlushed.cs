namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>Something that holds output back and is asked for it before a freeze or an end.</summary>
internal interface IFlushed
{
    /// <summary>Completes once all that was held back at the call is out.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    Task FlushAsync(CancellationToken cancellationToken);
}
