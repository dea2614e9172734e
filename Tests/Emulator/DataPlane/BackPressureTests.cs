using NoslateFleet.Tests.Emulator.Harness;

namespace NoslateFleet.Tests.Emulator.DataPlane;

/// <summary>Memory is measured for the whole process, so nothing else may run beside it.</summary>
[Collection(nameof(BackPressureTests))]
[CollectionDefinition(nameof(BackPressureTests), DisableParallelization = true)]
public sealed class BackPressureTests
{
    private const int Megabyte = 1024 * 1024;

    [SkippableFact]
    public async Task PausedClient_SlowsTheFunctionDown_InBoundedMemory()
    {
        await using TestNode node = await TestNode.StartAsync();
        await node.SetAsync(TestNode.Function("writes"));
        long before = GC.GetTotalMemory(true);
        using RpcTestCall call = await node.OpenAsync(node.Request("writes", $"/{Megabyte}/256"));
        call.Complete();
        await call.ReadAsync();
        Assert.Equal(Megabyte, (await call.ReadAsync())!.Result.Body.Length);
        long during = GC.GetTotalMemory(true);
        Assert.True(during - before < 64L * Megabyte, $"{during - before} bytes are held for one paused client");
        Assert.Equal("", File.ReadAllText(Path.Combine(node.Node.GetStats()["writes"].Workers[0].LogDirectory, "stdout.log")));
        int messages = 1;
        while (await call.ReadAsync() is { } part)
            messages += part.Result.Body.Length / Megabyte;
        Assert.Equal(256, messages);
    }
}
