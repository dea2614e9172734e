using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace NoslateFleet.Grains.Placement;

/// <summary>
/// The keys of the grains: <c>instance</c> and <c>instance/function</c>. Names may hold anything; what is not a letter or digit of ASCII,
/// '-', '_', '.' or '~' is written as %XX, or %uXXXX beyond ASCII, unit by unit, so that no two names share a key.
/// </summary>
public static class GrainKeys
{
    private const char Separator = '/';

    /// <summary>The key of an instance's grain.</summary>
    /// <param name="instance">The instance's id.</param>
    /// <exception cref="ArgumentException">It is empty.</exception>
    public static string OfInstance(string instance)
    {
        var key = new StringBuilder(instance.Length);
        Escape(key, instance, nameof(instance));
        return key.ToString();
    }

    /// <summary>The key of the grain of a function on an instance.</summary>
    /// <param name="instance">The instance's id.</param>
    /// <param name="function">The function's or service's name.</param>
    /// <exception cref="ArgumentException">One of them is empty.</exception>
    public static string OfFunction(string instance, string function)
    {
        var key = new StringBuilder(instance.Length + 1 + function.Length);
        Escape(key, instance, nameof(instance));
        key.Append(Separator);
        Escape(key, function, nameof(function));
        return key.ToString();
    }

    /// <summary>Reads a key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="instance">The instance's id.</param>
    /// <param name="function">The function's name; null: the key is the instance's own.</param>
    /// <returns>False if it is no key that this class makes.</returns>
    public static bool TryParse(string? key, [NotNullWhen(true)] out string? instance, out string? function)
    {
        instance = null;
        function = null;
        var separator = key?.IndexOf(Separator, StringComparison.Ordinal) ?? -1;
        var first = separator < 0 ? key : key![..separator];
        if (!TryUnescape(first, out instance))
        {
            return false;
        }

        if (separator >= 0 && !TryUnescape(key![(separator + 1)..], out function))
        {
            instance = null;
            return false;
        }

        return true;
    }

    private static void Escape(StringBuilder key, string name, string parameter)
    {
        if (name.Length == 0)
        {
            throw new ArgumentException("must not be empty", parameter);
        }

        foreach (var unit in name)
        {
            if (IsPlain(unit))
            {
                key.Append(unit);
            }
            else if (unit < 0x80)
            {
                key.Append(CultureInfo.InvariantCulture, $"%{(int)unit:X2}");
            }
            else
            {
                key.Append(CultureInfo.InvariantCulture, $"%u{(int)unit:X4}");
            }
        }
    }

    private static bool TryUnescape(string? text, [NotNullWhen(true)] out string? name)
    {
        name = null;
        if (string.IsNullOrEmpty(text))
        {
            return false;
        }

        var plain = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
            {
                if (!IsPlain(text[i]))
                {
                    return false;
                }

                plain.Append(text[i]);
                continue;
            }

            var wide = i + 1 < text.Length && text[i + 1] == 'u';
            var from = wide ? i + 2 : i + 1;
            var length = wide ? 4 : 2;
            if (from + length > text.Length
                || !ushort.TryParse(text.AsSpan(from, length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit)
                || wide != unit >= 0x80
                || IsPlain((char)unit)
                || text.AsSpan(from, length).ContainsAnyInRange('a', 'f'))
            {
                return false;
            }

            plain.Append((char)unit);
            i = from + length - 1;
        }

        name = plain.ToString();
        return true;
    }

    private static bool IsPlain(char unit) => char.IsAsciiLetterOrDigit(unit) || unit is '-' or '_' or '.' or '~';
}
