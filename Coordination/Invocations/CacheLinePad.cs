using System.Runtime.InteropServices;

namespace NoslateFleet.Coordination.Invocations;

/// <summary>
/// Keeps the fields of a derived class off the cache lines of whatever lies before it in memory: the runtime places a base class's
/// fields first, and
/// within a class it orders them as it likes. Twice 64 bytes, because processors fetch lines in pairs.
/// </summary>
internal abstract class CacheLinePad
{
#pragma warning disable CS0169, IDE0051, CA1823 // There to take up room, not to be read.
    private readonly Padding _before;
#pragma warning restore CS0169, IDE0051, CA1823

    /// <summary>128 bytes of nothing.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 128)]
    protected internal struct Padding;
}
