using Google.Protobuf;
using NoslateFleet.Emulator.Node;
using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Control;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Tests.Common;
using WorkerTraffic = NoslateFleet.Noslate.Protocol.Data.WorkerTrafficStatsResponse;

namespace NoslateFleet.Tests.Emulator.Harness;

/// <summary>What a call brought: the head, the body, and an error if there was one.</summary>
internal sealed record Outcome(int Status, IReadOnlyList<KeyValuePair<string, string>> Headers, byte[] Body, InvokeErrorResponse? Error)
{
    public string Text => System.Text.Encoding.UTF8.GetString(Body);
}

/// <summary>An emulated node in a directory of its own, with clients to both planes.</summary>
internal sealed class TestNode : IAsyncDisposable
{
    public const string Invoke = "/noslated.data.PushServer/invoke";
    public const string InvokeService = "/noslated.data.PushServer/invokeService";

    private TestNode(EmulatedNode node, TimeProvider clock, string directory)
    {
        Node = node;
        Clock = clock;
        Directory = directory;
        Data = new RpcClient(node.DataPlaneSocket());
        Control = new RpcClient(node.ControlPlaneSocket());
    }

    public EmulatedNode Node { get; }

    public TimeProvider Clock { get; }

    public string Directory { get; }

    public RpcClient Data { get; private set; }

    public RpcClient Control { get; private set; }

    public static string CodeDirectory { get; } = Path.Combine(AppContext.BaseDirectory, "Code");

    /// <summary>A deadline one minute from now.</summary>
    public double Soon => NowMs + 60_000;

    public double NowMs => (Clock.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMilliseconds;

    public static string NewDirectory() => System.IO.Directory.CreateTempSubdirectory("nfe").FullName;

    public static async Task<TestNode> StartAsync(
        TimeProvider? clock = null, Func<string, EmulatorOptions>? options = null, Func<double>? load = null, bool needsNode = true)
    {
        if (needsNode)
            Requires.Node();
        string directory = NewDirectory();
        var node = new EmulatedNode(options?.Invoke(directory) ?? new EmulatorOptions { Workdir = directory }, clock, null, load);
        await node.StartAsync();
        return new TestNode(node, clock ?? TimeProvider.System, directory);
    }

    /// <summary>A profile of a function of Code/index.js; its export is its name unless said otherwise.</summary>
    public static FunctionProfile Function(string name, string? export = null, Action<FunctionProfile>? change = null)
    {
        var profile = new FunctionProfile
        {
            Name = name,
            Runtime = "nodejs",
            Url = $"file://{CodeDirectory}",
            Signature = "1",
            Handler = $"index.{export ?? name}",
            Worker = new FunctionProfileWorker(),
        };
        change?.Invoke(profile);
        return profile;
    }

    /// <summary>The first message of a call, with a sensible deadline.</summary>
    public InvokeRequest Request(string name, string url = "/", double? deadline = null) =>
        new() { Name = name, Url = url, Method = "POST", RequestId = "r-1", Deadline = deadline ?? Soon };

    public async Task SetAsync(params FunctionProfile[] profiles)
    {
        SetFunctionProfileResponse answer = await Control.UnaryAsync<SetFunctionProfileResponse>(
            "/noslated.control.ControlPlane/setFunctionProfile", new SetFunctionProfileRequest { Profiles = { profiles } });
        Assert.True(answer.Set);
    }

    public Task<WorkerStatsSnapshotResponse> SnapshotAsync() =>
        Control.UnaryAsync<WorkerStatsSnapshotResponse>("/noslated.control.ControlPlane/getWorkerStatsSnapshot", new Empty());

    public Task<WorkerTraffic> TrafficAsync() =>
        Data.UnaryAsync<WorkerTraffic>("/noslated.data.DataPlane/getWorkerTrafficStats", new Empty());

    public Task SetServicesAsync(params FunctionService[] services) => Data.UnaryAsync<Empty>(
        "/noslated.data.DataPlane/setServiceProfiles", new ServiceProfilesAccessor { Profiles = { services } });

    /// <summary>Opens a call and sends its first message; the request stays open.</summary>
    public async Task<RpcTestCall> OpenAsync(InvokeRequest request, string path = Invoke)
    {
        RpcTestCall call = Data.Open(path);
        try
        {
            await call.SendAsync(request);
        }
        catch (OperationCanceledException)
        {
            // A server that refuses may end the stream before the message is out. How it ended is what the caller looks at.
        }

        return call;
    }

    /// <summary>Makes a whole call with one message and takes the first error as its end.</summary>
    public Task<Outcome> CallAsync(string name, string url = "/") => CallAsync(Request(name, url));

    public async Task<Outcome> CallAsync(InvokeRequest request, string path = Invoke)
    {
        using RpcTestCall call = Data.Send(path, RpcClient.Frame(request.ToByteArray()));
        return await ReadOutcomeAsync(call);
    }

    public static async Task<Outcome> ReadOutcomeAsync(RpcTestCall call)
    {
        int status = 0;
        List<KeyValuePair<string, string>> headers = [];
        using var body = new MemoryStream();
        bool first = true;
        while (await call.ReadAsync() is { } response)
        {
            if (response.Error is { } error)
                return new Outcome(status, headers, body.ToArray(), error);
            if (first)
            {
                status = response.Result.Status;
                headers.AddRange(response.Result.Headers.Select(it => new KeyValuePair<string, string>(it.Key, it.Value)));
                first = false;
            }

            body.Write(response.Result.Body.Span);
        }

        Assert.Equal((0, "OK"), await call.StatusAsync());
        return new Outcome(status, headers, body.ToArray(), null);
    }

    /// <summary>New connections, after a plane was cut.</summary>
    public void Reconnect()
    {
        Data.Dispose();
        Control.Dispose();
        Data = new RpcClient(Node.DataPlaneSocket());
        Control = new RpcClient(Node.ControlPlaneSocket());
    }

    public async ValueTask DisposeAsync()
    {
        Data.Dispose();
        Control.Dispose();
        await Node.DisposeAsync();
        System.IO.Directory.Delete(Directory, true);
    }
}
