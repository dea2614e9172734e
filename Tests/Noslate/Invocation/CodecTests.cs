using System.Buffers;
using FsCheck;
using FsCheck.Fluent;
using Google.Protobuf;
using NoslateFleet.Noslate.Invocation;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Tests.Common;
using KeyValuePair = NoslateFleet.Noslate.Protocol.Common.KeyValuePair;

namespace NoslateFleet.Tests.Noslate.Invocation;

public sealed class CodecTests
{
    [Fact]
    public void AnyRequest_IsReadBackByTheGeneratedParser()
    {
        // Strings of any UTF-16 units: what Kestrel hands on may hold lone surrogates.
        Gen<string> text = ArbMap.Default.GeneratorFor<char[]>().Select(chars => new string(chars));
        Gen<(string, string)[]> pairs = text.Zip(text).ArrayOf();
        var inputs = (from four in text.ArrayOf(4)
                      from headers in pairs
                      from baggage in pairs
                      from deadline in ArbMap.Default.GeneratorFor<NormalFloat>()
                      from body in ArbMap.Default.GeneratorFor<byte[]>()
                      select (four, headers, baggage, deadline: deadline.Item, body)).ToArbitrary();
        Prop.ForAll(inputs, input =>
        {
            using var request = InvocationRequest.Rent(input.four[0], input.four[1], input.four[2], input.four[3]);
            foreach ((string name, string value) in input.headers)
            {
                request.AddHeader(name, value);
            }

            foreach ((string key, string value) in input.baggage)
            {
                request.AddBaggage(key, value);
            }

            // Twice: a call may be made again with the same request.
            byte[] first = Encode(request, input.deadline, input.body);
            byte[] second = Encode(request, input.deadline, input.body);
            InvokeRequest read = InvokeRequest.Parser.ParseFrom(first, 5, first.Length - 5);
            var expected = new InvokeRequest
            {
                Name = Utf8(input.four[0]),
                Method = Utf8(input.four[1]),
                Url = Utf8(input.four[2]),
                RequestId = Utf8(input.four[3]),
                Deadline = input.deadline,
                Body = ByteString.CopyFrom(input.body),
            };
            expected.Headers.Add(input.headers.Select(pair => new KeyValuePair { Key = LowerAscii(Utf8(pair.Item1)), Value = Utf8(pair.Item2) }));
            expected.Baggage.Add(input.baggage.Select(pair => new KeyValuePair { Key = Utf8(pair.Item1), Value = Utf8(pair.Item2) }));
            return read.Equals(expected) && first.SequenceEqual(second)
                && System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(first.AsSpan(1)) == first.Length - 5;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void LargeRequest_GrowsItsBuffer()
    {
        using var request = InvocationRequest.Rent("f", "GET", "/", "id");
        string value = new('v', 60_000);
        for (int i = 0; i < 20; i++)
        {
            request.AddHeader("X-Big", value);
        }

        byte[] encoded = Encode(request, 1, []);
        InvokeRequest read = InvokeRequest.Parser.ParseFrom(encoded, 5, encoded.Length - 5);
        Assert.Equal(20, read.Headers.Count);
        Assert.All(read.Headers, header => Assert.Equal(("x-big", value), (header.Key, header.Value)));
    }

    [Fact]
    public void DisposedRequest_CanBeDisposedAgainAndRefusesUse()
    {
        var request = InvocationRequest.Rent("f", "GET", "/", "id");
        request.Dispose();
        request.Dispose();
        Assert.Throws<ObjectDisposedException>(() => request.AddHeader("a", "b"));
    }

    [Fact]
    public void AnyResponse_CutAnywhere_DecodesToTheSame()
    {
        Gen<string> text = ArbMap.Default.GeneratorFor<char[]>().Select(chars => Utf8(new string(chars)));
        Gen<byte[]> body = Gen.Frequency<byte[]>(
            (4, ArbMap.Default.GeneratorFor<byte[]>()),
            (1, Gen.Choose(0, 40_000).Select(length => new byte[length])));
        var inputs = (from status in ArbMap.Default.GeneratorFor<int>()
                      from headers in text.Zip(text).ArrayOf()
                      from headBody in body
                      from bodies in body.ArrayOf()
                      from cuts in Gen.Choose(1, 9000).NonEmptyListOf()
                      from direct in ArbMap.Default.GeneratorFor<bool>()
                      select (status, headers, headBody, bodies, cuts, direct)).ToArbitrary();
        Prop.ForAll(inputs, input =>
        {
            var head = new InvokeResponse { Result = new InvokeResultResponse { Status = input.status, Body = ByteString.CopyFrom(input.headBody) } };
            head.Result.Headers.Add(input.headers.Select(pair => new KeyValuePair { Key = pair.Item1, Value = pair.Item2 }));
            byte[] wire =
            [
                .. PlaneCall.Frame(head.ToByteArray()),
                .. input.bodies.SelectMany(bytes => PlaneCall.Frame(
                    new InvokeResponse { Result = new InvokeResultResponse { Body = ByteString.CopyFrom(bytes) } }.ToByteArray())),
            ];
            using var decoder = new ResponseDecoder();
            Decoded decoded = Decode(decoder, wire, [.. input.cuts], input.direct);
            return decoded.End == ResponseItem.NeedMore && !decoder.InsideMessage && decoded.Heads == 1 && decoder.Status == input.status
                && decoder.Headers.Select(pair => (pair.Key, pair.Value)).SequenceEqual(input.headers)
                && decoded.Body.SequenceEqual(input.headBody.Concat(input.bodies.SelectMany(bytes => bytes)));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Frames_SplitAtEveryOffset_DecodeToTheSame()
    {
        byte[] wire = [.. Result(201, "content-type", "text/plain", ""), .. BodyOnly("hello, "), .. BodyOnly("world")];
        for (int cut = 1; cut < wire.Length; cut++)
        {
            using var decoder = new ResponseDecoder();
            Decoded decoded = Decode(decoder, wire, [cut, wire.Length], direct: false);
            Assert.Equal((ResponseItem.NeedMore, 201, "hello, world"), (decoded.End, decoder.Status, System.Text.Encoding.UTF8.GetString(decoded.Body)));
        }
    }

    [Fact]
    public void FieldsInAnyOrder_WithUnknownOnes_AreRead()
    {
        // result: unknown group 9, body, unknown fixed32, header (value before key, unknown varint in it), status last; all behind an unknown field 7.
        byte[] pair = [0x12, 1, (byte)'v', 0x78, 5, 0x0A, 1, (byte)'k'];
        byte[] result = [0x4B, 0x08, 1, 0x4C, 0x1A, 2, (byte)'o', (byte)'k', 0x3D, 1, 2, 3, 4, 0x12, (byte)pair.Length, .. pair, 0x08, 0xCC, 0x01];
        byte[] message = [0x3A, 1, 0, 0x12, (byte)result.Length, .. result, 0x41, 1, 2, 3, 4, 5, 6, 7, 8];
        Assert.Equal(204, InvokeResponse.Parser.ParseFrom(message).Result.Status);
        using var decoder = new ResponseDecoder();
        Decoded decoded = Decode(decoder, PlaneCall.Frame(message), [1], direct: false);
        Assert.Equal(ResponseItem.NeedMore, decoded.End);
        Assert.Equal("ok"u8.ToArray(), decoded.Body);
        Assert.Equal(204, decoder.Status);
        Assert.Equal(new KeyValuePair<string, string>("k", "v"), Assert.Single(decoder.Headers));
    }

    [Fact]
    public void AbsentStatus_IsZero()
    {
        using var decoder = new ResponseDecoder();
        Decoded decoded = Decode(decoder, PlaneCall.Frame(new InvokeResponse { Result = new InvokeResultResponse() }.ToByteArray()), [99], direct: false);
        Assert.Equal((1, 0), (decoded.Heads, decoder.Status));
    }

    [Fact]
    public void BodyBearingMessage_WithMoreThanBody_IsReadAfterTheHead()
    {
        var odd = new InvokeResponse { Result = new InvokeResultResponse { Status = 500, Body = ByteString.CopyFromUtf8("x") } };
        using var decoder = new ResponseDecoder();
        Decoded decoded = Decode(decoder, [.. Result(200, "a", "b", ""), .. PlaneCall.Frame(odd.ToByteArray()), .. BodyOnly("y")], [3], direct: false);
        Assert.Equal((200, "xy"), (decoder.Status, System.Text.Encoding.UTF8.GetString(decoded.Body)));
    }

    [Fact]
    public void Error_IsToldAndTellsOn()
    {
        byte[] wire = PlaneCall.Frame(new InvokeResponse { Error = new InvokeErrorResponse { Name = "Error", Code = 5 } }.ToByteArray());
        using var decoder = new ResponseDecoder();
        Decoded decoded = Decode(decoder, [.. wire, .. wire], [2], direct: false);
        Assert.Equal((ResponseItem.Error, ResponseItem.Error, 5), (decoded.End, decoder.Next(), decoder.Error!.Code));
    }

    [Theory]
    [InlineData(new byte[] { 1, 0, 0, 0, 0 })]
    [InlineData(new byte[] { 7, 0, 0, 0, 0 })]
    [InlineData(new byte[] { 0, 0, 0xA0, 0, 1 })]
    [InlineData(new byte[] { 0, 0xFF, 0xFF, 0xFF, 0xFF })]
    [InlineData(new byte[] { 0, 0, 0, 0, 1, 0x12 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 2, 0x12, 5 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 1, 0x00 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 2, 0x0C, 0 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 4, 0x12, 2, 0x08, 0x80 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 4, 0x12, 2, 0x12, 9 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 4, 0x0A, 2, 0x0A, 9 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 3, 0x3B, 0x3B, 0x3B })]
    public void MalformedBytes_AreTold(byte[] wire)
    {
        using var decoder = new ResponseDecoder();
        Assert.Equal(ResponseItem.Malformed, Decode(decoder, wire, [1], direct: false).End);
        Assert.NotNull(decoder.Malformation);
    }

    [Fact]
    public void RandomBytes_NeverCrashOrHang() =>
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), bytes =>
        {
            byte[] framed = [.. Result(200, "a", "b", ""), .. PlaneCall.Frame(bytes), .. bytes];
            using var decoder = new ResponseDecoder();
            Decoded decoded = Decode(decoder, framed, [7], direct: false);
            return decoded.End is ResponseItem.NeedMore or ResponseItem.Error or ResponseItem.Malformed;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));

    [Fact]
    public void FlippedBytes_NeverCrashOrHang()
    {
        byte[] good = [.. Result(200, "content-type", "text/plain", "hello"), .. BodyOnly("more")];
        for (int at = 0; at < good.Length; at++)
        {
            for (int value = 0; value < 256; value++)
            {
                byte[] bad = [.. good];
                bad[at] = (byte)value;
                using var decoder = new ResponseDecoder();
                Decode(decoder, bad, [bad.Length], direct: false);
            }
        }
    }

    [Fact]
    public void CommonHeaderTexts_AreTheSameStringEachTime()
    {
        Assert.Same(CommonText.Decode("content-type"u8), CommonText.Decode("content-type"u8));
        Assert.Equal("Content-Type", CommonText.Decode("Content-Type"u8));
        Assert.Equal("x-none-of-these", CommonText.Decode("x-none-of-these"u8));
        Assert.Equal("héllo 你好", CommonText.Decode("héllo 你好"u8));
        Assert.Equal("\uFFFD", CommonText.Decode([0xFF]));
    }

    private sealed record Decoded(ResponseItem End, int Heads, byte[] Body);

    private static byte[] Encode(InvocationRequest request, double deadline, byte[] body) =>
        request.Encode(deadline, body.Length, static (target, source) => source.CopyTo(target), body).ToArray();

    private static byte[] Result(int status, string name, string value, string body)
    {
        var result = new InvokeResultResponse { Status = status, Body = ByteString.CopyFromUtf8(body) };
        result.Headers.Add(new KeyValuePair { Key = name, Value = value });
        return PlaneCall.Frame(new InvokeResponse { Result = result }.ToByteArray());
    }

    private static byte[] BodyOnly(string text) =>
        PlaneCall.Frame(new InvokeResponse { Result = new InvokeResultResponse { Body = ByteString.CopyFromUtf8(text) } }.ToByteArray());

    // Feeds the bytes in pieces of the given lengths, in rotation, as InvocationCall does.
    private static Decoded Decode(ResponseDecoder decoder, byte[] wire, List<int> cuts, bool direct)
    {
        var body = new ArrayBufferWriter<byte>();
        int heads = 0;
        int at = 0;
        for (int turn = 0; ; turn++)
        {
            ResponseItem item;
            while ((item = decoder.Next()) is not ResponseItem.NeedMore)
            {
                if (item == ResponseItem.Head)
                {
                    heads++;
                }
                else if (item == ResponseItem.Body)
                {
                    int taken = decoder.TakeBody(body.GetSpan(100));
                    if (taken == 0)
                    {
                        break;
                    }

                    body.Advance(taken);
                }
                else
                {
                    return new Decoded(item, heads, body.WrittenSpan.ToArray());
                }
            }

            int count = Math.Min(cuts[turn % cuts.Count], wire.Length - at);
            if (count == 0)
            {
                return new Decoded(ResponseItem.NeedMore, heads, body.WrittenSpan.ToArray());
            }

            if (item == ResponseItem.Body && direct)
            {
                count = Math.Min(count, decoder.BodyOnTheWay);
                body.Write(wire.AsSpan(at, count));
                decoder.TakenDirectly(count);
            }
            else
            {
                Memory<byte> target = decoder.GetBuffer();
                count = Math.Min(count, target.Length);
                wire.AsSpan(at, count).CopyTo(target.Span);
                decoder.Filled(count);
            }

            at += count;
        }
    }

    private static string Utf8(string text) => System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text));

    private static string LowerAscii(string text) => string.Concat(text.Select(c => c is >= 'A' and <= 'Z' ? (char)(c | 0x20) : c));
}
