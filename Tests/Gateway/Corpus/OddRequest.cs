using System.Text;

namespace NoslateFleet.Tests.Gateway.Corpus;

/// <summary>One malformed or odd request.</summary>
/// <param name="Name">Its name; unique.</param>
/// <param name="Bytes">What is sent, after which the client sends no more.</param>
/// <param name="Statuses">The statuses that are right; 0 is a connection that is closed without an answer.</param>
internal sealed record OddRequest(string Name, byte[] Bytes, IReadOnlyList<int> Statuses)
{
    /// <summary>Whether the client says that it is done, which the server takes for leaving: the only way to end what waits for more.</summary>
    public bool Leaves => Statuses.Contains(0);

    /// <summary>From text in which each character is one byte.</summary>
    public static OddRequest Of(string name, string text, params int[] statuses) => new(name, Encoding.Latin1.GetBytes(text), statuses);
}
