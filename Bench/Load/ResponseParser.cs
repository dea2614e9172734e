using System.Buffers.Text;
using System.Text;

namespace NoslateFleet.Bench.Load;

/// <summary>Finds the end of one HTTP/1.1 response and counts its body; knows what the servers compared here send, and no more.</summary>
internal struct ResponseParser
{
    private enum Part
    {
        Head,
        Body,
        ChunkSize,
        Chunk,
        ChunkEnd,
        Trailer,
        Done,
    }

    private Part _part;
    private long _rest;

    /// <summary>The status.</summary>
    public int Status { get; private set; }

    /// <summary>Body bytes so far.</summary>
    public long BodyBytes { get; private set; }

    public readonly bool Done => _part == Part.Done;

    /// <summary>Looks at what has come.</summary>
    /// <returns>How many bytes are done with; the others must come again with more behind them.</returns>
    public int Parse(ReadOnlySpan<byte> data)
    {
        var at = 0;
        while (_part != Part.Done)
        {
            var rest = data[at..];
            switch (_part)
            {
                case Part.Head:
                    var end = rest.IndexOf("\r\n\r\n"u8);
                    if (end < 0)
                    {
                        return at;
                    }

                    ReadHead(rest[..(end + 2)]);
                    at += end + 4;
                    break;
                case Part.Body or Part.Chunk:
                    var count = (int)Math.Min(_rest, rest.Length);
                    at += count;
                    BodyBytes += count;
                    _rest -= count;
                    if (_rest > 0)
                    {
                        return at;
                    }

                    _part = _part == Part.Body ? Part.Done : Part.ChunkEnd;
                    break;
                default:
                    var line = rest.IndexOf("\r\n"u8);
                    if (line < 0)
                    {
                        return at;
                    }

                    ReadLine(rest[..line]);
                    at += line + 2;
                    break;
            }
        }

        return at;
    }

    private void ReadLine(ReadOnlySpan<byte> line)
    {
        switch (_part)
        {
            case Part.ChunkSize:
                if (!Utf8Parser.TryParse(line, out _rest, out _, 'x'))
                {
                    throw new InvalidDataException($"no chunk size: {Encoding.ASCII.GetString(line)}");
                }

                _part = _rest == 0 ? Part.Trailer : Part.Chunk;
                break;
            case Part.ChunkEnd:
                _part = Part.ChunkSize;
                break;
            case Part.Trailer when line.IsEmpty:
                _part = Part.Done;
                break;
        }
    }

    private void ReadHead(ReadOnlySpan<byte> head)
    {
        if (!head.StartsWith("HTTP/1.1 "u8) || !Utf8Parser.TryParse(head[9..], out int status, out _))
        {
            throw new InvalidDataException($"no response head: {Encoding.ASCII.GetString(head)}");
        }

        Status = status;
        _part = Part.Done;
        for (var line = Next(ref head); !line.IsEmpty; line = Next(ref head))
        {
            if (Is(line, "content-length:"u8) && Utf8Parser.TryParse(line["content-length:"u8.Length..].TrimStart((byte)' '), out _rest, out _))
            {
                _part = _rest > 0 ? Part.Body : Part.Done;
            }
            else if (Is(line, "transfer-encoding:"u8))
            {
                _part = Part.ChunkSize;
            }
        }
    }

    private static ReadOnlySpan<byte> Next(ref ReadOnlySpan<byte> head)
    {
        var end = head.IndexOf("\r\n"u8);
        var line = end < 0 ? default : head[..end];
        head = end < 0 ? default : head[(end + 2)..];
        return line;
    }

    private static bool Is(ReadOnlySpan<byte> line, ReadOnlySpan<byte> name) =>
        line.Length >= name.Length && Ascii.EqualsIgnoreCase(line[..name.Length], name);
}
