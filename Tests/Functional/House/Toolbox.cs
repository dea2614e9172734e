namespace NoslateFleet.Tests.Functional.House;

/// <summary>A directory for PATH that holds only chosen programs, so that a test can take one away or put a fake in its place.</summary>
internal sealed class Toolbox : IDisposable
{
    private static readonly string[] _basics =
    [
        "awk", "basename", "bash", "cat", "cut", "dirname", "find", "grep", "head", "id", "ls", "mkdir", "mktemp", "mv", "rm", "rmdir", "sed",
        "sleep", "tail", "touch", "tr",
    ];

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("nf-tools-");

    public Toolbox()
    {
        foreach (var name in _basics)
        {
            File.CreateSymbolicLink(System.IO.Path.Combine(_directory.FullName, name), Scripts.Find(name) ?? throw new InvalidOperationException("no " + name));
        }
    }

    public string Path => _directory.FullName;

    /// <summary>Adds a shell script under a program's name.</summary>
    public Toolbox With(string name, string body)
    {
        var file = System.IO.Path.Combine(_directory.FullName, name);
        File.WriteAllText(file, $"#!{System.IO.Path.Combine(_directory.FullName, "bash")}\n{body}\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        return this;
    }

    /// <summary>Adds a fake SDK that only knows its version.</summary>
    public Toolbox WithSdk(string version) => With("dotnet", $"if [ \"$1\" = --version ]; then echo {version}; exit; fi; exit 99");

    public void Dispose() => _directory.Delete(recursive: true);
}
