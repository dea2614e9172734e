using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text.Json;

namespace NoslateFleet.Emulator.PlatformBox;

/// <summary>The platform as seen by one instance: sends it the requests of a schedule and the hooks, and notes how each ended.</summary>
internal sealed class Client(BoxInstance instance, PlatformCalls calls, FactLog facts, TimeProvider clock, CancellationToken cancel)
    : IDisposable
{
    /// <summary>How long an answer may take in all: longer than any deadline of the product's.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    /// <summary>So many bytes are surely less than a request's head.</summary>
    private const int HalfOfAHead = 120;

    private readonly ConcurrentStack<PlatformConnection> kept = new();
    private readonly ConcurrentBag<Task> begun = [];

    /// <summary>Sends the requests at their times; ends when all have ended.</summary>
    public Task LoadAsync(IEnumerable<ScheduledRequest> requests) => Task.WhenAll(requests.Select(async request =>
    {
        await WaitAsync(request.Offset);
        await RunAsync(request);
    }));

    /// <summary>Sends a request and sees it to its end.</summary>
    public Task RunAsync(ScheduledRequest request) => ConductAsync(request, connection => SendAsync(connection, request));

    /// <summary>
    /// Sends a request in two parts with something between them, for what lies in the socket meanwhile; ends when it has ended.
    /// </summary>
    /// <param name="request">The request.</param>
    /// <param name="half">Whether half of it is sent first; otherwise nothing is, but the connection is there.</param>
    /// <param name="between">What to do between the parts.</param>
    /// <param name="after">What to do when all is in the socket.</param>
    public Task RunAsync(ScheduledRequest request, bool half, Func<Task> between, Func<Task> after)
    {
        byte[] all = [.. calls.Parts(request, calls.IdOf(instance.Life, request)).SelectMany(part => part)];
        int first = half ? Math.Min(all.Length / 2, HalfOfAHead) : 0;
        return ConductAsync(request, async connection =>
        {
            await connection.SendAsync(all.AsMemory(0, first), cancel);
            await between();
            await connection.SendAsync(all.AsMemory(first), cancel);
            await after();
        });
    }

    /// <summary>Opens connections until so many are idle, or closes those too many.</summary>
    public async Task KeepIdleAsync(int count)
    {
        while (kept.Count > count && kept.TryPop(out PlatformConnection? connection))
            connection.Dispose();
        while (kept.Count < count)
            kept.Push(await PlatformConnection.OpenAsync(instance.Port, cancel));
    }

    /// <summary>Calls a hook.</summary>
    public async Task<HookFact> HookAsync(string method, string path, string id)
    {
        long sent = clock.GetTimestamp();
        TimeSpan limit = HookPaths.LimitOf(path);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(limit + TimeSpan.FromSeconds(5));
        HookFact fact;
        try
        {
            using PlatformConnection connection = await PlatformConnection.OpenAsync(instance.Port, patience.Token);
            await connection.SendAsync(calls.Hook(method, path, id), patience.Token);
            AnswerHead head = await connection.ReadHeadAsync(patience.Token);
            string body = await connection.ReadBodyAsync(patience.Token);
            fact = new HookFact(instance.Life, path, head.Status, clock.GetElapsedTime(sent), limit)
            {
                InstanceId = instance.Id,
                Reason = head.Reason,
                Receipt = head.Status == 200 && path != HookPaths.Initialize ? ReadReceipt(body) : null,
                Detail = head.Status == 200 ? null : $"body '{Start(body)}'",
            };
        }
        catch (Exception error) when (IsOfTheConnection(error) && !cancel.IsCancellationRequested)
        {
            fact = new HookFact(instance.Life, path, 0, clock.GetElapsedTime(sent), limit)
            {
                InstanceId = instance.Id,
                Detail = error.Message,
            };
        }

        facts.Add(fact);
        return fact;
    }

    /// <summary>Ends when every request that was begun has ended, whoever waits for it or does not.</summary>
    public async Task SettledAsync()
    {
        try
        {
            await Task.WhenAll(begun);
        }
        catch (Exception)
        {
            // Told to whoever began it.
        }
    }

    public Task WaitAsync(int milliseconds) => Task.Delay(TimeSpan.FromMilliseconds(milliseconds), clock, cancel);

    public void Dispose()
    {
        while (kept.TryPop(out PlatformConnection? connection))
            connection.Dispose();
    }

    /// <summary>A receipt; null if the text is none.</summary>
    public static Receipt? ReadReceipt(string text)
    {
        try
        {
            using JsonDocument receipt = JsonDocument.Parse(text);
            JsonElement it = receipt.RootElement;
            return new Receipt(
                it.GetProperty("hook").GetString()!,
                it.GetProperty("instanceId").GetString()!,
                BoxInstance.ReadCounters(it),
                it.GetProperty("verdict").GetString()!,
                it.GetProperty("calledOff").GetBoolean());
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private Task ConductAsync(ScheduledRequest request, Func<PlatformConnection, Task> send)
    {
        Task task = SeeThroughAsync(request, send);
        begun.Add(task);
        return task;
    }

    private async Task SeeThroughAsync(ScheduledRequest request, Func<PlatformConnection, Task> send)
    {
        string id = calls.IdOf(instance.Life, request);
        facts.Add(new SentFact(id, instance.Life));
        var fact = new RequestFact(id, instance.Life, request, WireEnd.Cut);
        PlatformConnection? connection = null;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(Patience);
        try
        {
            if (!request.Kept || !kept.TryPop(out connection))
                connection = await PlatformConnection.OpenAsync(instance.Port, patience.Token);
            await send(connection);
            if (await LeaveAsync(connection, request))
                fact = fact with { End = WireEnd.ClientLeft };
            else
                fact = await ReadAsync(connection, fact, patience.Token);
        }
        catch (Exception error) when (IsOfTheConnection(error))
        {
            fact = fact with
            {
                End = cancel.IsCancellationRequested ? WireEnd.Interrupted : WireEnd.Cut,
                Status = connection?.Head?.Status ?? 0,
                Detail = patience.IsCancellationRequested ? $"no end after {Patience.TotalSeconds} s" : error.Message,
            };
        }
        finally
        {
            if (connection is not null && connection.Reusable && request.Kept)
                kept.Push(connection);
            else
                connection?.Dispose();
            facts.Add(fact with { Killed = instance.Killed });
        }
    }

    private async Task SendAsync(PlatformConnection connection, ScheduledRequest request)
    {
        byte[][] parts = [.. calls.Parts(request, calls.IdOf(instance.Life, request))];
        if (request.Kind == RequestKind.LeaveMidUpload)
        {
            // At least one byte of the body and never its end.
            parts = parts.Length > 2 ? parts[..^1] : [parts[0], parts[1][..^1]];
        }

        foreach (byte[] part in parts)
            await connection.SendAsync(part, cancel);
    }

    /// <summary>Leaves, if the schedule wants it and there is no answer that says otherwise.</summary>
    private async Task<bool> LeaveAsync(PlatformConnection connection, ScheduledRequest request)
    {
        if (!request.ClientLeaves)
            return false;
        if (request.Kind == RequestKind.LeaveBeforeHead)
            await WaitAsync(request.LeaveAfter);
        if (request.Kind == RequestKind.LeaveMidResponse)
        {
            if ((await connection.ReadHeadAsync(cancel)).Status != 200)
                return false;
            await connection.AwaitBodyAsync(cancel);
        }

        if (request.Abrupt)
            connection.Abort();
        else
            connection.Dispose();
        return true;
    }

    private static async Task<RequestFact> ReadAsync(PlatformConnection connection, RequestFact fact, CancellationToken cancel)
    {
        AnswerHead head = connection.Head ?? await connection.ReadHeadAsync(cancel);
        string body = await connection.ReadBodyAsync(cancel);
        return fact with
        {
            End = WireEnd.Whole,
            Status = head.Status,
            Reason = head.Reason,
            Executed = head.Reason is null ? null : head.Header("x-noslate-executed"),
            AsWritten = head.Reason is null && body == PlatformCalls.Answer(fact.Plan, fact.Id) && head.Header("x-request-id") == fact.Id,
            Detail = head.Reason is null ? $"body '{Start(body)}'" : null,
        };
    }

    private static string Start(string text) => text.Length > 100 ? text[..100] + "..." : text;

    private static bool IsOfTheConnection(Exception error) =>
        error is IOException or SocketException or OperationCanceledException or ObjectDisposedException;
}
