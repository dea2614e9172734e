using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Gateway.Platform;

namespace NoslateFleet.Tests.Gateway.Lifecycle;

/// <summary>Function Compute restarts an instance whose hook answers 500.</summary>
public sealed class HookRunnerTests
{
    [Theory]
    [InlineData((int)Hook.PreFreeze)]
    [InlineData((int)Hook.PreStop)]
    public async Task WhateverBreaksInside_404_Never500(int hook)
    {
        var time = new BreakableTime();
        var ledger = new InvocationLedger(TimeProvider.System);
        var admission = new AdmissionController(ledger, new AdmissionOptions(), TimeProvider.System);
        using var lifecycle = new InstanceLifecycle(
            new InstanceIdentity("i", "b"),
            new NoWork(),
            new GatewayInvocations(ledger, admission, new Connections()),
            new LifecycleBudgets(),
            new FlightRecorder(FlightRecorder.DefaultCapacity, TimeProvider.System),
            time);
        await using var markers = new InvocationMarkers(new PlatformOptions(), new StandardOutput());
        var hooks = new HookRunner(lifecycle, new GatewayOptions(), markers, TimeProvider.System, NullLogger<HookRunner>.Instance);
        time.Broken = true;
        var answer = await hooks.RunAsync((Hook)hook, new HeaderDictionary(), "r", CancellationToken.None);
        var headers = new HeaderDictionary();
        var body = new Pipe();
        answer.Write(headers, body.Writer, "r");
        await body.Writer.CompleteAsync();
        var text = Encoding.UTF8.GetString((await body.Reader.ReadAsync()).Buffer.FirstSpan);
        Assert.Equal((404, "hook-failed", "never"), (answer.Status, headers["x-noslate-reason"].ToString(), headers["x-noslate-executed"].ToString()));
        Assert.DoesNotContain(BreakableTime.Secret, text, StringComparison.Ordinal);
    }

    private sealed class BreakableTime : TimeProvider
    {
        public const string Secret = "the clock broke";

        public bool Broken { get; set; }

        public override long GetTimestamp() => Broken ? throw new InvalidOperationException(Secret) : base.GetTimestamp();
    }

    private sealed class NoWork : IInstanceWork
    {
        public Task<string?> PrepareAsync(CancellationToken cancellationToken) => Task.FromResult<string?>(null);

        public Task CheckDataPlaneAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public void Thawed(TimeSpan gap)
        {
        }

        public Task WorkersIdleAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task PublishAsync(Receipt receipt, CancellationToken cancellationToken) => Task.CompletedTask;

        public void DrainBegins(DrainBeginning drain)
        {
        }

        public void DrainOver()
        {
        }
    }
}
