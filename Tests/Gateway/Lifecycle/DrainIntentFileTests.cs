using System.Diagnostics;
using Microsoft.Extensions.Logging;
using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Gateway.Harness;

namespace NoslateFleet.Tests.Gateway.Lifecycle;

/// <summary>The drain intent on a disk that others use as well: what is wrong with it is told, and nothing keeps the process from starting.</summary>
public sealed class DrainIntentFileTests : IDisposable
{
    private static readonly TimeSpan _budget = TimeSpan.FromSeconds(58.5);

    private readonly TempDirectory _directory = new();
    private readonly ManualTimeProvider _time = new();
    private readonly LogWatch _log = new();
    private readonly ILoggerFactory _loggers;

    public DrainIntentFileTests() => _loggers = LoggerFactory.Create(logging => logging.AddProvider(_log));

    private string FilePath => _directory.Combine(DrainIntentFile.FileName);

    public void Dispose()
    {
        _loggers.Dispose();
        _log.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Written_IsRead_ForTheRestOfItsTime()
    {
        Open().Write("signal", _budget);
        _time.Advance(TimeSpan.FromSeconds(8));
        Assert.Equal("signal", Open().Read(out var left)!.Cause);
        Assert.Equal(_budget - TimeSpan.FromSeconds(8), left);
        Assert.Equal([DrainIntentFile.FileName], Directory.GetFiles(_directory.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void None_IsNone_WithoutAWord()
    {
        Assert.Null(Open().Read(out _));
        Assert.Null(Open("/proc/self/no-such-directory").Read(out _));
        Assert.Empty(_log.Lines);
    }

    [Theory]
    [InlineData("", "it is empty")]
    [InlineData("{", "")]
    [InlineData("{\"schema\":1,\"containerLife\":\"life\",\"cause\":\"hook\",\"wri", "")]
    [InlineData("null", "it says null")]
    [InlineData("[]", "")]
    [InlineData("\0\0\0\0", "")]
    [InlineData("{\"schema\":1}", "")]
    [InlineData("{\"schema\":2,\"containerLife\":\"life\",\"cause\":\"hook\",\"writtenAt\":\"2026-01-01T00:00:00Z\",\"expiresAt\":\"2026-01-01T00:01:00Z\"}", "its schema is 2")]
    [InlineData("{\"schema\":1,\"containerLife\":null,\"cause\":\"hook\",\"writtenAt\":\"2026-01-01T00:00:00Z\",\"expiresAt\":\"2026-01-01T00:01:00Z\"}", "")]
    [InlineData("{\"schema\":1,\"containerLife\":\"life\",\"cause\":\"a\\nb\",\"writtenAt\":\"2026-01-01T00:00:00Z\",\"expiresAt\":\"2026-01-01T00:01:00Z\"}", "its cause is no word")]
    [InlineData("{\"schema\":1,\"containerLife\":\"life\",\"cause\":\"hook\",\"writtenAt\":\"soon\",\"expiresAt\":\"later\"}", "")]
    public void Damaged_IsToldAndSetAside(string content, string why)
    {
        File.WriteAllText(FilePath, content);
        AssertSetAside(why);
        Assert.Equal(content, File.ReadAllText(FilePath + ".damaged"));
    }

    [Fact]
    public void Huge_IsToldAndSetAside()
    {
        using (var file = File.Create(FilePath))
        {
            file.SetLength(1L << 40);
        }

        AssertSetAside("it has more than 4096 bytes");
    }

    [Fact]
    public void Directory_IsToldAndSetAside()
    {
        Directory.CreateDirectory(FilePath);
        AssertSetAside("it is a directory");
    }

    [Fact]
    public void Pipe_IsToldAndSetAside_AndHoldsNothingUp()
    {
        using var made = Process.Start("mkfifo", [FilePath]);
        made.WaitForExit();
        AssertSetAside("it is empty");
    }

    [Theory]
    [InlineData("/dev/zero")]
    [InlineData("/nowhere")]
    [InlineData("sound")]
    public void Link_IsToldAndSetAside_WhereverItLeads(string target)
    {
        if (target == "sound")
        {
            Open().Write("hook", _budget);
            target = _directory.Combine("elsewhere");
            File.Move(FilePath, target);
        }

        File.CreateSymbolicLink(FilePath, target);
        AssertSetAside("it is a link");
    }

    [Fact]
    public void WhatCanNotEvenBeSetAside_IsTold_AndWrittenOver()
    {
        Directory.CreateDirectory(FilePath + ".damaged");
        File.WriteAllText(FilePath, "{");
        Assert.Null(Open().Read(out _));
        Assert.Contains("Nor can it be set aside", Assert.Single(_log.Lines), StringComparison.Ordinal);
        Open().Write("hook", _budget);
        Assert.NotNull(Open().Read(out _));
    }

    [Fact]
    public void LinkInPlaceOfWhatIsWritten_IsNotWrittenThrough()
    {
        var victim = _directory.Combine("victim");
        File.WriteAllText(victim, "precious");
        File.CreateSymbolicLink(FilePath + ".new", victim);
        Open().Write("hook", _budget);
        Assert.Equal("precious", File.ReadAllText(victim));
        Assert.NotNull(Open().Read(out _));
    }

    [Fact]
    public void LeftoverOfAHalfWriting_IsWrittenOver()
    {
        File.WriteAllText(FilePath + ".new", new string('x', 10_000));
        Open().Write("hook", _budget);
        Assert.NotNull(Open().Read(out _));
    }

    [Fact]
    public void DirectoryThatIsNone_IsToldOnWriting()
    {
        File.WriteAllText(_directory.Combine("file"), "");
        Open(_directory.Combine("file", "below")).Write("hook", _budget);
        Assert.Contains("can't be written", Assert.Single(_log.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public void ClockThatWasSetBack_HoldsItNoLongerThanItsBudget()
    {
        Open().Write("hook", _budget);
        _time.JumpWallClock(TimeSpan.FromDays(-400));
        Assert.NotNull(Open().Read(out var left));
        Assert.Equal(_budget, left);
    }

    [Fact]
    public void FarFuture_HoldsNoLongerThanAStopMayTake()
    {
        File.WriteAllText(
            FilePath,
            "{\"schema\":1,\"containerLife\":\"life\",\"cause\":\"hook\",\"writtenAt\":\"0001-01-01T00:00:00Z\",\"expiresAt\":\"9999-12-31T23:59:59Z\"}");
        Assert.NotNull(Open().Read(out var left));
        Assert.Equal(new LifecycleOptions().Budgets.Stop, left);
    }

    [Fact]
    public void Expired_OrOfAnotherContainer_IsToldAndRemoved()
    {
        Open().Write("hook", _budget);
        _time.Advance(_budget);
        Assert.Null(Open().Read(out _));
        Assert.False(File.Exists(FilePath));
        Open().Write("hook", _budget);
        Assert.Null(Open(life: "another").Read(out _));
        Assert.False(File.Exists(FilePath));
        Assert.Equal(2, _log.Lines.Count(line => line.Contains("passed over and removed", StringComparison.Ordinal)));
    }

    private void AssertSetAside(string why)
    {
        Assert.Null(Open().Read(out _));
        var line = Assert.Single(_log.Lines);
        Assert.Contains("It is set aside as " + FilePath + ".damaged", line, StringComparison.Ordinal);
        Assert.Contains(why, line, StringComparison.Ordinal);
        Assert.False(Path.Exists(FilePath));

        // The next start finds nothing any more, and a drain is written down as ever.
        Assert.Null(Open().Read(out _));
        Assert.Single(_log.Lines);
        Open().Write("hook", _budget);
        Assert.NotNull(Open().Read(out _));
    }

    private DrainIntentFile Open(string? directory = null, string life = "life") => new(
        new LifecycleOptions { StateDirectory = directory ?? _directory.Path, ContainerLife = life }, _time, _loggers.CreateLogger<DrainIntentFile>());
}
