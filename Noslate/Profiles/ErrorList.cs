using System.Globalization;

namespace NoslateFleet.Noslate.Profiles;

/// <summary>Collects what is wrong. Bounded, because a hostile file of 4 MiB can hold a million mistakes.</summary>
internal sealed class ErrorList
{
    internal const int Limit = 500;

    private readonly List<string> errors = [];
    private int more;

    internal int Count => errors.Count + more;

    internal void Add(string error)
    {
        if (errors.Count < Limit)
            errors.Add(error);
        else
            more++;
    }

    internal void ThrowIfAny()
    {
        if (more > 0)
        {
            errors.Add(string.Create(CultureInfo.InvariantCulture, $"... and {more} more"));
            more = 0;
        }

        if (errors.Count > 0)
            throw new ProfileValidationException(errors);
    }
}
