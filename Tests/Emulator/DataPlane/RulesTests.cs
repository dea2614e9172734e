using System.Buffers;
using Google.Protobuf;
using NoslateFleet.Emulator.ControlPlane;
using NoslateFleet.Emulator.DataPlane;
using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Emulator.Harness;
using Pair = NoslateFleet.Noslate.Protocol.Common.KeyValuePair;

namespace NoslateFleet.Tests.Emulator.DataPlane;

/// <summary>The small rules, without a node.</summary>
public sealed class RulesTests
{
    [Theory]
    [InlineData(1000, 0, 1000)]
    [InlineData(2147483647, 0, 2147483647)]
    [InlineData(2147483648, 0, 1)]
    [InlineData(0, 1000, 1)]
    [InlineData(double.NaN, 0, 1)]
    [InlineData(double.PositiveInfinity, 0, 1)]
    public void TimeLeft_IsThatOfAJavaScriptTimer(double deadline, double now, double expected) =>
        Assert.Equal(expected, Deadline.Left(deadline, now).TotalMilliseconds);

    [Theory]
    [InlineData(1795000000000, "1795000000000")]
    [InlineData(1795000000000.25, "1795000000000.25")]
    [InlineData(1e18, "1000000000000000000")]
    [InlineData(0, "0")]
    public void Deadline_PrintsAsJavaScriptDoes(double value, string expected) => Assert.Equal(expected, Deadline.Print(value));

    [Fact]
    public void TokenBucket_WithoutTokensPerFill_FillsToTheBrim()
    {
        var clock = new ManualTimeProvider();
        var bucket = new TokenBucket(new RateLimit { MaxTokenCount = 2, FillInterval = 100 }, clock);
        Assert.True(bucket.TryTake());
        Assert.True(bucket.TryTake());
        Assert.False(bucket.TryTake());
        clock.Advance(TimeSpan.FromMilliseconds(99));
        Assert.False(bucket.TryTake());

        // One more than is missing: the clock's timestamps are cut to its own ticks.
        clock.Advance(TimeSpan.FromMilliseconds(2));
        Assert.True(bucket.TryTake());
        Assert.True(bucket.TryTake());
        Assert.False(bucket.TryTake());
    }

    [Fact]
    public void TokenBucket_NeverHoldsMoreThanItsMaximum()
    {
        var clock = new ManualTimeProvider();
        var bucket = new TokenBucket(new RateLimit { MaxTokenCount = 3, TokensPerFill = 2, FillInterval = 100 }, clock);
        clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal([true, true, true, false], Enumerable.Range(0, 4).Select(_ => bucket.TryTake()));
        clock.Advance(TimeSpan.FromMilliseconds(150));
        Assert.Equal([true, true, false], Enumerable.Range(0, 3).Select(_ => bucket.TryTake()));
        clock.Advance(TimeSpan.FromMilliseconds(50));
        Assert.Equal([true, true, false], Enumerable.Range(0, 3).Select(_ => bucket.TryTake()));
    }

    [Theory]
    [InlineData(0, "a")]
    [InlineData(0.29, "a")]
    [InlineData(0.31, "b")]
    [InlineData(0.999, "b")]
    public void ProportionalService_ChoosesByTheDraw(double draw, string expected)
    {
        var table = new ServiceTable();
        table.Set([new FunctionService
        {
            Name = "s",
            Type = "proportional-load-balance",
            Selectors =
            {
                new Selector { Selector_ = { new Pair { Key = "functionName", Value = "a" } }, Proportion = 0.3f },
                new Selector { Selector_ = { new Pair { Key = "functionName", Value = "b" } }, Proportion = 0.7f },
            },
        }]);
        Assert.Equal(expected, table.Select("s", draw));
        Assert.Null(table.Select("other", draw));
    }

    [Fact]
    public void AbsentAndZeroFields_AreToldApart()
    {
        InvokeMessage absent = Parse(new InvokeRequest { Name = "f" }.ToByteArray());
        Assert.Equal(("GET", "unknown", 11_000.0), (absent.Method, absent.RequestId, absent.DeadlineOr(1000)));

        // Field 6 (double), field 3 and field 8 (strings), all written out as zero or empty.
        byte[] zeros = [.. new InvokeRequest { Name = "f" }.ToByteArray(), (6 << 3) | 1, 0, 0, 0, 0, 0, 0, 0, 0, (3 << 3) | 2, 0, (8 << 3) | 2, 0];
        InvokeMessage zero = Parse(zeros);
        Assert.Equal(("", "", 0.0), (zero.Method, zero.RequestId, zero.DeadlineOr(1000)));

        static InvokeMessage Parse(byte[] bytes) => InvokeMessage.Parse(new ReadOnlySequence<byte>(bytes));
    }

    [Fact]
    public void ChangedCodeOrResources_NeedOtherWorkers_ChangedLimitsDoNot()
    {
        FunctionProfile profile = TestNode.Function("f");
        var spec = new FunctionSpec(profile);
        Assert.False(new FunctionSpec(profile).NeedsOtherWorkers(spec));
        Assert.False(Changed(it => it.Worker.MaxActivateRequests = 3).NeedsOtherWorkers(spec));
        Assert.True(Changed(it => it.Signature = "2").NeedsOtherWorkers(spec));
        Assert.True(Changed(it => it.Url = "file:///x").NeedsOtherWorkers(spec));
        Assert.True(Changed(it => it.Handler = "a.b").NeedsOtherWorkers(spec));
        Assert.True(Changed(it => it.Initializer = "a.b").NeedsOtherWorkers(spec));
        Assert.True(Changed(it => it.Runtime = "aworker").NeedsOtherWorkers(spec));
        Assert.True(Changed(it => it.ResourceLimit = new ResourceLimit { Memory = 1 }).NeedsOtherWorkers(spec));
        Assert.True(Changed(it => it.ResourceLimit = new ResourceLimit { Cpu = 0.5f }).NeedsOtherWorkers(spec));

        FunctionSpec Changed(Action<FunctionProfile> change)
        {
            FunctionProfile copy = profile.Clone();
            change(copy);
            return new FunctionSpec(copy);
        }
    }
}
