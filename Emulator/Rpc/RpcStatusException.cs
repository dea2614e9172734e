using NoslateFleet.Noslate.Transport;

namespace NoslateFleet.Emulator.Rpc;

/// <summary>Ends a call with a status other than OK.</summary>
internal sealed class RpcStatusException(GrpcStatusCode code, string message) : Exception(message)
{
    public GrpcStatusCode Code { get; } = code;
}
