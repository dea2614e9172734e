using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace NoslateFleet.Emulator.Workers;

/// <summary>
/// The connection of one worker, shared by its invocations. What waits to be sent is bounded by the streams' credit, so
/// sending never waits.
/// </summary>
internal sealed class WorkerChannel
{
    private readonly Socket socket;
    private readonly bool backPressure;
    private readonly Pipe outgoing = new(new PipeOptions(pauseWriterThreshold: 0, minimumSegmentSize: 64 * 1024, useSynchronizationContext: false));
    private readonly Lock sending = new();
    private readonly ConcurrentDictionary<uint, WorkerStream> streams = new();
    private readonly TaskCompletionSource<bool> initialized = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private uint lastStream;
    private bool sendingClosed;
    private volatile bool dead;
    private Action? dying;

    public WorkerChannel(Socket socket, bool backPressure)
    {
        this.socket = socket;
        this.backPressure = backPressure;
    }

    /// <summary>Completes when the connection is gone and every stream knows it.</summary>
    public Task Closed => closed.Task;

    public void Start(PipeReader reader)
    {
        _ = PumpAsync();
        _ = ReceiveAsync(reader);
    }

    /// <summary>Called once when the connection is gone, before the streams are told: nobody may be sent here any more.</summary>
    public void WhenDying(Action callback)
    {
        dying = callback;
        if (dead)
            Interlocked.Exchange(ref dying, null)?.Invoke();
    }

    /// <summary>Runs the function's initializer.</summary>
    /// <returns>Whether it went well; false too when the worker died of it.</returns>
    public Task<bool> InitializeAsync(string code, string handler, string initializer)
    {
        Send(WorkerFrameKind.Init, 0, 0, WriteJson(json =>
        {
            json.WriteString("code", code);
            json.WriteString("handler", handler);
            json.WriteString("initializer", initializer);
        }));
        return initialized.Task;
    }

    /// <summary>Starts an invocation. On a dead channel the stream is born closed.</summary>
    public WorkerStream Open(
        string url,
        string method,
        IEnumerable<KeyValuePair<string, string>> headers,
        IEnumerable<KeyValuePair<string, string>> baggage)
    {
        var stream = new WorkerStream(this, Interlocked.Increment(ref lastStream), backPressure);
        streams.TryAdd(stream.Id, stream);
        Send(WorkerFrameKind.Invoke, 0, stream.Id, WriteJson(json =>
        {
            json.WriteString("url", url);
            json.WriteString("method", method);
            WritePairs(json, "headers", headers);
            WritePairs(json, "baggage", baggage);
        }));
        if (dead && streams.TryRemove(stream.Id, out _))
            stream.OnClosed();
        return stream;
    }

    public void Send(WorkerFrameKind kind, byte flags, uint stream, ReadOnlySpan<byte> payload)
    {
        lock (sending)
        {
            if (sendingClosed)
                return;
            PipeWriter writer = outgoing.Writer;
            Span<byte> header = writer.GetSpan(WorkerFrame.HeaderSize);
            BinaryPrimitives.WriteInt32LittleEndian(header, payload.Length);
            header[4] = (byte)kind;
            header[5] = flags;
            BinaryPrimitives.WriteUInt32LittleEndian(header[6..], stream);
            writer.Advance(WorkerFrame.HeaderSize);
            writer.Write(payload);

            // Without a threshold the flush is complete when it returns.
            _ = writer.FlushAsync().AsTask();
        }
    }

    public void SendCredit(uint stream, int count)
    {
        Span<byte> payload = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(payload, count);
        Send(WorkerFrameKind.Credit, 0, stream, payload);
    }

    /// <summary>Cuts the connection; the worker exits when it sees that.</summary>
    public void Close() => socket.Dispose();

    private static byte[] WriteJson(Action<Utf8JsonWriter> content)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            content(json);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void WritePairs(Utf8JsonWriter json, string name, IEnumerable<KeyValuePair<string, string>> pairs)
    {
        json.WriteStartArray(name);
        foreach ((string key, string value) in pairs)
        {
            json.WriteStartArray();
            json.WriteStringValue(key);
            json.WriteStringValue(value);
            json.WriteEndArray();
        }

        json.WriteEndArray();
    }

    private async Task PumpAsync()
    {
        PipeReader reader = outgoing.Reader;
        try
        {
            while (true)
            {
                ReadResult read = await reader.ReadAsync();
                foreach (ReadOnlyMemory<byte> segment in read.Buffer)
                {
                    ReadOnlyMemory<byte> left = segment;
                    while (left.Length > 0)
                        left = left[await socket.SendAsync(left, SocketFlags.None)..];
                }

                reader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                    return;
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The receiving side sees the same end and tells the streams.
            lock (sending)
                sendingClosed = true;
            await reader.CompleteAsync();
        }
    }

    private async Task ReceiveAsync(PipeReader reader)
    {
        try
        {
            while (true)
            {
                ReadResult read = await reader.ReadAsync();
                ReadOnlySequence<byte> buffer = read.Buffer;
                while (TryTakeFrame(ref buffer))
                {
                }

                reader.AdvanceTo(buffer.Start, buffer.End);
                if (read.IsCompleted)
                    break;
            }
        }
        catch (Exception error) when (error is IOException or SocketException or ObjectDisposedException or InvalidDataException)
        {
            // A worker that vanished or talks nonsense: either way this is its end.
        }

        dead = true;
        Interlocked.Exchange(ref dying, null)?.Invoke();
        socket.Dispose();
        lock (sending)
        {
            sendingClosed = true;
            outgoing.Writer.Complete();
        }

        initialized.TrySetResult(false);
        foreach (uint id in streams.Keys)
        {
            if (streams.TryRemove(id, out WorkerStream? stream))
                stream.OnClosed();
        }

        closed.TrySetResult();
        await reader.CompleteAsync();
    }

    private bool TryTakeFrame(ref ReadOnlySequence<byte> buffer)
    {
        if (buffer.Length < WorkerFrame.HeaderSize)
            return false;
        Span<byte> header = stackalloc byte[WorkerFrame.HeaderSize];
        buffer.Slice(0, WorkerFrame.HeaderSize).CopyTo(header);
        int length = BinaryPrimitives.ReadInt32LittleEndian(header);
        if (length is < 0 or > WorkerFrame.MaxPayload)
            throw new InvalidDataException("A worker sent a frame that is too long.");
        if (buffer.Length < WorkerFrame.HeaderSize + length)
            return false;
        ReadOnlySequence<byte> payload = buffer.Slice(WorkerFrame.HeaderSize, length);
        buffer = buffer.Slice(payload.End);
        Handle((WorkerFrameKind)header[4], header[5], BinaryPrimitives.ReadUInt32LittleEndian(header[6..]), payload);
        return true;
    }

    private void Handle(WorkerFrameKind kind, byte flags, uint id, ReadOnlySequence<byte> payload)
    {
        switch (kind)
        {
            case WorkerFrameKind.InitDone:
                initialized.TrySetResult(true);
                return;
            case WorkerFrameKind.InitFailed:
                initialized.TrySetResult(false);
                return;
        }

        if (!streams.TryGetValue(id, out WorkerStream? stream))
            return;
        switch (kind)
        {
            case WorkerFrameKind.Data:
                byte[] data = ArrayPool<byte>.Shared.Rent((int)payload.Length);
                payload.CopyTo(data);
                stream.OnData(data, (int)payload.Length, (flags & WorkerFrame.MoreFlag) != 0);
                return;
            case WorkerFrameKind.Credit:
                stream.OnBodyCredit(BinaryPrimitives.ReadInt32LittleEndian(Exactly(payload, 4)));
                return;
            case WorkerFrameKind.Head:
                byte[] head = payload.ToArray();
                if (head.Length < 4)
                    throw new InvalidDataException("A worker sent a head without a status.");
                List<string> fields = ReadStrings(head.AsSpan(4));
                var headers = new List<KeyValuePair<string, string>>(fields.Count / 2);
                for (int i = 0; i + 1 < fields.Count; i += 2)
                    headers.Add(new(fields[i], fields[i + 1]));
                stream.OnHead(new ResponseHead(BinaryPrimitives.ReadInt32LittleEndian(head), headers));
                return;
            case WorkerFrameKind.HeadFailed:
                List<string> error = ReadStrings(payload.ToArray());
                stream.OnHeadFailed(error.ElementAtOrDefault(0) ?? "", error.ElementAtOrDefault(1) ?? "");
                return;
            case WorkerFrameKind.End:
                streams.TryRemove(id, out _);
                stream.OnEnd((flags & WorkerFrame.PeerErrorFlag) != 0);
                return;
        }
    }

    private static ReadOnlySpan<byte> Exactly(ReadOnlySequence<byte> payload, int size) =>
        payload.Length == size ? payload.ToArray() : throw new InvalidDataException("A worker sent a frame of the wrong length.");

    private static List<string> ReadStrings(ReadOnlySpan<byte> source)
    {
        List<string> strings = [];
        while (source.Length > 0)
        {
            if (source.Length < 4)
                throw new InvalidDataException("A worker sent half a string.");
            int length = BinaryPrimitives.ReadInt32LittleEndian(source);
            source = source[4..];
            if (length < 0 || length > source.Length)
                throw new InvalidDataException("A worker sent half a string.");
            strings.Add(Encoding.UTF8.GetString(source[..length]));
            source = source[length..];
        }

        return strings;
    }
}
