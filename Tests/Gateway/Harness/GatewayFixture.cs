namespace NoslateFleet.Tests.Gateway.Harness;

/// <summary>One gateway for all tests of a class. It starts with the first of them, so that a missing node program skips tests instead of failing them.</summary>
public abstract class GatewayFixture : IAsyncLifetime
{
    private readonly Lazy<Task<GatewayUnderTest>> _gateway;

    protected GatewayFixture() => _gateway = new Lazy<Task<GatewayUnderTest>>(StartAsync);

    internal Task<GatewayUnderTest> Gateway => _gateway.Value;

    public Task InitializeAsync() => Task.CompletedTask;

    public virtual async Task DisposeAsync()
    {
        if (_gateway.IsValueCreated && _gateway.Value.IsCompletedSuccessfully)
        {
            await (await _gateway.Value).DisposeAsync();
        }
    }

    private protected abstract Task<GatewayUnderTest> StartAsync();
}

/// <summary>A gateway with the standard functions and nothing configured.</summary>
public sealed class PlainGateway : GatewayFixture
{
    private protected override Task<GatewayUnderTest> StartAsync() => GatewayUnderTest.StartAsync();
}
