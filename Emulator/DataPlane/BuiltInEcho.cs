using System.Buffers;
using System.IO.Pipelines;
using Google.Protobuf;
using NoslateFleet.Emulator.Rpc;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Noslate.Transport;
using Pair = NoslateFleet.Noslate.Protocol.Common.KeyValuePair;

namespace NoslateFleet.Emulator.DataPlane;

/// <summary>
/// The function <c>echo</c> without a worker: 200 and the request's body as it comes. It is there to measure a client of the node
/// alone, so it costs as little as it can: no message is parsed whole, and a body is copied once.
/// </summary>
internal sealed class BuiltInEcho
{
    public const string Name = "echo";

    private const int NameField = 1;
    private const int BodyField = 7;

    // Past this much output is handed to the connection even while more input is at hand.
    private const int FlushAfter = 64 * 1024;

    private static readonly byte[] Head = new InvokeResponse
    {
        Result = new InvokeResultResponse
        {
            Status = 200,
            Headers = { new Pair { Key = "content-type", Value = "application/octet-stream" } },
        },
    }.ToByteArray();

    private long served;

    /// <summary>How many calls it was given.</summary>
    public long Served => Interlocked.Read(ref served);

    /// <summary>Whether a call's first message is for it.</summary>
    public static bool IsFor(ReadOnlySequence<byte> message) =>
        TryFind(message, NameField, out ReadOnlySequence<byte> name) && name.Length == Name.Length && IsName(name);

    /// <summary>Answers a call whose first message is this one.</summary>
    /// <returns>The bytes that were written and not flushed.</returns>
    public int Begin(RpcCall call, ReadOnlySequence<byte> message)
    {
        Interlocked.Increment(ref served);
        call.BeginMessage(Head.Length).Write(Head);
        return Head.Length + Repeat(call, message);
    }

    /// <summary>Answers the rest of the call.</summary>
    /// <param name="call">The call.</param>
    /// <param name="unflushed">What <see cref="Begin"/> returned.</param>
    public static async Task GoOnAsync(RpcCall call, int unflushed)
    {
        PipeWriter writer = call.Writer;
        Func<ReadOnlySequence<byte>, int> repeat = message => Repeat(call, message);
        while (true)
        {
            if (unflushed >= FlushAfter || !call.IsAtHand())
            {
                await call.FlushAsync(writer);
                unflushed = 0;
            }

            (bool found, int written) = await call.ReadAsync(repeat);
            if (!found)
                break;
            unflushed += written;
        }

        await call.CompleteAsync(GrpcStatusCode.Ok, "OK");
    }

    private static int Repeat(RpcCall call, ReadOnlySequence<byte> message)
    {
        if (!TryFind(message, BodyField, out ReadOnlySequence<byte> body) || body.IsEmpty)
            return 0;
        int length = (int)body.Length;
        int inner = 1 + CodedOutputStream.ComputeUInt32Size((uint)length) + length;
        int size = 1 + CodedOutputStream.ComputeUInt32Size((uint)inner) + inner;
        if (size + MessageLimits.PrefixSize > MessageLimits.MaxMessageSize)
            throw MessageLimits.SentTooLarge(size + MessageLimits.PrefixSize);
        PipeWriter writer = call.BeginMessage(size);
        ProtoOutput.WriteHead(writer, 2, (uint)inner);
        ProtoOutput.WriteHead(writer, 3, (uint)length);
        foreach (ReadOnlyMemory<byte> segment in body)
            writer.Write(segment.Span);
        return size;
    }

    private static bool IsName(ReadOnlySequence<byte> name)
    {
        Span<byte> text = stackalloc byte[Name.Length];
        name.CopyTo(text);
        return text.SequenceEqual("echo"u8);
    }

    /// <summary>Finds the last field of that number, which must be length-delimited; false as well where the message is not sound.</summary>
    private static bool TryFind(ReadOnlySequence<byte> message, int wanted, out ReadOnlySequence<byte> value)
    {
        value = default;
        bool found = false;
        var reader = new SequenceReader<byte>(message);
        while (!reader.End)
        {
            if (!TryReadVarint(ref reader, out ulong tag))
                return false;
            bool sound = (tag & 7) switch
            {
                0 => TryReadVarint(ref reader, out _),
                1 => TrySkip(ref reader, 8),
                5 => TrySkip(ref reader, 4),
                2 => TryReadVarint(ref reader, out ulong length) && length <= (ulong)reader.Remaining
                    && TryTake(ref reader, (long)length, tag >> 3 == (ulong)wanted, ref value, ref found),
                _ => false,
            };
            if (!sound)
                return false;
        }

        return found;
    }

    private static bool TryTake(ref SequenceReader<byte> reader, long length, bool wanted, ref ReadOnlySequence<byte> value, ref bool found)
    {
        if (wanted)
        {
            value = reader.UnreadSequence.Slice(0, length);
            found = true;
        }

        reader.Advance(length);
        return true;
    }

    private static bool TrySkip(ref SequenceReader<byte> reader, int count)
    {
        if (reader.Remaining < count)
            return false;
        reader.Advance(count);
        return true;
    }

    private static bool TryReadVarint(ref SequenceReader<byte> reader, out ulong value)
    {
        value = 0;
        for (int shift = 0; shift < 64 && reader.TryRead(out byte next); shift += 7)
        {
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
                return true;
        }

        return false;
    }
}
