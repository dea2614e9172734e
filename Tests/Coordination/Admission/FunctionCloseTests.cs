using NoslateFleet.Coordination.Admission;
using NoslateFleet.Coordination.Invocations;

namespace NoslateFleet.Tests.Coordination.Admission;

/// <summary>Admission closed for one function alone.</summary>
public sealed class FunctionCloseTests
{
    private readonly AdmissionUnderTest _under = new(slots: 2, queue: 5);

    [Fact]
    public async Task Closed_RefusesItsNewcomersAndThoseThatWait_AndNobodyElse()
    {
        var running = _under.Admit("f");
        var other = _under.Admit("g");
        var waits = _under.Queue("f");
        var waitsToo = _under.Queue("g");
        Assert.True(_under.Admission.CloseFunction("f"));
        Assert.True(_under.Admission.IsFunctionClosed("f"));
        await waits.RefusedAsync(RefusalReason.Draining);
        _under.Refuse(RefusalReason.Draining, "f");
        Assert.True(running.TryEnd(Outcome.Completed));
        var served = await waitsToo.AcceptedAsync();
        Assert.True(served.TryEnd(Outcome.Completed));
        Assert.True(other.TryEnd(Outcome.Completed));

        // With slots at hand, too.
        _under.Refuse(RefusalReason.Draining, "f");
        Assert.True(_under.Admit("g").TryEnd(Outcome.Completed));
        Assert.Equal(new LedgerSnapshot(4, 4, 0, 0, 0, 0), _under.Ledger.Snapshot());
    }

    [Fact]
    public void OpenedAgain_Admits()
    {
        Assert.False(_under.Admission.OpenFunction("f"));
        Assert.True(_under.Admission.CloseFunction("f"));
        Assert.True(_under.Admission.CloseFunction("f"));
        _under.Refuse(RefusalReason.Draining, "f");
        Assert.True(_under.Admission.OpenFunction("f"));
        Assert.False(_under.Admission.IsFunctionClosed("f"));
        Assert.True(_under.Admit("f").TryEnd(Outcome.Completed));
    }

    [Fact]
    public void WholeInstanceClosedAndOpened_FunctionStaysClosed()
    {
        Assert.True(_under.Admission.CloseFunction("f"));
        _under.Admission.Close(RefusalReason.Stopped);
        _under.Refuse(RefusalReason.Stopped, "f");
        _under.Admission.Open();
        _under.Refuse(RefusalReason.Draining, "f");
    }

    [Fact]
    public void NoneOfTheFunctions_OrCountedWithOthers_IsNotClosed()
    {
        _under.Admission.SetFunctions(new HashSet<string> { "f" });
        Assert.False(_under.Admission.CloseFunction("g"));
        Assert.Null(_under.Admission.NameOf("g"));
        Assert.Equal("f", _under.Admission.NameOf("f"));
        _under.Admission.SetFunctions(null);
        for (var i = 0; i < 300; i++)
        {
            Assert.True(_under.Admit($"n{i}").TryEnd(Outcome.Completed));
        }

        Assert.Equal("(other)", _under.Admission.NameOf("n299"));
        Assert.False(_under.Admission.CloseFunction("n299"));
        Assert.True(_under.Admit("n298").TryEnd(Outcome.Completed));
    }

    [Fact]
    public void ForgottenByTheProfiles_StaysClosedUnderItsName()
    {
        Assert.True(_under.Admission.CloseFunction("f"));
        for (var i = 0; i < 400; i++)
        {
            _under.Admission.SetFunctions(new HashSet<string> { $"n{i}" });
        }

        _under.Admission.SetFunctions(new HashSet<string> { "f" });
        _under.Refuse(RefusalReason.Draining, "f");
    }
}
