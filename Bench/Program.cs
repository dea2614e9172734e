using BenchmarkDotNet.Running;
using NoslateFleet.Bench.Admission;
using NoslateFleet.Bench.Compare;
using NoslateFleet.Bench.Fleet;
using NoslateFleet.Bench.Hosts;
using NoslateFleet.Bench.Load;
using NoslateFleet.Bench.Micro;

const string Usage = """
    NoslateFleet.Bench compare [options]   the comparison; Bench/compare calls it, and tells the options with --help
    NoslateFleet.Bench micro [options]     micro-benchmarks of admission, codec and transport; the options are BenchmarkDotNet's
    NoslateFleet.Bench admission           admission, ticket and completion on one and on two threads, in some seconds

    NoslateFleet.Bench fleet SILO          start, memory and publishing of a published silo; Bench/fleet calls it

    What compare starts as processes of their own: gateway, http, client, load.
    """;

switch (args)
{
    case ["compare", .. var options]:
        return await CompareCommand.RunAsync(options);
    case ["micro", .. var options]:
        BenchmarkSwitcher.FromTypes([typeof(AdmissionBenchmarks), typeof(CodecBenchmarks), typeof(HeaderBenchmarks), typeof(TransportBenchmarks)])
            .Run(options.Length == 0 ? ["--filter", "*"] : options, new InProcessConfig());
        return 0;
    case ["admission"]:
        AdmissionMeasure.Run();
        return 0;
    case ["fleet", var silo]:
        await FleetMeasure.RunAsync(silo);
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
