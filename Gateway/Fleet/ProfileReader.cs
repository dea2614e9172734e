using NoslateFleet.Noslate.Profiles;

namespace NoslateFleet.Gateway.Fleet;

/// <summary>Reads the fleet's profiles by the rules of a functions file.</summary>
/// <param name="directory">What relative urls are relative to.</param>
internal sealed class ProfileReader(string directory)
{
    /// <summary>Reads.</summary>
    /// <param name="utf8Json">The text.</param>
    /// <exception cref="ProfileValidationException">Something is wrong; all of it is told at once.</exception>
    public ProfileSet Parse(ReadOnlyMemory<byte> utf8Json) => ProfileParser.Parse(utf8Json, directory);
}
