namespace NoslateFleet.Tests.Grains.Placement;

/// <summary>An ordinary grain, and one that holds its caller as long as it is asked to.</summary>
public interface IShortLivedGrain : IGrainWithStringKey
{
    Task TouchAsync();

    /// <summary>Never answers.</summary>
    Task HangAsync();
}

internal sealed class ShortLivedGrain : Grain, IShortLivedGrain
{
    public Task TouchAsync() => Task.CompletedTask;

    public Task HangAsync() => new TaskCompletionSource().Task;
}
