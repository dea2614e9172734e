using BenchmarkDotNet.Attributes;
using Google.Protobuf;
using NoslateFleet.Noslate.Invocation;
using NoslateFleet.Noslate.Protocol.Data;
using KeyValuePair = NoslateFleet.Noslate.Protocol.Common.KeyValuePair;

namespace NoslateFleet.Bench.Micro;

/// <summary>The wire codec, and what Google.Protobuf takes for the same.</summary>
public class CodecBenchmarks : IDisposable
{
    private readonly ResponseDecoder _decoder = new();
    private readonly byte[] _target = new byte[80 * 1024];
    private byte[] _body = [];
    private byte[] _answer = [];

    /// <summary>Body bytes.</summary>
    [Params(1024, 8 * 1024)]
    public int Size { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _body = new byte[Size];
        var result = new InvokeResultResponse { Status = 200 };
        result.Headers.Add(new KeyValuePair { Key = "content-type", Value = "application/octet-stream" });
        result.Headers.Add(new KeyValuePair { Key = "cache-control", Value = "no-cache" });
        _answer = [.. Frame(new InvokeResponse { Result = result }), .. Frame(new InvokeResponse { Result = new InvokeResultResponse { Body = ByteString.CopyFrom(_body) } })];
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _decoder.Dispose();
        GC.SuppressFinalize(this);
    }

    [Benchmark]
    public int EncodeRequest()
    {
        using var request = InvocationRequest.Rent("echo", "POST", "/api/echo", "0123456789abcdef0123456789abcdef");
        request.AddHeader("Host", "example.com");
        request.AddHeader("User-Agent", "bench/1.0");
        request.AddHeader("Accept", "*/*");
        request.AddHeader("Content-Type", "application/octet-stream");
        request.AddHeader("Content-Length", "1024");
        return request.Encode(1.0, _body.Length, static (target, body) => body.CopyTo(target), _body).Length;
    }

    [Benchmark]
    public int EncodeRequest_GoogleProtobuf()
    {
        var request = new InvokeRequest { Name = "echo", Method = "POST", Url = "/api/echo", RequestId = "0123456789abcdef0123456789abcdef", Deadline = 1.0 };
        request.Headers.Add(new KeyValuePair { Key = "host", Value = "example.com" });
        request.Headers.Add(new KeyValuePair { Key = "user-agent", Value = "bench/1.0" });
        request.Headers.Add(new KeyValuePair { Key = "accept", Value = "*/*" });
        request.Headers.Add(new KeyValuePair { Key = "content-type", Value = "application/octet-stream" });
        request.Headers.Add(new KeyValuePair { Key = "content-length", Value = "1024" });
        request.Body = ByteString.CopyFrom(_body);
        request.WriteTo(_target.AsSpan(0, request.CalculateSize()));
        return _target.Length;
    }

    [Benchmark]
    public int DecodeResponse()
    {
        _decoder.Reset();
        var total = 0;
        var fed = 0;
        while (fed < _answer.Length || total < Size)
        {
            switch (_decoder.Next())
            {
                case ResponseItem.NeedMore:
                    var room = _decoder.GetBuffer();
                    var count = Math.Min(room.Length, _answer.Length - fed);
                    _answer.AsSpan(fed, count).CopyTo(room.Span);
                    _decoder.Filled(count);
                    fed += count;
                    break;
                case ResponseItem.Body:
                    var taken = _decoder.TakeBody(_target);
                    total += taken;
                    if (taken == 0)
                    {
                        goto case ResponseItem.NeedMore;
                    }

                    break;
                case ResponseItem.Error or ResponseItem.Malformed:
                    throw new InvalidDataException(_decoder.Malformation);
            }
        }

        return total;
    }

    [Benchmark]
    public int DecodeResponse_GoogleProtobuf()
    {
        var total = 0;
        for (var at = 0; at < _answer.Length;)
        {
            var length = System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(_answer.AsSpan(at + 1));
            total += InvokeResponse.Parser.ParseFrom(_answer.AsSpan(at + 5, length)).Result.Body.Length;
            at += 5 + length;
        }

        return total;
    }

    private static byte[] Frame(IMessage message) => NoslateFleet.Noslate.Transport.UnaryContent.Frame(message);
}
