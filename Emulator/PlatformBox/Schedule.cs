using System.Security.Cryptography;
using System.Text;

namespace NoslateFleet.Emulator.PlatformBox;

/// <summary>Everything a run will do, in the order of its planned beginning.</summary>
internal sealed class Schedule
{
    private const int HashDigits = 16;

    private Schedule(IReadOnlyList<Step> steps)
    {
        Steps = steps;
        Text = string.Concat(steps.Select(step => $"{step}\n"));
        Hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Text)))[..HashDigits];
        RequestCount = steps.Sum(step => step.Requests.Count());
    }

    public IReadOnlyList<Step> Steps { get; }

    /// <summary>One line a step.</summary>
    public string Text { get; }

    /// <summary>Equal for equal schedules.</summary>
    public string Hash { get; }

    public int RequestCount { get; }

    /// <summary>A pure function of the seed, the number of instances, the version, the time and the number of requests.</summary>
    public static Schedule Of(BoxOptions options) => new(new SchedulePlanner(options).Plan());
}
