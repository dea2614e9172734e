using NoslateFleet.Noslate.Profiles;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Noslate.Profiles;

/// <summary>Real directories and the kernel's own word; only the moment in which one comes is chosen.</summary>
public sealed class FileChangesTests
{
    [Fact]
    public async Task DirectoryThatComesRightAfterItWasLookedFor_IsWatched()
    {
        using var directory = new TempDirectory();
        var inner = directory.Combine("inner");
        var path = Path.Combine(inner, "functions.json");
        var told = 0;
        using var changes = new FileChanges(
            path,
            () => Interlocked.Increment(ref told),
            static lost => throw lost,
            looked =>
            {
                var there = Directory.Exists(looked);
                Directory.CreateDirectory(inner);
                return there;
            });
        Assert.Null(changes.Watch());
        await File.WriteAllTextAsync(path, "[]");
        await Until.TrueAsync(() => Volatile.Read(ref told) > 0, "nobody is told of the file");
    }

    [Fact]
    public void TreeThatNeverStandsStill_IsNotLookedAtForEver()
    {
        using var directory = new TempDirectory();
        var inner = directory.Combine("inner");
        var looks = 0;
        using var changes = new FileChanges(
            Path.Combine(inner, "functions.json"),
            static () => { },
            static _ => { },
            looked => looked == inner ? ++looks % 2 == 0 : Directory.Exists(looked));
        Directory.CreateDirectory(inner);
        Assert.Null(changes.Watch());
        Assert.InRange(looks, 3, 20);
    }
}
