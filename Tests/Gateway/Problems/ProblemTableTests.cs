using System.Globalization;
using NoslateFleet.Gateway.Problems;
using NoslateFleet.Noslate.Invocation;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Gateway.Problems;

public sealed class ProblemTableTests
{
    public static TheoryData<InvocationFailure> Failures => [.. Enum.GetValues<InvocationFailure>()];

    [Theory]
    [MemberData(nameof(Failures))]
    public void EveryFailure_HasAProblemWithAnErrorStatus(InvocationFailure failure)
    {
        var problem = ProblemTable.For(failure);
        Assert.InRange(problem.Status, 400, 599);
        Assert.Contains(problem.Component, new[] { "gateway", "data-plane", "worker" });
        Assert.Matches("^[a-z]+(-[a-z]+)*$", problem.Reason);
    }

    [Fact]
    public void Docs_ShowTheSameTable()
    {
        var documented = File.ReadLines(Repository.PathOf("docs", "errors.md"))
            .Where(line => line.StartsWith("| `", StringComparison.Ordinal))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
            .Select(cells => (cells[1].Trim('`'), int.Parse(cells[2], CultureInfo.InvariantCulture), cells[3], cells[4]))
            .Order();
        var inCode = ProblemTable.Own
            .Concat(Enum.GetValues<InvocationFailure>().Where(f => f != InvocationFailure.RequestBodyFailed).Select(ProblemTable.For))
            .Select(p => (p.Reason, p.Status, p.Component, Problem.Text(p.Executed)))
            .Order();
        Assert.Equal(inCode, documented);
    }

    [Fact]
    public void Reasons_AreUnique()
    {
        var reasons = ProblemTable.Own.Concat(Enum.GetValues<InvocationFailure>().Where(f => f != InvocationFailure.RequestBodyFailed).Select(ProblemTable.For))
            .Select(p => p.Reason).ToArray();
        Assert.Equal(reasons.Distinct(), reasons);
    }
}
