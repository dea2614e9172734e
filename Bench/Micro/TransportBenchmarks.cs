using BenchmarkDotNet.Attributes;
using Microsoft.Extensions.Logging.Abstractions;
using NoslateFleet.Bench.Hosts;
using NoslateFleet.Noslate.Node;

namespace NoslateFleet.Bench.Micro;

/// <summary>One invocation at a time, over a real socket to the emulator in another process and back.</summary>
// CA1001: BenchmarkDotNet calls the clean-up.
#pragma warning disable CA1001
public class TransportBenchmarks
#pragma warning restore CA1001
{
    private readonly byte[] _buffer = new byte[16 * 1024];
    private byte[] _body = [];
    private Upstream? _upstream;
    private NoslateNode? _node;

    /// <summary>Body bytes.</summary>
    [Params(1024, 64 * 1024)]
    public int Size { get; set; }

    [GlobalSetup]
    public async Task SetupAsync()
    {
        _body = new byte[Size];
        _upstream = await Upstream.StartAsync();
        _node = new NoslateNode(new NodeOptions { Workdir = _upstream.Workdir }, TimeProvider.System, NullLoggerFactory.Instance);
        _node.Start();
    }

    [GlobalCleanup]
    public async Task CleanupAsync()
    {
        await _node!.DisposeAsync();
        await _upstream!.DisposeAsync();
    }

    [Benchmark]
    public async Task<bool> Invoke() => await ClientFloor.InvokeAsync(_node!, new(_body), _buffer);
}
