using System.Buffers;
using System.IO.Pipelines;
using System.Net.Http;
using NoslateFleet.Noslate.Invocation;
using NoslateFleet.Noslate.Transport;
using NoslateFleet.Tests.Common;
using Xunit.Abstractions;
using static NoslateFleet.Tests.Noslate.Invocation.InvocationHarness;

namespace NoslateFleet.Tests.Noslate.Invocation;

/// <summary>Measured for the whole process, so nothing else may run beside it.</summary>
[Collection(nameof(AllocationTests))]
[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
public sealed class AllocationTests(ITestOutputHelper output)
{
    private const int Calls = 400;

    [Fact]
    public async Task Call_AllocatesLittleBeyondSystemNetHttp()
    {
        // A server in the same process would be counted too, so both ways are measured against the same answers, and subtracted.
        byte[] answer = [.. PlaneCall.Frame(Head(200, null, ("content-type", "text/plain"), ("x-request-id", "1"))), .. PlaneCall.Frame(Body(new byte[1024]))];
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await DrainAsync(call);
            await call.WriteRawAsync(answer);
            call.SetStatus(0);
        });
        byte[] body = new byte[1024];
        byte[] buffer = new byte[4096];
        using var invoker = new HttpMessageInvoker(BareHandler(harness.SocketPath));
        Uri uri = PlaneChannel.UriOf(InvokePath);
        long bare = await MeasureAsync(async () =>
        {
            using HttpRequestMessage message = PlaneChannel.CreateRequest(uri, new BareContent());
            using HttpResponseMessage response = await invoker.SendAsync(message, CancellationToken.None);
            using Stream stream = await response.Content.ReadAsStreamAsync();
            while (await stream.ReadAsync(buffer) > 0)
            {
            }
        });
        long ours = await MeasureAsync(async () =>
        {
            using var request = InvocationRequest.Rent("hello", "POST", "/path", "id-1");
            request.AddHeader("content-type", "text/plain");
            request.AddHeader("host", "localhost");
            await using InvocationCall call = await harness.Invoker.InvokeAsync(
                harness.Channel, null, null, InvocationTarget.Function, request, PipeReader.Create(new ReadOnlySequence<byte>(body)), Patience, CancellationToken.None);
            while (await call.ReadAsync(buffer, CancellationToken.None) > 0)
            {
            }
        });
        output.WriteLine($"bare {bare} B, ours {ours} B, beyond {ours - bare} B per call (client and server together)");
        Assert.True(ours - bare < 1200, $"{ours - bare} bytes per call beyond System.Net.Http");
    }

    [Fact]
    public async Task Chunk_AllocatesNoBufferOfItsOwn()
    {
        const int Chunks = 2000;
        byte[] frame = PlaneCall.Frame(Body(new byte[1024]));
        byte[] all = [.. Enumerable.Repeat(frame, Chunks).SelectMany(bytes => bytes)];
        byte[] head = PlaneCall.Frame(Head(200));
        var read = new SemaphoreSlim(0);
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await call.WriteRawAsync(head);
            await read.WaitAsync();
            await call.WriteRawAsync(all);
            call.SetStatus(0);
        });
        byte[] buffer = new byte[1024];
        long best = long.MaxValue;
        for (int round = 0; round < 5; round++)
        {
            await using InvocationCall call = await harness.InvokeAsync();
            long before = GC.GetTotalAllocatedBytes(precise: true);
            read.Release();
            int count = 0;
            while (await call.ReadAsync(buffer, CancellationToken.None) is > 0 and var got)
            {
                count += got;
            }

            best = Math.Min(best, (GC.GetTotalAllocatedBytes(precise: true) - before) / Chunks);
            Assert.Equal(Chunks * 1024, count);
        }

        // The server's share and System.Net.Http's own for a read that has to wait are in it; a Task or buffer of ours per chunk would show.
        output.WriteLine($"{best} B per chunk of 1 KiB (client and server together)");
        Assert.True(best < 400, $"{best} bytes per chunk");
    }

    [Fact]
    public void DecoderAndTakeBody_AllocateNothingPerChunk()
    {
        byte[] frame = PlaneCall.Frame(Body(new byte[1024]));
        using var decoder = new ResponseDecoder();
        Feed(PlaneCall.Frame(Head(200)));
        Assert.Equal(ResponseItem.Head, decoder.Next());
        byte[] buffer = new byte[1024];
        Round();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            Round();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Round()
        {
            Feed(frame);
            if (decoder.Next() != ResponseItem.Body || decoder.TakeBody(buffer) != 1024)
            {
                throw new InvalidOperationException("the chunk was not read");
            }
        }

        void Feed(byte[] bytes)
        {
            bytes.CopyTo(decoder.GetBuffer());
            decoder.Filled(bytes.Length);
        }
    }

    private static async Task<long> MeasureAsync(Func<Task> call)
    {
        long best = long.MaxValue;
        for (int round = 0; round < 4; round++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int i = 0; i < Calls; i++)
            {
                await call();
            }

            best = Math.Min(best, (GC.GetTotalAllocatedBytes(precise: true) - before) / Calls);
        }

        return best;
    }

    private static async Task DrainAsync(PlaneCall call)
    {
        PipeReader reader = call.Context.Request.BodyReader;
        ReadResult read;
        do
        {
            read = await reader.ReadAsync();
            reader.AdvanceTo(read.Buffer.End);
        }
        while (!read.IsCompleted);
    }

    private static SocketsHttpHandler BareHandler(string path) => new()
    {
        UseProxy = false,
        UseCookies = false,
        ActivityHeadersPropagator = null,
        ConnectCallback = async (_, cancellationToken) =>
        {
            var socket = new System.Net.Sockets.Socket(
                System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified);
            await socket.ConnectAsync(new System.Net.Sockets.UnixDomainSocketEndPoint(path), cancellationToken);
            return new System.Net.Sockets.NetworkStream(socket, ownsSocket: true);
        },
    };

    private sealed class BareContent : HttpContent
    {
        private static readonly byte[] Bytes = new byte[1200];

        protected override Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context) =>
            stream.WriteAsync(Bytes).AsTask();

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
