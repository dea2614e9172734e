namespace NoslateFleet.Noslate.Invocation;

/// <summary>What an invocation is addressed to.</summary>
public enum InvocationTarget
{
    /// <summary>A function, by its name: <c>PushServer.invoke</c>.</summary>
    Function,

    /// <summary>A service, by its name: <c>PushServer.invokeService</c>; the data plane chooses a function behind it.</summary>
    Service,
}
