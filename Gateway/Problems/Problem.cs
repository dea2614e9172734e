using NoslateFleet.Noslate.Invocation;

namespace NoslateFleet.Gateway.Problems;

/// <summary>One kind of error that the gateway answers itself. The table of all of them is <see cref="ProblemTable"/>.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Component">Where it arose: gateway, data-plane, worker or coordinator.</param>
/// <param name="Reason">A fixed word.</param>
/// <param name="Executed">Whether the function ran.</param>
/// <param name="Title">One sentence for a person.</param>
/// <param name="RetryAfterSeconds">When a retry makes sense, where that is known; else null.</param>
internal sealed record Problem(int Status, string Component, string Reason, Executed Executed, string Title, int? RetryAfterSeconds = null)
{
    public static string Text(Executed executed) => executed switch
    {
        Executed.Never => "never",
        Executed.Yes => "yes",
        _ => "maybe",
    };
}
