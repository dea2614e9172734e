using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Data;
using KeyValuePair = NoslateFleet.Noslate.Protocol.Common.KeyValuePair;

namespace NoslateFleet.Noslate.Profiles;

/// <summary>A validated set of profiles: what a node shall serve. Immutable by agreement: the messages in it are never changed.</summary>
public sealed class ProfileSet
{
    /// <summary>Makes a set of parts that have been validated.</summary>
    /// <param name="version">A short text that changes whenever the content does.</param>
    /// <param name="functions">The function profiles.</param>
    /// <param name="services">The service profiles.</param>
    /// <param name="platformEnvironment">Variables for every worker.</param>
    internal ProfileSet(
        string version,
        IReadOnlyList<FunctionProfile> functions,
        IReadOnlyList<FunctionService> services,
        IReadOnlyList<KeyValuePair> platformEnvironment)
    {
        Version = version;
        Functions = functions;
        Services = services;
        PlatformEnvironment = platformEnvironment;
    }

    /// <summary>A short text that changes whenever the content does: the first 12 hex digits of the content's SHA-256.</summary>
    public string Version { get; }

    /// <summary>The function profiles, with absolute urls.</summary>
    public IReadOnlyList<FunctionProfile> Functions { get; }

    /// <summary>The service profiles.</summary>
    public IReadOnlyList<FunctionService> Services { get; }

    /// <summary>Variables that every worker gets.</summary>
    public IReadOnlyList<KeyValuePair> PlatformEnvironment { get; }
}
