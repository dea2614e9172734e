using System.Text.Json;

namespace NoslateFleet.Tests.Functional.House;

/// <summary>What was measured is what is shipped: every program runs on the settings of Directory.Build.props.</summary>
public sealed class RuntimeSettingsTests
{
    [Theory]
    [InlineData("NoslateFleet.Gateway")]
    [InlineData("NoslateFleet.Emulator")]
    public void EveryProgram_RunsOnTheSameRuntimeSettings(string program)
    {
        using var file = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, program + ".runtimeconfig.json")));
        var settings = file.RootElement.GetProperty("runtimeOptions").GetProperty("configProperties");
        Assert.Equal(20, settings.GetProperty("System.Threading.ThreadPool.UnfairSemaphoreSpinLimit").GetInt32());
        Assert.Equal(7 << 20, settings.GetProperty("System.GC.Gen0MaxBudget").GetInt32());
        Assert.False(settings.GetProperty("System.GC.Server").GetBoolean());
        Assert.True(settings.GetProperty("System.GC.Concurrent").GetBoolean());
        Assert.True(settings.GetProperty("System.Runtime.TieredPGO").GetBoolean());
    }
}
