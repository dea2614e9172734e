using System.Buffers;
using System.Collections.Concurrent;
using System.Threading.Channels;
using Google.Protobuf;
using NoslateFleet.Emulator.Rpc;
using NoslateFleet.Emulator.Workers;
using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Noslate.Protocol.Host;

namespace NoslateFleet.Emulator.DataPlane;

/// <summary>
/// Host.connect of one plane: an event stream per caller with one liveness event on open and one per probe, and the events
/// the caller subscribed to. It never ends by itself.
/// </summary>
internal sealed class HostEvents(TimeProvider clock)
{
    public const string ContainerInstalled = "ContainerInstalled";
    public const string RequestDrained = "RequestDrained";
    public const string ContainerDisconnected = "ContainerDisconnected";

    private const string QueueingEvent = "requestQueueing";
    private const string StatusEvent = "containerStatusReport";

    /// <summary>Events kept for a subscriber that does not read; the oldest go first.</summary>
    private const int Backlog = 4096;

    private readonly ConcurrentDictionary<Subscriber, byte> subscribers = new();

    private uint Timestamp => unchecked((uint)(ulong)(clock.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMilliseconds);

    public void Register(RpcMethods methods) => methods.AddStream("/noslated.Host/connect", ConnectAsync);

    public void Queueing(string function, int queued, string requestId)
    {
        if (!subscribers.IsEmpty)
        {
            Broadcast(QueueingEvent, "noslated.data.RequestQueueingBroadcast", new RequestQueueingBroadcast
            {
                Name = function,
                QueuedRequestCount = queued,
                RequestId = requestId,
                Timestamp = Math.Floor((clock.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMilliseconds),
            });
        }
    }

    public void Report(Worker worker, string happened)
    {
        if (!subscribers.IsEmpty)
        {
            Broadcast(StatusEvent, "noslated.data.ContainerStatusReport", new ContainerStatusReport
            {
                FunctionName = worker.Spec.Name,
                Name = worker.Name,
                Event = happened,
            });
        }
    }

    private void Broadcast(string name, string type, IMessage message)
    {
        SubscriptionChunk chunk = Chunk(name, type, message);
        foreach (Subscriber subscriber in subscribers.Keys)
        {
            if (subscriber.Names.ContainsKey(name))
                subscriber.Outgoing.Writer.TryWrite(chunk);
        }
    }

    private SubscriptionChunk Chunk(string name, string type, IMessage message) => new()
    {
        Timestamp = Timestamp,
        Events = { new SubscriptionEvent { Name = name, Data = new Any { TypeUrl = type, Data = message.ToByteString() } } },
    };

    private SubscriptionChunk Liveness() => Chunk("host.liveness", "noslated.LivenessProbeEventData", new LivenessProbeEventData
    {
        Timestamp = Timestamp,
        ComponentLiveness = new Noslate.Protocol.Common.KeyValuePair { Key = "host", Value = "ok" },
    });

    private async Task ConnectAsync(RpcCall call)
    {
        var subscriber = new Subscriber();
        subscriber.Outgoing.Writer.TryWrite(Liveness());
        subscribers.TryAdd(subscriber, 0);
        Task reading = ReadAsync(call, subscriber);
        try
        {
            await foreach (SubscriptionChunk chunk in subscriber.Outgoing.Reader.ReadAllAsync(call.Ended))
                await call.WriteAsync(chunk);
        }
        finally
        {
            subscribers.TryRemove(subscriber, out _);
            await reading;
        }
    }

    private async Task ReadAsync(RpcCall call, Subscriber subscriber)
    {
        try
        {
            while (true)
            {
                (bool found, Request? request) = await call.ReadAsync(Request.Parser.ParseFrom);
                if (!found)
                {
                    subscribers.TryRemove(subscriber, out _);
                    return;
                }

                if (request!.Type == RequestType.LivenessProbe)
                    subscriber.Outgoing.Writer.TryWrite(Liveness());
                else if (request is { Type: RequestType.Subscribe, Subscription: { } wanted })
                    subscriber.Set(wanted.EventName, wanted.Subscribe);
            }
        }
        catch (RpcStatusException error)
        {
            call.Fail(error);
        }
        catch (Exception) when (call.Ended.IsCancellationRequested)
        {
            // The caller left.
        }
    }

    private sealed class Subscriber
    {
        public ConcurrentDictionary<string, byte> Names { get; } = new(StringComparer.Ordinal);

        public Channel<SubscriptionChunk> Outgoing { get; } =
            Channel.CreateBounded<SubscriptionChunk>(new BoundedChannelOptions(Backlog) { FullMode = BoundedChannelFullMode.DropOldest });

        public void Set(string name, bool subscribe)
        {
            if (!subscribe)
                Names.TryRemove(name, out _);
            else if (name is QueueingEvent or StatusEvent)
                Names.TryAdd(name, 0);
        }
    }
}
