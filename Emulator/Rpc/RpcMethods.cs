using Google.Protobuf;
using NoslateFleet.Noslate.Transport;

namespace NoslateFleet.Emulator.Rpc;

/// <summary>The methods of one plane, by their exact path.</summary>
internal sealed class RpcMethods
{
    private readonly Dictionary<string, Func<RpcCall, Task>> methods = new(StringComparer.Ordinal);

    public Func<RpcCall, Task>? Find(string path) => methods.GetValueOrDefault(path);

    /// <summary>Adds a method that reads and writes as it likes.</summary>
    public void AddStream(string path, Func<RpcCall, Task> handler) => methods.Add(path, handler);

    /// <summary>Adds a method with one message each way. A request that ends without a message leaves the call hanging.</summary>
    public void AddUnary<TRequest>(string path, Func<TRequest, CancellationToken, Task<IMessage>> handler)
        where TRequest : IMessage<TRequest>, new()
    {
        var parser = new MessageParser<TRequest>(() => new TRequest());
        methods.Add(path, async call =>
        {
            (bool found, TRequest? request) = await call.ReadAsync(parser.ParseFrom);
            if (!found)
            {
                await call.HangAsync();
                return;
            }

            IMessage answer = await handler(request!, call.Ended);
            await call.WriteAsync(answer);
            await call.CompleteAsync(GrpcStatusCode.Ok, "OK");
        });
    }
}
