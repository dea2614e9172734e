using System.IO.Pipelines;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using NoslateFleet.Noslate.Invocation;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Tests.Common;
using static NoslateFleet.Tests.Noslate.Invocation.InvocationHarness;

namespace NoslateFleet.Tests.Noslate.Invocation;

public sealed class InvokeTests
{
    [Fact]
    public async Task Request_ReachesThePlaneAsOneMessage_AndTheAnswerComesBack()
    {
        var seen = new TaskCompletionSource<(List<byte[]> Messages, string Path, Dictionary<string, string> Headers)>();
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            seen.SetResult((await call.ReadAllAsync(), call.Context.Request.Path.Value!,
                call.Context.Request.Headers.ToDictionary(pair => pair.Key, pair => pair.Value.ToString(), StringComparer.OrdinalIgnoreCase)));
            await call.WriteAsync(Head(201, null, ("Content-Type", "text/plain"), ("X-A", "1"), ("x-a", "2"), ("x-empty", ""), ("x-utf8", "你好")));
            await call.WriteAsync(Body("hello, "));
            await call.WriteAsync(Body("world"));
            call.SetStatus(0);
        });
        await using InvocationCall call = await harness.InvokeAsync(PipeReader.Create(new(Encoding.UTF8.GetBytes("ping"))));
        Assert.Equal(201, call.Status);
        Assert.Equal(
            [new("Content-Type", "text/plain"), new("X-A", "1"), new("x-a", "2"), new("x-empty", ""), new("x-utf8", "你好")], call.Headers);
        Assert.Equal("hello, world", Encoding.UTF8.GetString(await ReadToEndAsync(call)));
        Assert.Equal(0, await ReadAsync(call, new byte[1]));

        (List<byte[]> messages, string path, Dictionary<string, string> headers) = await seen.Task;
        InvokeRequest request = InvokeRequest.Parser.ParseFrom(Assert.Single(messages));
        Assert.Equal(("hello", "POST", "/path?q=1", "id-1", "ping"), (request.Name, request.Method, request.Url, request.RequestId, request.Body.ToStringUtf8()));
        Assert.Equal("x-header", Assert.Single(request.Headers).Key);
        Assert.Equal(InvokePath, path);
        Assert.Equal("application/grpc", headers["content-type"]);
        Assert.Equal("trailers", headers["te"]);
        Assert.Equal("identity", headers["grpc-accept-encoding"]);
        Assert.Equal("localhost", headers["host"]);
        Assert.NotEmpty(headers["user-agent"]);
        Assert.False(headers.ContainsKey("grpc-timeout"), "the plane would cut a streaming body with it");
        Assert.False(headers.ContainsKey("traceparent"));
        Assert.False(headers.ContainsKey("content-length"));
    }

    [Fact]
    public async Task Service_IsInvokedByItsOwnMethod()
    {
        await using InvocationHarness harness = await StartAsync(_ => throw new InvalidOperationException("not this one"));
        harness.Plane!.On(InvokeServicePath, async call =>
        {
            await call.WriteAsync(Head(200));
            call.SetStatus(0);
        });
        await using InvocationCall call = await harness.InvokeAsync(target: InvocationTarget.Service);
        Assert.Empty(await ReadToEndAsync(call));
    }

    [Fact]
    public async Task ManyCalls_OneAfterTheOther_DoNotMixUp()
    {
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            InvokeRequest request = InvokeRequest.Parser.ParseFrom((await call.ReadAllAsync())[0]);
            await call.WriteAsync(Head(200, request.Body.ToStringUtf8(), ("x", request.Body.ToStringUtf8())));
            call.SetStatus(0);
        });
        for (int i = 0; i < 50; i++)
        {
            string text = $"body {i} {new string('x', i * 100)}";
            await using InvocationCall call = await harness.InvokeAsync(PipeReader.Create(new(Encoding.UTF8.GetBytes(text))));
            Assert.Equal(text, call.Headers[0].Value);
            Assert.Equal(text, Encoding.UTF8.GetString(await ReadToEndAsync(call)));
        }
    }

    [Fact]
    public async Task BodyInHeadMessage_IsRead()
    {
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await call.WriteAsync(Head(200, "in the head"));
            call.SetStatus(0);
        });
        await using InvocationCall call = await harness.InvokeAsync();
        Assert.Equal("in the head", Encoding.UTF8.GetString(await ReadToEndAsync(call, bufferSize: 3)));
    }

    [Fact]
    public async Task NineMebibyteMessage_ComesWhole()
    {
        byte[] bytes = new byte[9 * 1024 * 1024];
        new Random(1).NextBytes(bytes);
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await call.WriteAsync(Head(200));
            await call.WriteAsync(Body(bytes));
            call.SetStatus(0);
        });
        await using InvocationCall call = await harness.InvokeAsync();
        byte[] read = await ReadToEndAsync(call, 64 * 1024);
        Assert.True(bytes.AsSpan().SequenceEqual(read));
    }

    [Fact]
    public async Task NineMebibytesInTheHeadMessage_ComeWhole()
    {
        string text = new('x', 9 * 1024 * 1024);
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await call.WriteAsync(Head(200, text));
            call.SetStatus(0);
        });
        await using InvocationCall call = await harness.InvokeAsync();
        Assert.Equal(text.Length, (await ReadToEndAsync(call, 64 * 1024)).Length);
    }

    [Fact]
    public async Task MessageAboveTenMebibytes_IsRefusedAndTheCallIsReset()
    {
        var reset = new TaskCompletionSource();
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await call.WriteAsync(Head(200));
            await call.WriteRawAsync(new byte[] { 0, 0, 0xA0, 0, 1 });
            await call.Aborted;
            reset.SetResult();
        });
        await using InvocationCall call = await harness.InvokeAsync();
        var failure = await Assert.ThrowsAsync<InvocationFailedException>(() => ReadToEndAsync(call));
        Assert.Equal((InvocationFailure.InvalidResponse, Executed.Yes, true), (failure.Error.Failure, failure.Error.Executed, failure.Error.AfterHead));
        Assert.Contains("10485761", failure.Error.Message, StringComparison.Ordinal);
        await reset.Task.WaitAsync(Patience);
        Assert.Same(failure, await Assert.ThrowsAsync<InvocationFailedException>(() => ReadAsync(call, new byte[1])));
    }

    [Fact]
    public async Task ErrorStreamThatNeverEnds_IsReset()
    {
        var reset = new TaskCompletionSource();
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await call.WriteAsync(Error("Error", 5, "No function named hello registered in this node."));
            await call.Aborted;
            reset.SetResult();
        });
        InvocationError error = await harness.FailAsync();
        Assert.Equal((InvocationFailure.UnknownFunction, Executed.Never, false), (error.Failure, error.Executed, error.AfterHead));
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
        Assert.Contains("secret", error.Detail, StringComparison.Ordinal);
        await reset.Task.WaitAsync(Patience);
    }

    [Fact]
    public async Task ErrorAfterTheHead_FailsThoughTheStatusIsOk()
    {
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await call.WriteAsync(Head(200));
            await call.WriteAsync(Body("half"));
            await call.WriteAsync(Error("Error", 0, "peer reset stream"));
            call.SetStatus(0);
        });
        await using InvocationCall call = await harness.InvokeAsync();
        var failure = await Assert.ThrowsAsync<InvocationFailedException>(() => ReadToEndAsync(call));
        Assert.Equal((InvocationFailure.ResponseReset, Executed.Yes, true), (failure.Error.Failure, failure.Error.Executed, failure.Error.AfterHead));
    }

    [Theory]
    [InlineData(0, "", InvocationFailure.InvalidResponse, Executed.Maybe)]
    [InlineData(1, "Call cancelled", InvocationFailure.PlaneStopped, Executed.Maybe)]
    [InlineData(8, "Received message larger than max (1 vs. 2)", InvocationFailure.RequestTooLarge, Executed.Never)]
    [InlineData(8, "Bandwidth exhausted or memory limit exceeded", InvocationFailure.SessionFull, Executed.Maybe)]
    [InlineData(13, "bad", InvocationFailure.PlaneError, Executed.Maybe)]
    [InlineData(14, "Connection dropped", InvocationFailure.PlaneLost, Executed.Maybe)]
    [InlineData(99, "?", InvocationFailure.PlaneError, Executed.Maybe)]
    public async Task StatusWithoutHead_Fails(int status, string message, InvocationFailure failure, Executed executed)
    {
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await call.StartAsync();
            call.SetStatus(status, message);
        });
        InvocationError error = await harness.FailAsync();
        Assert.Equal((failure, executed, false), (error.Failure, error.Executed, error.AfterHead));
    }

    [Fact]
    public async Task StatusNotOkAfterTheHead_Fails()
    {
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await call.WriteAsync(Head(200));
            call.SetStatus(8, "Sent message larger than max (20 vs. 10)");
        });
        await using InvocationCall call = await harness.InvokeAsync();
        var failure = await Assert.ThrowsAsync<InvocationFailedException>(() => ReadToEndAsync(call));
        Assert.Equal((InvocationFailure.ResponseTooLarge, Executed.Yes), (failure.Error.Failure, failure.Error.Executed));
    }

    [Fact]
    public async Task MissingStatus_IsInvalid()
    {
        await using InvocationHarness harness = await StartAsync(async call => await call.WriteAsync(Head(200)));
        await using InvocationCall call = await harness.InvokeAsync();
        var failure = await Assert.ThrowsAsync<InvocationFailedException>(() => ReadToEndAsync(call));
        Assert.Equal(InvocationFailure.InvalidResponse, failure.Error.Failure);
    }

    [Fact]
    public async Task EndInsideAMessage_WithStatusOk_IsInvalid()
    {
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await call.WriteAsync(Head(200));
            byte[] frame = PlaneCall.Frame(Body("hello"));
            await call.WriteRawAsync(frame.AsMemory(0, frame.Length - 1));
            call.SetStatus(0);
        });
        await using InvocationCall call = await harness.InvokeAsync();
        var failure = await Assert.ThrowsAsync<InvocationFailedException>(() => ReadToEndAsync(call));
        Assert.Equal(InvocationFailure.InvalidResponse, failure.Error.Failure);
    }

    [Theory]
    [InlineData(503, "application/grpc")]
    [InlineData(415, "")]
    [InlineData(200, "text/html")]
    [InlineData(200, "application/grpc-web")]
    public async Task ResponseThatIsNoGrpc_IsInvalid(int http, string contentType)
    {
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            call.Context.Response.StatusCode = http;
            call.Context.Response.ContentType = contentType;
            await call.Context.Response.Body.FlushAsync();
        });
        InvocationError error = await harness.FailAsync();
        Assert.Equal((InvocationFailure.InvalidResponse, Executed.Maybe), (error.Failure, error.Executed));
    }

    [Fact]
    public async Task TrailersOnly_IsReadWithItsMessageDecoded()
    {
        await using InvocationHarness harness = WithoutPlane();
        await using FakePlane plane = await FakePlane.StartAsync(harness.SocketPath);
        InvocationError error = await harness.FailAsync();
        Assert.Equal((InvocationFailure.PlaneError, "[object Object]"), (error.Failure, error.Message));
    }

    [Theory]
    [InlineData(2, InvocationFailure.PlaneError, Executed.Maybe)]
    [InlineData(8, InvocationFailure.PlaneStopped, Executed.Maybe)]
    [InlineData(11, InvocationFailure.SessionFull, Executed.Maybe)]
    public async Task ResetByThePlane_IsReadByItsCode(int errorCode, InvocationFailure failure, Executed executed)
    {
        await using InvocationHarness harness = await StartAsync(call =>
        {
            call.Reset(errorCode);
            return Task.CompletedTask;
        });
        InvocationError error = await harness.FailAsync();
        Assert.Equal((failure, executed), (error.Failure, error.Executed));
    }

    [Fact]
    public async Task MissingSocket_IsUnavailableAndNeverRan()
    {
        await using InvocationHarness harness = WithoutPlane();
        InvocationError error = await harness.FailAsync();
        Assert.Equal((InvocationFailure.PlaneUnavailable, Executed.Never), (error.Failure, error.Executed));
    }

    [Fact]
    public async Task StaleSocket_IsUnavailableAndNeverRan()
    {
        await using InvocationHarness harness = WithoutPlane();
        Directory.CreateDirectory(Path.GetDirectoryName(harness.SocketPath)!);
        using (var listener = new System.Net.Sockets.Socket(
            System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified))
        {
            listener.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(harness.SocketPath));
        }

        if (!File.Exists(harness.SocketPath))
        {
            // .NET removes the file of a socket that it bound; any file that nobody listens on is as stale.
            await File.WriteAllTextAsync(harness.SocketPath, "");
        }

        InvocationError error = await harness.FailAsync();
        Assert.Equal((InvocationFailure.PlaneUnavailable, Executed.Never), (error.Failure, error.Executed));
    }

    [Fact]
    public async Task PlaneThatComesBack_IsReachedAgain()
    {
        await using InvocationHarness harness = WithoutPlane();
        await harness.FailAsync();
        for (int i = 0; i < 2; i++)
        {
            await using FakePlane plane = await FakePlane.StartAsync(harness.SocketPath);
            plane.On(InvokePath, async call =>
            {
                await call.WriteAsync(Head(200, "back"));
                call.SetStatus(0);
            });
            await using InvocationCall call = await harness.InvokeAsync();
            Assert.Equal("back", Encoding.UTF8.GetString(await ReadToEndAsync(call)));
        }
    }

    [Fact]
    public async Task PlaneKilledBeforeTheHead_IsLost()
    {
        await using InvocationHarness harness = WithoutPlane();
        await using var plane = new RawPlane(harness.SocketPath, async stream =>
        {
            await RawPlane.GreetAsync(stream);
            await RawPlane.ReadBegunRequestAsync(stream);
        });
        InvocationError error = await harness.FailAsync();
        Assert.Equal((InvocationFailure.PlaneLost, Executed.Maybe), (error.Failure, error.Executed));
    }

    [Fact]
    public async Task PlaneKilledAfterTheHead_IsLostAndRan()
    {
        await using InvocationHarness harness = WithoutPlane();
        await using var plane = new RawPlane(harness.SocketPath, async stream =>
        {
            await RawPlane.GreetAsync(stream);
            int id = await RawPlane.ReadRequestAsync(stream);
            await stream.WriteAsync(RawPlane.Frame(RawPlane.Headers, RawPlane.EndHeaders, id, RawPlane.Block((":status", "200"), ("content-type", "application/grpc"))));
            await stream.WriteAsync(RawPlane.Frame(RawPlane.Data, 0, id, PlaneCall.Frame(Head(200, "x"))));
            await RawPlane.DrainAsync(stream);
        });
        await using InvocationCall call = await harness.InvokeAsync();
        Assert.Equal(1, await ReadAsync(call, new byte[10]));
        await plane.DisposeAsync();
        var failure = await Assert.ThrowsAsync<InvocationFailedException>(() => ReadAsync(call, new byte[10]));
        Assert.Equal((InvocationFailure.PlaneLost, Executed.Yes, true), (failure.Error.Failure, failure.Error.Executed, failure.Error.AfterHead));
    }

    [Fact]
    public async Task GoAwayThatCoversTheCall_ThenClose_IsLost()
    {
        await using InvocationHarness harness = WithoutPlane();
        await using var plane = new RawPlane(harness.SocketPath, async stream =>
        {
            await RawPlane.GreetAsync(stream);
            int id = await RawPlane.ReadBegunRequestAsync(stream);
            await stream.WriteAsync(RawPlane.Frame(RawPlane.GoAway, 0, 0, [0, 0, 0, (byte)id, 0, 0, 0, 0]));
        });
        InvocationError error = await harness.FailAsync();
        Assert.Equal((InvocationFailure.PlaneLost, Executed.Maybe), (error.Failure, error.Executed));
    }

    [Fact]
    public async Task GoAwayThatDoesNotCoverTheCall_IsSentAgainOnANewConnection()
    {
        int connections = 0;
        await using InvocationHarness harness = WithoutPlane();
        await using var plane = new RawPlane(harness.SocketPath, async stream =>
        {
            await RawPlane.GreetAsync(stream);
            int id = await RawPlane.ReadRequestAsync(stream);
            if (Interlocked.Increment(ref connections) == 1)
            {
                await stream.WriteAsync(RawPlane.Frame(RawPlane.GoAway, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]));
                await RawPlane.DrainAsync(stream);
                return;
            }

            await stream.WriteAsync(RawPlane.Frame(RawPlane.Headers, RawPlane.EndHeaders, id, RawPlane.Block((":status", "200"), ("content-type", "application/grpc"))));
            await stream.WriteAsync(RawPlane.Frame(RawPlane.Data, 0, id, PlaneCall.Frame(Head(200, "again"))));
            await stream.WriteAsync(RawPlane.Frame(RawPlane.Headers, RawPlane.EndHeaders | RawPlane.EndStream, id, RawPlane.Block(("grpc-status", "0"))));
            await RawPlane.DrainAsync(stream);
        });
        await using InvocationCall call = await harness.InvokeAsync();
        Assert.Equal("again", Encoding.UTF8.GetString(await ReadToEndAsync(call)));
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\r\n\r\n")]
    [InlineData("\0\0\0\0\0\0\0\0\0")]
    [InlineData("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF")]
    [InlineData("")]
    public async Task GarbageOnTheSocket_FailsAndNeverHangs(string garbage)
    {
        await using InvocationHarness harness = WithoutPlane();
        await using var plane = new RawPlane(harness.SocketPath, async stream =>
        {
            await stream.WriteAsync(Encoding.Latin1.GetBytes(garbage));
            await stream.ReadExactlyAsync(new byte[24]);
        });
        InvocationError error = await harness.FailAsync();
        Assert.Contains(
            error.Failure, new[] { InvocationFailure.PlaneUnavailable, InvocationFailure.PlaneLost, InvocationFailure.PlaneError, InvocationFailure.InvalidResponse });
    }

    [Fact]
    public async Task MalformedFrames_FailAndNeverHang()
    {
        byte[] head = RawPlane.Block((":status", "200"), ("content-type", "application/grpc"));
        Func<int, byte[]>[] corpus =
        [
            id => RawPlane.Frame(RawPlane.Headers, RawPlane.EndHeaders, id, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
            id => RawPlane.Frame(RawPlane.Headers, RawPlane.EndHeaders, id, RawPlane.Block((":status", "xyz"))),
            id => RawPlane.Frame(RawPlane.Headers, RawPlane.EndHeaders, id, RawPlane.Block(("no-status", "x"))),
            id => RawPlane.Frame(RawPlane.Data, 0, id, [1, 2, 3]),
            id => RawPlane.Frame(RawPlane.Data, 0, id + 2, [1, 2, 3]),
            id => [.. RawPlane.Frame(RawPlane.Headers, RawPlane.EndHeaders, id, head), .. RawPlane.Frame(RawPlane.Data, RawPlane.EndStream, id, [0, 0, 0])],
            id => [.. RawPlane.Frame(RawPlane.Headers, RawPlane.EndHeaders, id, head), .. RawPlane.Frame(RawPlane.Data, RawPlane.EndStream, id, [])],
            id => [.. RawPlane.Frame(RawPlane.Headers, RawPlane.EndHeaders, id, head), .. RawPlane.Frame(RawPlane.Data, 0, id, [0, 0, 0, 0, 1, 0])],
            id => RawPlane.Frame(RawPlane.Headers, RawPlane.EndHeaders | RawPlane.EndStream, id, RawPlane.Block((":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "none"))),
            id => RawPlane.Frame(RawPlane.RstStream, 0, id, [0, 0, 0, 0]),
            id => RawPlane.Frame(RawPlane.RstStream, 0, id, [0, 0, 1, 0]),
            id => RawPlane.Frame(RawPlane.GoAway, 0, 0, [1]),
            id => RawPlane.Frame(RawPlane.Settings, 0, 0, [1]),
        ];
        foreach (Func<int, byte[]> answer in corpus)
        {
            await using InvocationHarness harness = WithoutPlane();
            await using var plane = new RawPlane(harness.SocketPath, async stream =>
            {
                await RawPlane.GreetAsync(stream);
                await stream.WriteAsync(answer(await RawPlane.ReadRequestAsync(stream)));
                await RawPlane.DrainAsync(stream);
            });
            await harness.FailAsync();
        }
    }

    [Fact]
    public async Task RefusedStream_NeverRan()
    {
        await using InvocationHarness harness = WithoutPlane();
        await using var plane = new RawPlane(harness.SocketPath, async stream =>
        {
            await RawPlane.GreetAsync(stream);
            while (true)
            {
                await stream.WriteAsync(RawPlane.Frame(RawPlane.RstStream, 0, await RawPlane.ReadRequestAsync(stream), [0, 0, 0, 7]));
            }
        });
        InvocationError error = await harness.FailAsync();
        Assert.Equal((InvocationFailure.PlaneUnavailable, Executed.Never), (error.Failure, error.Executed));
    }

    [Fact]
    public async Task NoAnswer_EndsAtTheTimeoutAndItsGrace_AndTheCallIsReset()
    {
        var clock = new ManualTimeProvider();
        var arrived = new TaskCompletionSource();
        var reset = new TaskCompletionSource();
        await using InvocationHarness harness = await StartAsync(
            async call =>
            {
                arrived.SetResult();
                await call.Aborted;
                reset.SetResult();
            },
            clock);
        Task<InvocationCall> invoking = harness.InvokeAsync(timeout: TimeSpan.FromSeconds(3));
        await arrived.Task.WaitAsync(Patience);
        clock.Advance(TimeSpan.FromMilliseconds(3199));
        Assert.False(reset.Task.IsCompleted);
        clock.Advance(TimeSpan.FromMilliseconds(2));
        var failure = await Assert.ThrowsAsync<InvocationFailedException>(() => invoking);
        Assert.Equal((InvocationFailure.DeadlineExceeded, Executed.Maybe), (failure.Error.Failure, failure.Error.Executed));
        await reset.Task.WaitAsync(Patience);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Timeout_OfAProcessThatStoodStill_TakesWhatIsThere(bool answerIsThere)
    {
        var clock = new StandingStill();
        var arrived = new TaskCompletionSource();
        var go = new TaskCompletionSource();
        await using InvocationHarness harness = await StartAsync(
            async call =>
            {
                arrived.TrySetResult();
                await Task.WhenAny(go.Task, call.Aborted);
                await call.WriteAsync(InvocationHarness.Head(200));
                call.SetStatus(0);
            },
            clock);
        Task<InvocationCall> invoking = harness.InvokeAsync(timeout: TimeSpan.FromSeconds(3));
        await arrived.Task.WaitAsync(Patience);
        clock.StoodStill = TimeSpan.FromMinutes(1);
        clock.Inner.Advance(TimeSpan.FromMilliseconds(3200));
        if (answerIsThere)
        {
            go.SetResult();
            await using InvocationCall call = await invoking;
            Assert.Equal(200, call.Status);
            return;
        }

        clock.Inner.Advance(TimeSpan.FromMilliseconds(200));
        var failure = await Assert.ThrowsAsync<InvocationFailedException>(() => invoking);
        Assert.Equal(InvocationFailure.DeadlineExceeded, failure.Error.Failure);
    }

    [Fact]
    public async Task Timeout_DoesNotTouchABodyThatStreamsOn()
    {
        var clock = new ManualTimeProvider();
        var go = new TaskCompletionSource();
        await using InvocationHarness harness = await StartAsync(
            async call =>
            {
                await call.WriteAsync(Head(200));
                await go.Task;
                await call.WriteAsync(Body("late"));
                call.SetStatus(0);
            },
            clock);
        await using InvocationCall call = await harness.InvokeAsync(timeout: TimeSpan.FromSeconds(1));
        clock.Advance(TimeSpan.FromHours(1));
        go.SetResult();
        Assert.Equal("late", Encoding.UTF8.GetString(await ReadToEndAsync(call)));
    }

    [Fact]
    public async Task PassedTimeout_FailsWithoutASend()
    {
        await using InvocationHarness harness = WithoutPlane();
        InvocationError error = await harness.FailAsync(timeout: TimeSpan.Zero);
        Assert.Equal((InvocationFailure.DeadlineExceeded, Executed.Never), (error.Failure, error.Executed));
    }

    [Fact]
    public async Task AnyTimeout_GivesADeadlineBelowTwoToThe31()
    {
        var clock = new ManualTimeProvider();
        InvokeRequest? seen = null;
        await using InvocationHarness harness = await StartAsync(
            async call =>
            {
                seen = InvokeRequest.Parser.ParseFrom((await call.ReadAllAsync())[0]);
                await call.WriteAsync(Head(200));
                call.SetStatus(0);
            },
            clock);
        Gen<TimeSpan> timeouts = Gen.Frequency(
            (3, Gen.Choose(1, int.MaxValue).Select(ms => TimeSpan.FromMilliseconds(ms))),
            (2, ArbMap.Default.GeneratorFor<long>().Select(ticks => TimeSpan.FromTicks(Math.Max(1, Math.Abs(ticks % long.MaxValue))))),
            (1, Gen.Constant(TimeSpan.MaxValue)),
            (1, Gen.Constant(Timeout.InfiniteTimeSpan)));
        foreach (TimeSpan timeout in timeouts.Sample(100, 60))
        {
            await using InvocationCall call = await harness.InvokeAsync(timeout: timeout);
            await ReadToEndAsync(call);
            double ahead = seen!.Deadline - (clock.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMilliseconds;
            Assert.True(ahead >= 0 && ahead <= int.MaxValue - 60_000, $"{timeout} gave {ahead}");
            if (timeout > TimeSpan.Zero && timeout.TotalMilliseconds <= int.MaxValue - 60_000)
            {
                Assert.Equal(timeout.TotalMilliseconds, ahead, 1.0);
            }
        }
    }

    [Fact]
    public async Task CancelBeforeTheHead_ResetsAtOnce()
    {
        using var caller = new CancellationTokenSource();
        var arrived = new TaskCompletionSource();
        var reset = new TaskCompletionSource();
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            arrived.SetResult();
            await call.Aborted;
            reset.SetResult();
        });
        Task<InvocationCall> invoking = harness.InvokeAsync(cancellationToken: caller.Token);
        await arrived.Task.WaitAsync(Patience);
        await caller.CancelAsync();
        var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => invoking);
        Assert.Equal(caller.Token, cancelled.CancellationToken);
        await reset.Task.WaitAsync(Patience);
    }

    [Fact]
    public async Task CancelAfterTheHead_ResetsAtOnceAndEndsTheRead()
    {
        using var caller = new CancellationTokenSource();
        var reset = new TaskCompletionSource();
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await call.WriteAsync(Head(200));
            await call.Aborted;
            reset.SetResult();
        });
        await using InvocationCall call = await harness.InvokeAsync(cancellationToken: caller.Token);
        Task<int> reading = ReadAsync(call, new byte[10]);
        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        await reset.Task.WaitAsync(Patience);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ReadAsync(call, new byte[10]));
    }

    [Fact]
    public async Task CancelledToken_SendsNothing()
    {
        await using InvocationHarness harness = WithoutPlane();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => harness.InvokeAsync(cancellationToken: new CancellationToken(canceled: true)));
    }

    [Fact]
    public async Task CancelledRead_LeavesTheCallAlive()
    {
        var go = new TaskCompletionSource();
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await call.WriteAsync(Head(200));
            await go.Task;
            await call.WriteAsync(Body("still here"));
            call.SetStatus(0);
        });
        await using InvocationCall call = await harness.InvokeAsync();
        using var wait = new CancellationTokenSource();
        ValueTask<int> reading = call.ReadAsync(new byte[10], wait.Token);
        Assert.False(reading.IsCompleted);
        await wait.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.AsTask());
        go.SetResult();
        Assert.Equal("still here", Encoding.UTF8.GetString(await ReadToEndAsync(call)));
    }

    [Fact]
    public async Task DisposeInMidStream_ResetsTheCall()
    {
        var reset = new TaskCompletionSource();
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await call.WriteAsync(Head(200, "some"));
            await call.Aborted;
            reset.SetResult();
        });
        InvocationCall call = await harness.InvokeAsync();
        await call.DisposeAsync();
        await call.DisposeAsync();
        await reset.Task.WaitAsync(Patience);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => ReadAsync(call, new byte[1]));
    }

    [Fact]
    public async Task SecondReadAtATime_IsRefused_AndAnEmptyBufferToo()
    {
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await call.WriteAsync(Head(200));
            await call.Aborted;
        });
        InvocationCall call = await harness.InvokeAsync();
        await Assert.ThrowsAsync<ArgumentException>(async () => await call.ReadAsync(Memory<byte>.Empty, CancellationToken.None));
        Task<int> reading = ReadAsync(call, new byte[1]);
        await Assert.ThrowsAsync<InvalidOperationException>(() => ReadAsync(call, new byte[1]));
        await call.DisposeAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => reading);
    }

    [Fact]
    public async Task BytesAtHand_AreReadSynchronously()
    {
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await call.WriteAsync(Head(200, new string('x', 100)));
            await call.Aborted;
        });
        await using InvocationCall call = await harness.InvokeAsync();
        for (int i = 0; i < 10; i++)
        {
            ValueTask<int> read = call.ReadAsync(new byte[10], CancellationToken.None);
            Assert.True(read.IsCompletedSuccessfully);
            Assert.Equal(10, await read);
        }

        ValueTask<int> pending = call.ReadAsync(new byte[10], CancellationToken.None);
        Assert.False(pending.IsCompleted);
        await call.DisposeAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => pending.AsTask());
    }

    [Fact]
    public async Task CallerThatDoesNotRead_StallsThePlanesWrites()
    {
        const int Chunk = 64 * 1024;
        const int Chunks = 1024;
        int written = 0;
        var stalled = new TaskCompletionSource();
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await call.WriteAsync(Head(200));
            byte[] chunk = Body(new byte[Chunk]);
            for (; written < Chunks; written++)
            {
                // Nothing tells of a stall but time. A machine that is slow for once only makes the test look earlier.
                Task write = call.WriteAsync(chunk);
                if (await Task.WhenAny(write, Task.Delay(TimeSpan.FromMilliseconds(500))) != write)
                {
                    stalled.TrySetResult();
                }

                await write;
            }

            call.SetStatus(0);
        });
        await using InvocationCall call = await harness.InvokeAsync();
        await stalled.Task.WaitAsync(Patience);
        Assert.True(written < 100, $"{written} chunks of 64 KiB were taken while nobody read");
        Assert.Equal((long)Chunk * Chunks, (await ReadToEndAsync(call, 64 * 1024)).LongLength);
    }

    [Fact]
    public async Task Counter_SeesEachCallOnce()
    {
        await using InvocationHarness harness = await StartAsync(async call =>
        {
            await call.WriteAsync(Head(200));
            call.SetStatus(0);
        });
        var counter = new Counter();
        InvocationCall call = await harness.InvokeAsync(counter: counter);
        Assert.Equal((1, 0), (counter.Begun, counter.Ended));
        await call.DisposeAsync();
        await call.DisposeAsync();
        Assert.Equal((1, 1), (counter.Begun, counter.Ended));
        await harness.Plane!.DisposeAsync();
        await Assert.ThrowsAsync<InvocationFailedException>(() => harness.InvokeAsync(counter: counter));
        Assert.Equal((2, 2), (counter.Begun, counter.Ended));
    }

    /// <summary>A clock whose timers are late by as much as the process stood still.</summary>
    private sealed class StandingStill : TimeProvider
    {
        public ManualTimeProvider Inner { get; } = new();

        public TimeSpan StoodStill { get; set; }

        public override long TimestampFrequency => Inner.TimestampFrequency;

        public override DateTimeOffset GetUtcNow() => Inner.GetUtcNow() + StoodStill;

        public override long GetTimestamp() => Inner.GetTimestamp() + (long)(StoodStill.TotalSeconds * TimestampFrequency);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            Inner.CreateTimer(callback, state, dueTime, period);
    }

    private sealed class Counter : ICallCounter
    {
        private int _begun;
        private int _ended;

        public int Begun => _begun;

        public int Ended => _ended;

        public void CallBegins() => Interlocked.Increment(ref _begun);

        public void CallEnds() => Interlocked.Increment(ref _ended);

        public void CallAnswered()
        {
        }

        public void CallUnanswered()
        {
        }
    }
}
