using BenchmarkDotNet.Running;
using NoslateFleet.Bench.Compare;
using NoslateFleet.Bench.Hosts;
using NoslateFleet.Bench.Load;
using NoslateFleet.Bench.Micro;

const string Usage = """
    NoslateFleet.Bench compare [options]   the comparison; Bench/compare calls it, and tells the options with --help
    NoslateFleet.Bench micro [options]     micro-benchmarks of codec and transport; the options are BenchmarkDotNet's

    What compare starts as processes of their own: gateway, http, client, load.
    """;

switch (args)
{
    case ["compare", .. var options]:
        return await CompareCommand.RunAsync(options);
    case ["micro", .. var options]:
        BenchmarkSwitcher.FromTypes([typeof(CodecBenchmarks), typeof(HeaderBenchmarks), typeof(TransportBenchmarks)])
            .Run(options.Length == 0 ? ["--filter", "*"] : options, new InProcessConfig());
        return 0;
    case ["gateway", .. var options]:
        await GatewayHost.RunAsync(options);
        return 0;
    case ["http"]:
        await HttpFloor.RunAsync();
        return 0;
    case ["client", var workdir]:
        await ClientFloor.RunAsync(workdir);
        return 0;
    case ["load"]:
        await LoadHost.RunAsync();
        return 0;
    default:
        await Console.Error.WriteLineAsync(Usage);
        return 2;
}
