using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using NoslateFleet.Noslate.Invocation;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Tests.Common;
using static NoslateFleet.Tests.Noslate.Invocation.InvocationHarness;

namespace NoslateFleet.Tests.Noslate.Invocation;

public sealed class UploadTests
{
    [Fact]
    public async Task BodyThatIsNotThereYet_LetsTheHeadGoAtOnce_AndFollowsAsItComes()
    {
        var pipe = new Pipe();
        var messages = System.Threading.Channels.Channel.CreateUnbounded<InvokeRequest?>();
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            while (await call.ReadAsync() is { } message)
            {
                messages.Writer.TryWrite(InvokeRequest.Parser.ParseFrom(message));
            }

            messages.Writer.TryWrite(null);
            await call.WriteAsync(Head(200));
            call.SetStatus(0);
        });
        Task<InvocationCall> invoking = harness.InvokeAsync(pipe.Reader);
        InvokeRequest head = (await NextAsync())!;
        Assert.Equal(("hello", 0), (head.Name, head.Body.Length));
        Assert.True(head.Deadline > 1e12);
        foreach (string text in new[] { "one", "two", "three" })
        {
            await pipe.Writer.WriteAsync(Encoding.UTF8.GetBytes(text));
            InvokeRequest part = (await NextAsync())!;
            Assert.Equal((text, "", 0), (part.Body.ToStringUtf8(), part.Name, part.Deadline));
        }

        await pipe.Writer.CompleteAsync();
        Assert.Null(await NextAsync());
        await using InvocationCall call = await invoking;
        Assert.Empty(await ReadToEndAsync(call));

        Task<InvokeRequest?> NextAsync() => messages.Reader.ReadAsync().AsTask().WaitAsync(Patience);
    }

    [Fact]
    public async Task NoBody_IsOneMessageAndTheEnd()
    {
        List<byte[]>? messages = null;
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            messages = await call.ReadAllAsync();
            await call.WriteAsync(Head(200));
            call.SetStatus(0);
        });
        await using InvocationCall call = await harness.InvokeAsync();
        Assert.Single(messages!);
    }

    [Fact]
    public async Task EmptyBody_IsOneMessageAndTheEnd()
    {
        List<byte[]>? messages = null;
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            messages = await call.ReadAllAsync();
            await call.WriteAsync(Head(200));
            call.SetStatus(0);
        });
        await using InvocationCall call = await harness.InvokeAsync(PipeReader.Create(ReadOnlySequence<byte>.Empty));
        Assert.Equal(0, InvokeRequest.Parser.ParseFrom(Assert.Single(messages!)).Body.Length);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4096)]
    [InlineData(4097)]
    [InlineData(16 * 1024)]
    [InlineData(256 * 1024)]
    [InlineData((256 * 1024) + 1)]
    [InlineData(12 * 1024 * 1024)]
    public async Task BodyOfAnyLength_ArrivesWhole_InMessagesOfAtMost256KiB(int length)
    {
        byte[] bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        using var got = new MemoryStream();
        int longest = 0;
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            while (await call.ReadAsync() is { } message)
            {
                byte[] body = InvokeRequest.Parser.ParseFrom(message).Body.ToByteArray();
                longest = Math.Max(longest, body.Length);
                got.Write(body);
            }

            await call.WriteAsync(Head(200));
            call.SetStatus(0);
        });

        // Both ways of giving a body: all of it at hand, and a stream that is read in pieces.
        foreach (PipeReader reader in new[] { PipeReader.Create(new ReadOnlySequence<byte>(bytes)), PipeReader.Create(new MemoryStream(bytes)) })
        {
            got.SetLength(0);
            await using InvocationCall call = await harness.InvokeAsync(reader);
            Assert.True(bytes.AsSpan().SequenceEqual(got.ToArray()));
            Assert.InRange(longest, 1, 256 * 1024);
            await ReadToEndAsync(call);
        }
    }

    [Fact]
    public async Task PlaneThatDoesNotRead_StallsTheUpload()
    {
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 64 * 1024, resumeWriterThreshold: 32 * 1024));
        var go = new TaskCompletionSource();
        long read = 0;
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await go.Task;
            while (await call.ReadAsync() is { } message)
            {
                read += InvokeRequest.Parser.ParseFrom(message).Body.Length;
            }

            await call.WriteAsync(Head(200));
            call.SetStatus(0);
        });
        Task<InvocationCall> invoking = harness.InvokeAsync(pipe.Reader);
        byte[] chunk = new byte[64 * 1024];
        int written = 0;
        while (written < 256)
        {
            written++;
            Task<FlushResult> flush = pipe.Writer.WriteAsync(chunk).AsTask();

            // Nothing tells of a stall but time. A machine that is slow for once only makes the test look earlier.
            if (await Task.WhenAny(flush, Task.Delay(TimeSpan.FromMilliseconds(500))) != flush)
            {
                go.SetResult();
                await flush;
                break;
            }
        }

        Assert.True(written < 100, $"{written} chunks of 64 KiB were taken while the plane read nothing");
        await pipe.Writer.CompleteAsync();
        await using InvocationCall call = await invoking;
        Assert.Equal((long)written * chunk.Length, read);
    }

    [Fact]
    public async Task ResponseThatEndsEarly_IsWhole_AndStopsTheUpload()
    {
        var pipe = new Pipe();
        await pipe.Writer.WriteAsync("start"u8.ToArray());
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await call.ReadAsync();
            await call.WriteAsync(Head(200, "early"));
            call.SetStatus(0);
        });
        InvocationCall call = await harness.InvokeAsync(pipe.Reader);
        Assert.Equal("early", Encoding.UTF8.GetString(await ReadToEndAsync(call)));
        await call.DisposeAsync().AsTask().WaitAsync(Patience);
        await AssertReaderIsTheCallersAgain(pipe);
    }

    [Fact]
    public async Task ErrorDuringTheUpload_StopsIt()
    {
        var pipe = new Pipe();
        var reset = new TaskCompletionSource();
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await call.ReadAsync();
            await call.WriteAsync(Error("Error", 8, "rate limit exceeded"));
            await call.Aborted;
            reset.SetResult();
        });
        Assert.Equal(InvocationFailure.RateLimited, (await harness.FailAsync(pipe.Reader)).Failure);
        await reset.Task.WaitAsync(Patience);
        await AssertReaderIsTheCallersAgain(pipe);
    }

    [Fact]
    public async Task CancelDuringTheUpload_GivesTheReaderBack()
    {
        var pipe = new Pipe();
        using var caller = new CancellationTokenSource();
        var arrived = new TaskCompletionSource();
        var reset = new TaskCompletionSource();
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await call.ReadAsync();
            arrived.SetResult();
            await call.Aborted;
            reset.SetResult();
        });
        Task<InvocationCall> invoking = harness.InvokeAsync(pipe.Reader, cancellationToken: caller.Token);
        await arrived.Task.WaitAsync(Patience);
        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => invoking);
        await reset.Task.WaitAsync(Patience);
        await AssertReaderIsTheCallersAgain(pipe);
    }

    [Fact]
    public async Task TimeoutDuringTheUpload_GivesTheReaderBack()
    {
        var pipe = new Pipe();
        var clock = new ManualTimeProvider();
        var arrived = new TaskCompletionSource();
        await using InvocationHarness harness = await StartAsync(
            async call =>
            {
                await call.ReadAsync();
                arrived.SetResult();
                await call.Aborted;
            },
            clock);
        Task<InvocationCall> invoking = harness.InvokeAsync(pipe.Reader, TimeSpan.FromSeconds(1));
        await arrived.Task.WaitAsync(Patience);
        clock.Advance(TimeSpan.FromSeconds(2));
        var failure = await Assert.ThrowsAsync<InvocationFailedException>(() => invoking);
        Assert.Equal(InvocationFailure.DeadlineExceeded, failure.Error.Failure);
        await AssertReaderIsTheCallersAgain(pipe);
    }

    [Fact]
    public async Task PlaneLostDuringTheUpload_GivesTheReaderBack()
    {
        var pipe = new Pipe();
        await using InvocationHarness harness = WithoutPlane();
        await using var plane = new RawPlane(harness.SocketPath, async stream =>
        {
            await RawPlane.GreetAsync(stream);
            await RawPlane.ReadBegunRequestAsync(stream);
        });
        InvocationError error = await harness.FailAsync(pipe.Reader);
        Assert.Equal((InvocationFailure.PlaneLost, Executed.Maybe), (error.Failure, error.Executed));
        await AssertReaderIsTheCallersAgain(pipe);
    }

    [Fact]
    public async Task BodyThatFails_ResetsTheCall_WithoutACleanEnd()
    {
        var pipe = new Pipe();
        var arrived = new TaskCompletionSource();
        var seen = new TaskCompletionSource<Exception?>();
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await call.ReadAsync();
            arrived.SetResult();
            seen.SetResult(await Record.ExceptionAsync(call.ReadAsync));
        });
        Task<InvocationCall> invoking = harness.InvokeAsync(pipe.Reader);
        await arrived.Task.WaitAsync(Patience);
        await pipe.Writer.CompleteAsync(new IOException("the client hung up"));
        var failure = await Assert.ThrowsAsync<InvocationFailedException>(() => invoking);
        Assert.Equal((InvocationFailure.RequestBodyFailed, Executed.Maybe), (failure.Error.Failure, failure.Error.Executed));
        Assert.Equal("the client hung up", Assert.IsType<IOException>(failure.InnerException).Message);
        Assert.NotNull(await seen.Task.WaitAsync(Patience));
    }

    [Fact]
    public async Task BodyThatFailsAtOnce_NeverReachesThePlane()
    {
        var pipe = new Pipe();
        await pipe.Writer.CompleteAsync(new IOException("gone"));
        await using InvocationHarness harness = await StartAsync(_ => Task.CompletedTask);
        InvocationError error = await harness.FailAsync(pipe.Reader);
        Assert.Equal((InvocationFailure.RequestBodyFailed, Executed.Never), (error.Failure, error.Executed));
    }

    [Fact]
    public async Task BodyThatFailsAfterTheHead_FailsTheRead()
    {
        var pipe = new Pipe();
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await call.WriteAsync(Head(200));
            await call.Aborted;
        });
        await using InvocationCall call = await harness.InvokeAsync(pipe.Reader);
        await pipe.Writer.CompleteAsync(new IOException("the client hung up"));
        var failure = await Assert.ThrowsAsync<InvocationFailedException>(() => ReadAsync(call, new byte[1]));
        Assert.Equal((InvocationFailure.RequestBodyFailed, Executed.Yes, true), (failure.Error.Failure, failure.Error.Executed, failure.Error.AfterHead));
    }

    [Fact]
    public async Task SmallBodyThatBreaksAsItIsGivenBack_NeverReachesThePlane()
    {
        await using InvocationHarness harness = await StartAsync(_ => Task.CompletedTask);
        var body = new BreakingReader(PipeReader.Create(new ReadOnlySequence<byte>("small"u8.ToArray())), new OperationCanceledException("gone"));
        var failure = await Assert.ThrowsAsync<InvocationFailedException>(() => harness.InvokeAsync(body));
        Assert.Equal((InvocationFailure.RequestBodyFailed, Executed.Never), (failure.Error.Failure, failure.Error.Executed));
        Assert.Equal("gone", Assert.IsType<OperationCanceledException>(failure.InnerException).Message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task BodyThatBreaksAsItIsGivenBack_IsTheBodysFault_NotThePlanes(int sound)
    {
        var pipe = new Pipe();
        using var arrived = new SemaphoreSlim(0);
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            while (await call.ReadAsync() is not null)
            {
                arrived.Release();
            }
        });
        var body = new BreakingReader(pipe.Reader, new IOException("the client hung up")) { Sound = sound };
        Task<InvocationCall> invoking = harness.InvokeAsync(body);

        // The head goes before any of the body is there.
        Assert.True(await arrived.WaitAsync(Patience));
        await pipe.Writer.WriteAsync("part"u8.ToArray());
        if (sound > 0)
        {
            Assert.True(await arrived.WaitAsync(Patience));
            await pipe.Writer.WriteAsync("part"u8.ToArray());
        }

        var failure = await Assert.ThrowsAsync<InvocationFailedException>(() => invoking);
        Assert.Equal((InvocationFailure.RequestBodyFailed, Executed.Maybe), (failure.Error.Failure, failure.Error.Executed));
        Assert.Equal("the client hung up", Assert.IsType<IOException>(failure.InnerException).Message);
    }

    [Fact]
    public async Task BodyThatBreaksAsItIsGivenBackUnread_LeavesTheCallsOwnEnd()
    {
        var pipe = new Pipe();
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await call.ReadAsync();
            await call.WriteAsync(Head(200));
            call.SetStatus(0);
        });
        await using InvocationCall call = await harness.InvokeAsync(new BreakingReader(pipe.Reader, new IOException("the client hung up")));
        Assert.Empty(await ReadToEndAsync(call));
    }

    [Fact]
    public async Task HeadAboveTenMebibytes_IsRefusedWithoutASend()
    {
        await using InvocationHarness harness = WithoutPlane();
        using var request = InvocationRequest.Rent("f", "GET", "/", "id");
        request.AddHeader("x", new string('x', 10 * 1024 * 1024));
        var failure = await Assert.ThrowsAsync<InvocationFailedException>(async () => await harness.Invoker.InvokeAsync(
            harness.Channel, null, null, InvocationTarget.Function, request, null, Patience, CancellationToken.None));
        Assert.Equal((InvocationFailure.RequestTooLarge, Executed.Never), (failure.Error.Failure, failure.Error.Executed));
    }

    [Fact]
    public async Task HeadOfNearlyTenMebibytes_LeavesTheBodyToLaterMessages()
    {
        List<byte[]>? messages = null;
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            messages = await call.ReadAllAsync();
            await call.WriteAsync(Head(200));
            call.SetStatus(0);
        });
        using var request = InvocationRequest.Rent("f", "GET", "/", "id");
        request.AddHeader("x", new string('x', (10 * 1024 * 1024) - 100));
        await using InvocationCall call = await harness.Invoker.InvokeAsync(
            harness.Channel, null, null, InvocationTarget.Function, request, PipeReader.Create(new(new byte[300])), Patience, CancellationToken.None);
        Assert.All(messages!, message => Assert.InRange(message.Length, 1, 10 * 1024 * 1024));
        Assert.Equal(300, messages!.Sum(message => InvokeRequest.Parser.ParseFrom(message).Body.Length));
    }

    // Nobody reads from the pipe, no cancelled read is left behind, and bytes that come now are the caller's.
    private static async Task AssertReaderIsTheCallersAgain(Pipe pipe)
    {
        await pipe.Writer.WriteAsync("later"u8.ToArray());
        ReadResult read = await pipe.Reader.ReadAsync().AsTask().WaitAsync(Patience);
        Assert.False(read.IsCanceled);
        Assert.Equal("later", Encoding.UTF8.GetString(read.Buffer.ToArray()));
        pipe.Reader.AdvanceTo(read.Buffer.End);
    }
}
