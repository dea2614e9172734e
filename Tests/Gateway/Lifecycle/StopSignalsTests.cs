using System.Runtime.InteropServices;
using NoslateFleet.Gateway.Hosting;
using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Gateway.Lifecycle;

/// <summary>Signals that come before, while and after the host takes them over.</summary>
public sealed class StopSignalsTests
{
    [Theory]
    [InlineData(PosixSignal.SIGTERM)]
    [InlineData(PosixSignal.SIGINT)]
    [InlineData(PosixSignal.SIGQUIT)]
    public void Signal_HasOneTaker_AndNeverItsDefault(PosixSignal signal)
    {
        List<string> taken = [];
        using var signals = new StopSignals(one => taken.Add("early " + one));
        Assert.True(Raise(signals, signal));
        signals.HandTo(one => taken.Add("host " + one));
        Assert.True(Raise(signals, signal));
        Assert.Equal(["early " + signal, "host " + signal], taken);
    }

    [Fact]
    public async Task BeforeTheHostStarts_ASignalIsTheStarts_AndFromThenOnItDrains()
    {
        using var directory = new TempDirectory();
        var early = 0;
        using var signals = new StopSignals(_ => early++);
        var code = GatewayProgram.RunAsync(
            "gateway",
            () =>
            {
                Raise(signals, PosixSignal.SIGTERM);
                var app = GatewayApplication.Build(
                    ["--Node:Workdir=" + directory.Path, "--Platform:Mode=Open", "--Platform:Address=127.0.0.1", "--Platform:Port=0", "--Admin:Port=0"]);
                Raise(signals, PosixSignal.SIGTERM);
                Assert.Equal(2, early);
                app.Lifetime.ApplicationStarted.Register(() => Raise(signals, PosixSignal.SIGTERM));
                return app;
            },
            signals);
        Assert.Equal(0, await code.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal(2, early);
    }

    private static bool Raise(StopSignals signals, PosixSignal signal)
    {
        var context = new PosixSignalContext(signal);
        signals.On(context);
        return context.Cancel;
    }
}
