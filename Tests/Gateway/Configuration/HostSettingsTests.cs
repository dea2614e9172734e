using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using NoslateFleet.Gateway.Hosting;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Gateway.Configuration;

/// <summary>What the process sets in the host and the server beneath it.</summary>
public sealed class HostSettingsTests
{
    [Theory]
    [InlineData("10s")]
    [InlineData("10m")]
    public async Task Shutdown_MayLastLongerThanAStop(string budget)
    {
        using var directory = new TempDirectory();
        await using var app = GatewayApplication.Build(["--Node:Workdir=" + directory.Path, "--Lifecycle:StopBudget=" + budget]);
        var stop = app.Services.GetRequiredService<NoslateFleet.Gateway.Lifecycle.LifecycleOptions>().Budgets.Stop;
        Assert.True(app.Services.GetRequiredService<IOptions<HostOptions>>().Value.ShutdownTimeout > stop);
    }

    [Fact]
    public async Task Sockets_DoNotWaitForMoreToSend()
    {
        using var directory = new TempDirectory();
        await using var app = GatewayApplication.Build(["--Node:Workdir=" + directory.Path]);
        Assert.True(app.Services.GetRequiredService<IOptions<SocketTransportOptions>>().Value.NoDelay);
    }
}
