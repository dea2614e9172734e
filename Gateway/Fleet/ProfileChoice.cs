using System.Text;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Noslate.Node;
using NoslateFleet.Noslate.Profiles;

namespace NoslateFleet.Gateway.Fleet;

/// <summary>The one place that says which profiles the node gets: the fleet's where there are any, else those of the instance's own functions file.</summary>
internal sealed class ProfileChoice : IFleetProfileWork
{
    private readonly INoslateNode _node;
    private readonly string _directory;
    private readonly Lock _lock = new();
    private ProfileSet? _own;
    private ProfileSet? _fleet;

    public ProfileChoice(INoslateNode node, GatewayOptions options)
    {
        _node = node;
        _directory = options.Functions.Path is { } path ? Path.GetDirectoryName(Path.GetFullPath(path))! : Directory.GetCurrentDirectory();
    }

    /// <summary>Reads the fleet's profiles as this instance would read its own file.</summary>
    /// <param name="utf8Json">The text.</param>
    /// <exception cref="ProfileValidationException">Something is wrong; all of it is told at once.</exception>
    public ProfileSet Parse(ReadOnlyMemory<byte> utf8Json) => ProfileParser.Parse(utf8Json, _directory);

    /// <summary>The own functions file says something new.</summary>
    public void SetOwn(ProfileSet profiles)
    {
        // Under the lock, so that the node hears of the two in the order in which they were decided on. It returns at once.
        lock (_lock)
        {
            _own = profiles;
            if (_fleet is null)
            {
                _node.SetProfiles(profiles);
            }
        }
    }

    public string? Apply(string? json)
    {
        ProfileSet? fleet = null;
        if (json is not null)
        {
            try
            {
                fleet = Parse(Encoding.UTF8.GetBytes(json));
            }
            catch (ProfileValidationException error)
            {
                return error.Message;
            }
        }

        lock (_lock)
        {
            // Without an own file the node keeps what it has, as it does at a start without one.
            _fleet = fleet;
            if ((fleet ?? _own) is { } chosen)
            {
                _node.SetProfiles(chosen);
            }
        }

        return null;
    }
}
