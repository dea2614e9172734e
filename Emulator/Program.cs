using System.Runtime.InteropServices;
using NoslateFleet.Emulator.Cli;
using NoslateFleet.Emulator.Node;
using NoslateFleet.Emulator.PlatformBox;

if (args is ["platform", .. string[] box])
    return await PlatformCommand.RunAsync(box);

(CommandLine? options, string? error) = CommandLine.Parse(args, Environment.GetEnvironmentVariable);
if (options is null)
{
    await Console.Error.WriteLineAsync($"emulator: {error}");
    return 2;
}

if (options.Options is null)
{
    Console.WriteLine(CommandLine.HelpText);
    return 0;
}

var stopping = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stopping.TrySetResult();
}

using PosixSignalRegistration term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
await using var node = new EmulatedNode(options.Options);
node.Faults.Invocations = options.Invocations;
node.Faults.WorkerStartsHang = options.WorkerStartsHang;
try
{
    await node.StartAsync();
}
catch (EmulatorStartException reason)
{
    await Console.Error.WriteLineAsync($"emulator: {reason.Message}");
    return reason.NodeMissing ? 3 : 1;
}

Console.WriteLine($"emulator: ready, workdir {node.Workdir}, {(node.NodeVersion.Length > 0 ? $"node {node.NodeVersion}" : "without node")}");
await stopping.Task;
return 0;
