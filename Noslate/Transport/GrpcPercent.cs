using System.Globalization;
using System.Text;

namespace NoslateFleet.Noslate.Transport;

/// <summary>Decodes grpc-message: UTF-8 bytes, percent-encoded.</summary>
internal static class GrpcPercent
{
    /// <summary>Decodes; what is no valid escape stays as it is, as gRPC demands ("must not error on invalid values").</summary>
    public static string Decode(string text)
    {
        if (!text.Contains('%', StringComparison.Ordinal))
        {
            return text;
        }

        byte[] source = Encoding.UTF8.GetBytes(text);
        int written = 0;
        for (int i = 0; i < source.Length; i++)
        {
            if (source[i] == '%' && i + 2 < source.Length
                && byte.TryParse(source.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value))
            {
                source[written++] = value;
                i += 2;
            }
            else
            {
                source[written++] = source[i];
            }
        }

        return Encoding.UTF8.GetString(source, 0, written);
    }
}
