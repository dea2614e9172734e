namespace NoslateFleet.Coordination.Fleet;

/// <summary>How others see an instance by its last snapshot.</summary>
public enum Standing
{
    /// <summary>It serves, or will soon, and is heard.</summary>
    Active,

    /// <summary>It ends what it has and takes nothing new.</summary>
    Draining,

    /// <summary>Silent or frozen, and it had nothing in flight when it was heard last: probably frozen.</summary>
    Quiet,

    /// <summary>Silent, and it had work in flight when it was heard last.</summary>
    Lost,

    /// <summary>It said that it has stopped.</summary>
    Stopped,

    /// <summary>Not heard for so long that it is counted no more.</summary>
    Gone,
}
