using NoslateFleet.Coordination.Invocations;

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

/// <summary>Tests on the gateway of a fixture. Each counts from where it began.</summary>
/// <typeparam name="TFixture">The fixture.</typeparam>
public abstract class FixtureTests<TFixture>(TFixture fixture) : IClassFixture<TFixture>, IAsyncLifetime
    where TFixture : GatewayFixture
{
    private protected GatewayUnderTest _gateway = null!;
    private protected LedgerSnapshot _before = null!;

    public async Task InitializeAsync()
    {
        _gateway = await fixture.Gateway;
        _before = await _gateway.SettledAsync();
    }

    public Task DisposeAsync() => Task.CompletedTask;
}

/// <summary>A gateway with the standard functions and nothing configured.</summary>
public sealed class PlainGateway : GatewayFixture
{
    private protected override Task<GatewayUnderTest> StartAsync() => GatewayUnderTest.StartAsync();
}
