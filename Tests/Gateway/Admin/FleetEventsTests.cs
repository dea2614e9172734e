using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Gateway.Admin;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Common.Fleet;
using NoslateFleet.Tests.Gateway.Fleet;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Admin;

/// <summary>The fleet's changes as server-sent events.</summary>
public sealed class FleetEventsTests
{
    [Fact]
    public async Task Changes_AreTold_WithTheVersionAsId_AndGoOnFromIt()
    {
        await using var it = await FleetGateway.StartAsync();
        await it.Service<IFleetDirectory>().PublishAsync(Snapshots.Of(instance: "a"), CancellationToken.None);
        string last;
        await using (var stream = await ListenAsync(it))
        {
            var first = await stream.UntilAsync("a");
            last = first.Id!;
            Assert.Equal(last, first.Data.GetProperty("version").GetString());
        }

        await it.Service<IFleetDirectory>().PublishAsync(Snapshots.Of(instance: "b"), CancellationToken.None);
        await using var again = await ListenAsync(it, lastEventId: last);
        var next = await again.UntilAsync("b");
        Assert.DoesNotContain("a", Changed(next.Data));
        Assert.False(next.Data.GetProperty("reset").GetBoolean());
        await it.Service<IFleetDirectory>().PublishAsync(Snapshots.Of(instance: "c"), CancellationToken.None);
        await again.UntilAsync("c");
    }

    [Fact]
    public async Task VersionOfAnotherDirectory_BeginsAnew()
    {
        await using var it = await FleetGateway.StartAsync();
        await it.Service<IFleetDirectory>().PublishAsync(Snapshots.Of(instance: "a"), CancellationToken.None);
        await using var stream = await ListenAsync(it, lastEventId: "another.7");
        var first = await stream.NextAsync();
        Assert.True(first.Data.GetProperty("reset").GetBoolean());
        Assert.Contains("a", Changed(first.Data));
    }

    [Fact]
    public async Task LastEventIdThatIsNone_IsRefused()
    {
        await using var it = await FleetGateway.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/fleet/events");
        request.Headers.TryAddWithoutValidation("Last-Event-ID", "x");
        using var response = await it.Gateway.Admin.SendAsync(request);
        Assert.Equal("400 gateway bad-argument never", (await ProblemSeen.OfAsync(response)).ToString());
    }

    [Fact]
    public async Task Listeners_AreBounded_AndAPlaceThatIsLeftIsFree()
    {
        await using var it = await FleetGateway.StartAsync([("Admin:MaxListeners", "1")]);
        await using (await ListenAsync(it))
        {
            Assert.Equal("503 gateway too-many-listeners never", (await it.RefusedAsync(HttpMethod.Get, "/api/fleet/events")).ToString());
        }

        await Until.TrueAsync(() => it.Service<FleetEvents>().Open == 0, "the listener that left keeps its place");
        await using var next = await ListenAsync(it);
        Assert.Equal("changes", (await next.NextAsync()).Name);
    }

    [Fact]
    public async Task DirectoryAway_IsAnEvent_AndTheStreamStays()
    {
        var away = new AwayDirectory();
        await using var it = await FleetGateway.StartAsync(services: services => services
            .AddSingleton<IFleetDirectory>(away).AddSingleton<IFleetOrders>(away).AddSingleton<IFleetProfiles>(away).AddSingleton<IFleetNotices>(away));
        await using var stream = await ListenAsync(it);
        var told = await stream.NextAsync();
        Assert.Equal(("outage", "directory-unavailable"), (told.Name, told.Data.GetProperty("reason").GetString()));
        Assert.DoesNotContain("10.1.2.3", told.Data.GetRawText(), StringComparison.Ordinal);
        Assert.Equal(1, it.Service<FleetEvents>().Open);
    }

    [Fact]
    public async Task DirectoryThatComesBack_IsToldByChanges_TheOutageOnce()
    {
        var time = new ManualTimeProvider();
        var directory = new Comings(new InMemoryFleetDirectory(time)) { IsAway = true };
        var pipe = new Pipe();
        using var gone = new CancellationTokenSource();
        var events = new FleetEvents(directory, new Silent(), new FleetOptions(), new AdminOptions(), time);
        var running = events.RunAsync(DirectoryVersion.None, pipe.Writer, gone.Token);
        var stream = new Events(new StreamReader(pipe.Reader.AsStream()));
        Assert.Equal("outage", (await stream.NextAsync()).Name);

        // Tried twice more in vain, and then it is there.
        await time.WhenArmedAsync(FleetEvents.Retry);
        time.Advance(FleetEvents.Retry);
        await Until.TrueAsync(() => directory.Reads == 2, "it was not tried again");
        directory.IsAway = false;
        await time.WhenArmedAsync(FleetEvents.Retry);
        time.Advance(FleetEvents.Retry);
        Assert.Equal("changes", (await stream.NextAsync()).Name);

        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task Silence_IsBrokenByAComment()
    {
        var time = new ManualTimeProvider();
        var pipe = new Pipe();
        using var gone = new CancellationTokenSource();
        var events = new FleetEvents(new InMemoryFleetDirectory(time), new Silent(), new FleetOptions(), new AdminOptions(), time);
        var running = events.RunAsync(DirectoryVersion.None, pipe.Writer, gone.Token);
        using var reader = new StreamReader(pipe.Reader.AsStream());
        Assert.Equal("changes", (await new Events(reader).NextAsync()).Name);
        await time.WhenArmedAsync(FleetEvents.Pause);
        time.Advance(FleetEvents.Pause);
        await time.WhenArmedAsync();
        time.Advance(FleetEvents.Heartbeat);
        Assert.StartsWith(":", await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(30)), StringComparison.Ordinal);

        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    private static IEnumerable<string?> Changed(JsonElement data) => data.GetProperty("changed").EnumerateArray().Select(line => line.GetProperty("instanceId").GetString());

    private static async Task<Events> ListenAsync(FleetGateway it, string? lastEventId = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, "/api/fleet/events");
        if (lastEventId is not null)
        {
            request.Headers.TryAddWithoutValidation("Last-Event-ID", lastEventId);
        }

        var response = await it.Gateway.Admin.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal((200, "text/event-stream"), ((int)response.StatusCode, response.Content.Headers.ContentType?.MediaType));
        return new Events(new StreamReader(await response.Content.ReadAsStreamAsync(), Encoding.UTF8), response);
    }

    /// <summary>Reads events.</summary>
    private sealed class Events(StreamReader reader, HttpResponseMessage? response = null) : IAsyncDisposable
    {
        public async Task<(string? Id, string? Name, JsonElement Data)> NextAsync()
        {
            string? id = null;
            string? name = null;
            JsonElement? data = null;
            while (await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(30)) is { } line)
            {
                if (line.Length == 0 && data is not null)
                {
                    return (id, name, data.Value);
                }

                var colon = line.IndexOf(':', StringComparison.Ordinal);
                switch (colon > 0 ? line[..colon] : "")
                {
                    case "id":
                        id = line[4..];
                        break;
                    case "event":
                        name = line[7..];
                        break;
                    case "data":
                        data = JsonDocument.Parse(line[6..]).RootElement.Clone();
                        break;
                }
            }

            throw new EndOfStreamException("the stream has ended");
        }

        /// <summary>The first event that tells of an instance.</summary>
        public async Task<(string? Id, string? Name, JsonElement Data)> UntilAsync(string instance)
        {
            while (true)
            {
                var told = await NextAsync();
                Assert.Equal("changes", told.Name);
                if (Changed(told.Data).Contains(instance))
                {
                    return told;
                }
            }
        }

        public ValueTask DisposeAsync()
        {
            reader.Dispose();
            response?.Dispose();
            return ValueTask.CompletedTask;
        }
    }

    /// <summary>Notices that never come.</summary>
    private sealed class Silent : IFleetNotices
    {
        public IDisposable Listen(string? instanceId, Action<FleetNotice> handler) => new MemoryStream();
    }

    /// <summary>A directory that is away when a test says so.</summary>
    private sealed class Comings(IFleetDirectory inner) : IFleetDirectory
    {
        private int _reads;

        public volatile bool IsAway;

        public int Reads => Volatile.Read(ref _reads);

        public Task<DirectoryPage> ReadChangesAsync(DirectoryVersion since, int limit, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _reads);
            return IsAway
                ? Task.FromException<DirectoryPage>(new FleetDirectoryException(string.Create(CultureInfo.InvariantCulture, $"away at read {Reads}")))
                : inner.ReadChangesAsync(since, limit, cancellationToken);
        }

        public Task<PublishResult> PublishAsync(InstanceSnapshot snapshot, CancellationToken cancellationToken) => inner.PublishAsync(snapshot, cancellationToken);

        public Task AppendAsync(string instanceId, IReadOnlyList<InstanceRecord> records, CancellationToken cancellationToken) =>
            inner.AppendAsync(instanceId, records, cancellationToken);

        public Task<DirectoryView> ReadAllAsync(CancellationToken cancellationToken) => inner.ReadAllAsync(cancellationToken);

        public Task<DirectoryEntry?> ReadAsync(string instanceId, CancellationToken cancellationToken) => inner.ReadAsync(instanceId, cancellationToken);

        public Task<IReadOnlyList<InstanceRecord>> ReadRecordsAsync(string instanceId, CancellationToken cancellationToken) =>
            inner.ReadRecordsAsync(instanceId, cancellationToken);
    }
}
