namespace NoslateFleet.Noslate.Invocation;

/// <summary>Counts the calls that a plane holds.</summary>
internal interface ICallCounter
{
    void CallBegins();

    void CallEnds();
}
