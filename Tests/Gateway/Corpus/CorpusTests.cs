using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using NoslateFleet.Emulator.Node;
using NoslateFleet.Tests.Gateway.Harness;
using Xunit.Abstractions;

namespace NoslateFleet.Tests.Gateway.Corpus;

/// <summary>Malformed and odd requests against a real gateway: each gets a clear answer, none gets where it should not, nothing is left over.</summary>
public sealed class CorpusTests(ITestOutputHelper output) : IAsyncLifetime
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(10);

    /// <summary>Long enough for an answer that is coming; a request that waits for more gets none, and is ended by leaving.</summary>
    private static readonly TimeSpan _shortly = TimeSpan.FromMilliseconds(100);

    private GatewayUnderTest _gateway = null!;
    private long _sound;

    // Those that a test sends to be sure of the order of things are not counted.
    private long Served => _gateway.Node!.GetStats()["echo"].Dispatched - _sound;

    public async Task InitializeAsync() => _gateway = await GatewayUnderTest.StartAsync(
        functions: [],
        settings: [("Forwarding:MaxRequestBodyBytes", "1000000")],
        node: directory => new EmulatorOptions { Workdir = directory, BuiltInEcho = true });

    public async Task DisposeAsync()
    {
        if (_gateway is not null)
        {
            await _gateway.DisposeAsync();
        }
    }

    [Fact]
    public void Corpus_HasAtLeast300Cases_EachWithANameOfItsOwn()
    {
        Assert.True(OddRequests.All.Count >= 300, OddRequests.All.Count.ToString(CultureInfo.InvariantCulture));
        Assert.Equal(OddRequests.All.Count, OddRequests.All.Select(it => it.Name).Distinct(StringComparer.Ordinal).Count());
        Assert.All(OddRequests.All, it => Assert.NotEmpty(it.Statuses));
    }

    [SkippableFact]
    public async Task EveryCase_GetsARightAnswer_AndOnlySoundOnesReachTheFunction()
    {
        var wrong = new List<string>();
        foreach (var odd in OddRequests.All)
        {
            var before = Served;
            var answer = await ExchangeAsync(odd.Bytes, odd.Leaves ? TimeSpan.Zero : _limit, odd.Statuses.Contains(OddRequests.Twice) ? 2 : 1);
            if (Judge(odd, answer, (int)(await SettledServedAsync() - before)) is { } fault)
            {
                wrong.Add($"{odd.Name}: {fault}; right would be {string.Join(", ", odd.Statuses)}");
            }
        }

        output.WriteLine($"{OddRequests.All.Count} cases");
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        await AssertNothingLeftAsync();
    }

    [SkippableTheory]
    [InlineData(1)]
    [InlineData(20261122)]
    public async Task Mutations_GetAnAnswerOrAnEnd_AndNothingIsLeft(int seed)
    {
        const int connections = 6;
        const int each = 120;
        await Task.WhenAll(Enumerable.Range(0, connections).Select(async lane =>
        {
            var random = new Random(seed + (lane * 7919));
            for (var i = 0; i < each; i++)
            {
                var bytes = Mutation.Next(random);
                try
                {
                    var answer = await ExchangeAsync(bytes, i % 3 == 0 ? TimeSpan.Zero : _shortly, answers: 1);
                    Assert.True(answer.Status is 0 or 200 or (>= 400 and < 600), $"status {answer.Status}");
                    Assert.NotEqual(500, answer.Status);
                }
                catch (Exception error)
                {
                    throw new InvalidOperationException($"seed {seed}, lane {lane}, number {i}: {Convert.ToBase64String(bytes)}", error);
                }
            }
        }));
        await AssertNothingLeftAsync();
    }

    private static string? Judge(OddRequest odd, Answer answer, int reached)
    {
        if (odd.Statuses.Contains(OddRequests.Twice))
        {
            return answer is { Status: 200, Answers: 2 } && reached == 2 ? null : $"{answer}, reached {reached} times";
        }

        if (reached == 0)
        {
            return odd.Statuses.Contains(answer.Status) && answer.Status != 200 ? null : $"{answer}, not reached";
        }

        if (answer is { Status: 200, Whole: true })
        {
            return odd.Statuses.Contains(200) && reached == 1 ? null : $"{answer}, reached {reached} times";
        }

        return odd.Statuses.Contains(OddRequests.Reached) && reached == 1 ? null : $"{answer}, reached {reached} times";
    }

    private async Task<long> SettledServedAsync()
    {
        await _gateway.SettledAsync();

        // What a client has left may be given to the function a moment after the gateway has ended it. A sound request goes the same way behind it.
        using var answer = await _gateway.Http.PostAsync(new Uri("/invoke/echo", UriKind.Relative), new StringContent("sound"));
        Assert.Equal("sound", await answer.Content.ReadAsStringAsync());
        _sound++;
        await _gateway.Node!.WaitForAsync(it => it.OpenDataPlaneCalls == 1);
        return Served;
    }

    private async Task AssertNothingLeftAsync()
    {
        await _gateway.SettledAsync();

        // The event stream is the one that stays.
        await _gateway.Node!.WaitForAsync(it => it.OpenDataPlaneCalls == 1);
        using var answer = await _gateway.Http.PostAsync(new Uri("/invoke/echo", UriKind.Relative), new StringContent("sound"));
        Assert.Equal("sound", await answer.Content.ReadAsStringAsync());
    }

    /// <param name="bytes">What is sent.</param>
    /// <param name="patience">How long to wait for the answers before leaving.</param>
    /// <param name="answers">How many are waited for.</param>
    private async Task<Answer> ExchangeAsync(byte[] bytes, TimeSpan patience, int answers)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, _gateway.Port);
        using var limit = new CancellationTokenSource(_limit);
        using var received = new MemoryStream();
        var buffer = new byte[16 * 1024];
        var reset = false;
        var left = false;
        try
        {
            await socket.SendAsync(bytes, limit.Token);
        }
        catch (SocketException)
        {
            // It was turned away before it had said all; the answer may be there all the same.
        }

        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(limit.Token);
        waiting.CancelAfter(patience);
        try
        {
            while (true)
            {
                int count;
                try
                {
                    count = await socket.ReceiveAsync(buffer, left ? limit.Token : waiting.Token);
                }
                catch (OperationCanceledException) when (!left && !limit.IsCancellationRequested)
                {
                    left = true;
                    socket.Shutdown(SocketShutdown.Send);
                    continue;
                }

                if (count == 0)
                {
                    break;
                }

                received.Write(buffer, 0, count);
                if (!left && Answer.Of(Encoding.Latin1.GetString(received.ToArray()), false) is { Whole: true } sofar && sofar.Answers >= answers)
                {
                    left = true;
                    socket.Shutdown(SocketShutdown.Send);
                }
            }
        }
        catch (SocketException)
        {
            reset = true;
        }

        return Answer.Of(Encoding.Latin1.GetString(received.ToArray()), reset);
    }

    /// <summary>What came back.</summary>
    /// <param name="Status">The first final status; 0 for none.</param>
    /// <param name="Answers">How many final answers came.</param>
    /// <param name="Whole">Whether the first one ended as its head promised.</param>
    private sealed record Answer(int Status, int Answers, bool Whole)
    {
        public static Answer Of(string text, bool reset)
        {
            var statuses = new List<int>();
            for (var at = text.IndexOf("HTTP/1.1 ", StringComparison.Ordinal); at >= 0; at = text.IndexOf("HTTP/1.1 ", at + 1, StringComparison.Ordinal))
            {
                var status = int.Parse(text.AsSpan(at + 9, 3), NumberStyles.None, CultureInfo.InvariantCulture);
                if (status >= 200)
                {
                    statuses.Add(status);
                }
            }

            if (!text.Contains("\r\n\r\n", StringComparison.Ordinal))
            {
                return new Answer(statuses.FirstOrDefault(), statuses.Count, Whole: false);
            }

            var chunked = text.Contains("Transfer-Encoding: chunked", StringComparison.OrdinalIgnoreCase);
            return new Answer(statuses.FirstOrDefault(), statuses.Count, !reset && (!chunked || text.Contains("0\r\n\r\n", StringComparison.Ordinal)));
        }
    }
}
