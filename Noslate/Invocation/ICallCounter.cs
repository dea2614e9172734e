namespace NoslateFleet.Noslate.Invocation;

/// <summary>Counts the calls that a plane holds, and hears how the plane takes them.</summary>
internal interface ICallCounter
{
    void CallBegins();

    void CallEnds();

    /// <summary>The plane answered a call with a response head: it has its profiles.</summary>
    void CallAnswered();

    /// <summary>A call did not reach the plane, or the plane let its deadline pass without a word.</summary>
    void CallUnanswered();
}
