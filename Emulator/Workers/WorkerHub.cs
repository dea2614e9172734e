using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Text;
using NoslateFleet.Emulator.Rpc;

namespace NoslateFleet.Emulator.Workers;

/// <summary>The socket that workers connect to. Each names itself by the credential it was started with.</summary>
internal sealed class WorkerHub(string path, bool backPressure) : IAsyncDisposable
{
    private const int MaxHello = 1024;

    private readonly ConcurrentDictionary<string, TaskCompletionSource<WorkerChannel>> expected = new(StringComparer.Ordinal);
    private Socket? listener;
    private Task accepting = Task.CompletedTask;

    public string Path { get; } = path;

    public void Start()
    {
        SocketFiles.Claim(Path);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(Path));
        socket.Listen(512);
        listener = socket;
        accepting = AcceptAsync(socket);
    }

    /// <summary>Announces a worker; the task completes when it connects.</summary>
    public Task<WorkerChannel> Expect(string credential) =>
        expected.GetOrAdd(credential, _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    public void Forget(string credential) => expected.TryRemove(credential, out _);

    public async ValueTask DisposeAsync()
    {
        if (listener is null)
            return;
        listener.Dispose();
        await accepting;
        File.Delete(Path);
    }

    private async Task AcceptAsync(Socket socket)
    {
        try
        {
            while (true)
                _ = GreetAsync(await socket.AcceptAsync());
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The hub was disposed.
        }
    }

    private async Task GreetAsync(Socket socket)
    {
        PipeReader reader = PipeReader.Create(
            new NetworkStream(socket, false), new StreamPipeReaderOptions(bufferSize: 256 * 1024, minimumReadSize: 16 * 1024));
        try
        {
            while (true)
            {
                ReadResult read = await reader.ReadAsync();
                if (TryReadHello(read.Buffer, out string? credential, out SequencePosition next))
                {
                    reader.AdvanceTo(next);
                    if (credential is null || !expected.TryRemove(credential, out TaskCompletionSource<WorkerChannel>? waiting))
                        break;
                    var channel = new WorkerChannel(socket, backPressure);
                    channel.Start(reader);
                    waiting.TrySetResult(channel);
                    return;
                }

                reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                if (read.IsCompleted || read.Buffer.Length > MaxHello)
                    break;
            }
        }
        catch (Exception error) when (error is IOException or SocketException or ObjectDisposedException)
        {
            // It left before it said who it is.
        }

        socket.Dispose();
    }

    private static bool TryReadHello(ReadOnlySequence<byte> buffer, out string? credential, out SequencePosition next)
    {
        credential = null;
        next = buffer.Start;
        if (buffer.Length < WorkerFrame.HeaderSize)
            return false;
        Span<byte> header = stackalloc byte[WorkerFrame.HeaderSize];
        buffer.Slice(0, WorkerFrame.HeaderSize).CopyTo(header);
        int length = BinaryPrimitives.ReadInt32LittleEndian(header);
        if (header[4] != (byte)WorkerFrameKind.Hello || length is < 1 or > MaxHello)
            return true;
        if (buffer.Length < WorkerFrame.HeaderSize + length)
            return false;
        ReadOnlySequence<byte> payload = buffer.Slice(WorkerFrame.HeaderSize, length);
        credential = Encoding.UTF8.GetString(payload);
        next = payload.End;
        return true;
    }
}
