using System.Globalization;
using System.Text;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Forwarding;

/// <summary>Bodies of every size and framing arrive whole, both ways.</summary>
public sealed class BodyTests(SharedGateway shared) : SharedGatewayTests(shared)
{
    /// <summary>Around the forwarding's own buffer (16 KiB), its flushes (32 KiB), Kestrel's (64 KiB) and the client's message (256 KiB).</summary>
    private static readonly int[] _sizes =
        [0, 1, 4095, 4096, 4097, 16383, 16384, 16385, 32767, 32768, 32769, 65535, 65536, 65537, 262143, 262144, 262145, 1_000_000];

    [SkippableTheory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task Echo_EverySize_WithAndWithoutContentLength_IsExact(bool lengthUp, bool lengthDown)
    {
        using var connection = await OpenAsync();
        foreach (var size in _sizes)
        {
            var body = new byte[size];
            new Random(size).NextBytes(body);
            var head = lengthDown ? new Dictionary<string, string> { ["content-length"] = size.ToString(CultureInfo.InvariantCulture) } : [];
            await connection.SendAsync(HeadFor(
                "POST", "script", lengthUp ? $"Content-Length: {size}\r\n" : "Transfer-Encoding: chunked\r\n", ["head", 200, head], ["echo"]));
            var sending = lengthUp ? connection.SendAsync(body) : SendChunksAsync(connection, body);
            var response = await connection.ReadAsync();
            await sending;
            Assert.Equal((200, true, size), (response.Status, response.Whole, response.Body.Length));
            Assert.True(body.AsSpan().SequenceEqual(response.Body), $"a body of {size} bytes came back changed");
            if (lengthDown)
            {
                Assert.Equal(size.ToString(CultureInfo.InvariantCulture), response.Header("content-length"));
            }
        }

        Assert.Equal(new Ended(_sizes.Length, 0, 0), await EndedAsync());
    }

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task OneWriteOf9MiB_ArrivesWhole(bool length)
    {
        const int size = 9 << 20;
        var head = length ? new Dictionary<string, string> { ["content-length"] = size.ToString(CultureInfo.InvariantCulture) } : [];
        var response = await Gateway.RawAsync(Head("", ["head", 200, head], ["bytes", size], ["end"]));
        Assert.Equal((200, true, size), (response.Status, response.Whole, response.Body.Length));
        Assert.Equal(-1, response.Body.AsSpan().IndexOfAnyExcept((byte)'a'));
    }

    [SkippableFact]
    public async Task ManySmallWrites_ArriveInOrder()
    {
        var texts = Enumerable.Range(0, 500).Select(i => i.ToString(CultureInfo.InvariantCulture) + ",").ToArray();
        var response = await Gateway.RawAsync(Head("", [["head", 200], .. texts.Select(object[] (text) => ["write", text]), ["end"]]));
        Assert.True(response.Whole);
        Assert.Equal(string.Concat(texts), response.Text);
    }

    [SkippableFact]
    public async Task EmptyBody_HasALengthOf0()
    {
        var response = await Gateway.RawAsync(Head("", ["head", 200], ["end"]));
        Assert.Equal((200, true, 0), (response.Status, response.Whole, response.Body.Length));
        Assert.True(response.Header("content-length") == "0" || response.Header("transfer-encoding") == "chunked");
    }

    [SkippableFact]
    public async Task Upload_ByteByByte_Arrives()
    {
        using var connection = await OpenAsync();
        await connection.SendAsync(HeadFor("POST", "script", "Content-Length: 200\r\n", ["head", 200], ["echo"]));
        await connection.ReadHeadAsync();
        var answer = new MemoryStream();
        for (var i = 0; i < 200; i++)
        {
            // The next byte is sent when this one has come back: each is a piece of its own all the way.
            await connection.SendAsync(new[] { (byte)i });
            answer.Write(await connection.ReadChunkAsync());
        }

        Assert.Empty((await connection.ReadChunkAsync())!);
        Assert.Equal(Enumerable.Range(0, 200).Select(i => (byte)i), answer.ToArray());
        Assert.Equal(new Ended(1, 0, 0), await EndedAsync());
    }

    [SkippableFact]
    public async Task RequestHead_ByteByByte_IsServed()
    {
        using var connection = await OpenAsync();
        foreach (var b in Encoding.ASCII.GetBytes(Head("", ["head", 200], ["end", "served"])))
        {
            await connection.SendAsync(new[] { b });
        }

        Assert.Equal("served", (await connection.ReadAsync()).Text);
    }

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AnswerBeforeTheUploadEnds_ArrivesWhole_ThenTheRestIsTaken_ConnectionGoesOn(bool read)
    {
        // The function looks at none of the upload, or at its first bytes.
        const int size = 8 << 20;
        using var connection = await OpenAsync();
        object[][] steps = read ? [["read-some", 1], ["head", 200], ["end", "early"]] : [["head", 200], ["end", "early"]];
        await connection.SendAsync(HeadFor("POST", "script", $"Content-Length: {size}\r\n", steps));
        await connection.SendAsync(new byte[1000]);
        var response = await connection.ReadAsync();
        Assert.Equal((200, "early", true), (response.Status, response.Text, response.Whole));
        await connection.SendAsync(new byte[size - 1000]);
        await connection.SendAsync(Head("", ["head", 200], ["end", "next"]));
        Assert.Equal("next", (await connection.ReadAsync()).Text);
        Assert.Equal(new Ended(2, 0, 0), await EndedAsync());
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AnswerBeforeTheUploadEnds_ThenNothingMoreIsSent_OutcomeCompleted_AndTheConnectionEnds(bool leaves)
    {
        using var connection = await OpenAsync();
        await connection.SendAsync(HeadFor("POST", "script", "Content-Length: 100000\r\n", ["head", 200], ["end", "early"]));
        await connection.SendAsync(new byte[1000]);
        var response = await connection.ReadAsync();
        Assert.Equal((200, "early", true), (response.Status, response.Text, response.Whole));
        if (leaves)
        {
            connection.Reset();
        }

        Assert.Equal(new Ended(1, 0, 0), await EndedAsync());
        await NothingOpenAsync();
        if (!leaves)
        {
            // Kestrel waits five seconds, by its own clock, for the rest, and gives the connection up.
            Assert.True(await connection.IsClosedAsync());
        }

        Assert.Equal(new Ended(1, 0, 0), await EndedAsync());
    }

    [SkippableFact]
    public async Task AnswerWhileTheUploadIsHeldUp_ArrivesWhole()
    {
        // More than every buffer on the way holds, to a function that never reads it: the upload is stuck when the answer comes.
        const int size = 24 << 20;
        using var connection = await OpenAsync();
        var go = Flag();
        await connection.SendAsync(HeadFor("POST", "script", $"Content-Length: {size}\r\n", ["await", go], ["head", 200], ["end", "early"]));
        var sending = connection.SendAsync(new byte[size]);
        Raise(go);
        var response = await connection.ReadAsync();
        Assert.Equal((200, "early", true), (response.Status, response.Text, response.Whole));
        await sending;
        Assert.Equal(new Ended(1, 0, 0), await EndedAsync());
    }

    [SkippableFact]
    public async Task ErrorBeforeTheUploadEnds_IsAnswered()
    {
        using var connection = await OpenAsync();
        await connection.SendAsync(HeadFor("POST", "script", "Content-Length: 100000\r\n", ["read-some", 1], ["throw"]));
        await connection.SendAsync(new byte[1000]);
        var response = await connection.ReadAsync();
        Assert.Equal("502 worker function-error yes", ProblemSeen.Of(response).ToString());
        Assert.Equal(new Ended(0, 1, 0), await EndedAsync());
    }

    [SkippableTheory]
    [InlineData("throw")]
    [InlineData("destroy")]
    [InlineData("exit")]
    public async Task BreaksOffAfterTheHead_WithoutALength_NoLastChunk_OutcomeFailed(string how) => await BreaksOffAsync(how, []);

    [SkippableTheory]
    [InlineData("throw")]
    [InlineData("destroy")]
    [InlineData("exit")]
    public async Task BreaksOffAfterTheHead_WithALength_IsCut_OutcomeFailed(string how) =>
        await BreaksOffAsync(how, new Dictionary<string, string> { ["content-length"] = "10" });

    private async Task BreaksOffAsync(string how, Dictionary<string, string> headers)
    {
        using var connection = await OpenAsync();
        var go = Flag();
        await connection.SendAsync(Head("", ["head", 200, headers], ["write", "half"], ["await", go], [how]));
        Assert.Equal(200, (await connection.ReadHeadAsync()).Status);
        Raise(go);
        var seen = new MemoryStream();
        while (await connection.ReadByteAsync() is { } b)
        {
            seen.WriteByte(b);
        }

        var text = Encoding.ASCII.GetString(seen.ToArray());
        Assert.Contains(text, new[] { "", headers.Count > 0 ? "half" : "4\r\nhalf\r\n" });
        Assert.Equal(new Ended(0, 1, 0), await EndedAsync());
    }

    private static async Task SendChunksAsync(RawConnection connection, byte[] body)
    {
        // Pieces that fit no buffer.
        for (var sent = 0; sent < body.Length;)
        {
            var size = Math.Min(7001, body.Length - sent);
            await connection.SendAsync(size.ToString("x", CultureInfo.InvariantCulture) + "\r\n");
            await connection.SendAsync(body.AsMemory(sent, size));
            await connection.SendAsync("\r\n");
            sent += size;
        }

        await connection.SendAsync("0\r\n\r\n");
    }
}
