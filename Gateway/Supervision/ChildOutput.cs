using System.Text;
using System.Text.RegularExpressions;

namespace NoslateFleet.Gateway.Supervision;

/// <summary>Cuts a child's output into lines of bounded length, hands each on, and keeps the last ones. What looks like a secret is blotted out.</summary>
/// <param name="maxLineBytes">Longest line; the rest of a longer one is cut off.</param>
/// <param name="keep">How many lines are kept.</param>
/// <param name="forward">Gets each line.</param>
internal sealed partial class ChildOutput(int maxLineBytes, int keep, Action<string> forward)
{
    private const string Cut = " [cut]";

    private readonly Queue<string> _last = new();

    /// <summary>The last lines, oldest first.</summary>
    public IReadOnlyList<string> Last
    {
        get
        {
            lock (_last)
            {
                return [.. _last];
            }
        }
    }

    /// <summary>Reads one of the child's streams to its end.</summary>
    /// <param name="stream">Its output or its errors.</param>
    public async Task ReadAsync(Stream stream)
    {
        var buffer = new byte[4096];
        var line = new byte[maxLineBytes];
        var length = 0;
        var tooLong = false;
        while (true)
        {
            int read;
            try
            {
                read = await stream.ReadAsync(buffer);
            }
            catch (Exception error) when (error is IOException or ObjectDisposedException)
            {
                read = 0;
            }

            if (read == 0)
            {
                break;
            }

            foreach (var one in buffer.AsSpan(0, read))
            {
                if (one == '\n')
                {
                    Add(line.AsSpan(0, length), tooLong);
                    (length, tooLong) = (0, false);
                }
                else if (length < line.Length)
                {
                    line[length++] = one;
                }
                else
                {
                    tooLong = true;
                }
            }
        }

        if (length > 0)
        {
            Add(line.AsSpan(0, length), tooLong);
        }
    }

    private void Add(ReadOnlySpan<byte> bytes, bool cut)
    {
        if (bytes.IsEmpty || bytes is [(byte)'\r'])
        {
            return;
        }

        // Control characters could forge lines of our own log, or colour a terminal.
        var characters = Encoding.UTF8.GetString(bytes.EndsWith("\r"u8) ? bytes[..^1] : bytes).ToCharArray();
        for (var i = 0; i < characters.Length; i++)
        {
            if (char.IsControl(characters[i]) && characters[i] != '\t')
            {
                characters[i] = ' ';
            }
        }

        var line = Secret().Replace(new string(characters), "$1***") + (cut ? Cut : "");
        lock (_last)
        {
            _last.Enqueue(line);
            if (_last.Count > keep)
            {
                _last.Dequeue();
            }
        }

        forward(line);
    }

    [GeneratedRegex("""((?:credential|token|secret|password|authorization)["']?\s*[=:]\s*["']?)[^\s"',;}]+""", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Secret();
}
