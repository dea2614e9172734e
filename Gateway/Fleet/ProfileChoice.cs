using System.Text;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Noslate.Node;
using NoslateFleet.Noslate.Profiles;

namespace NoslateFleet.Gateway.Fleet;

/// <summary>The one place that says which profiles the node gets: the fleet's where there are any, else those of the instance's own functions file.</summary>
internal sealed class ProfileChoice(INoslateNode node, ProfileReader reader) : IFleetProfileWork
{
    private readonly Lock _lock = new();
    private ProfileSet? _own;
    private ProfileSet? _fleet;

    /// <summary>The own functions file says something new.</summary>
    public void SetOwn(ProfileSet profiles)
    {
        // Under the lock, so that the node hears of the two in the order in which they were decided on. It returns at once.
        lock (_lock)
        {
            _own = profiles;
            if (_fleet is null)
            {
                node.SetProfiles(profiles);
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
                fleet = reader.Parse(Encoding.UTF8.GetBytes(json));
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
                node.SetProfiles(chosen);
            }
        }

        return null;
    }
}
