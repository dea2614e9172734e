using Google.Protobuf;
using NoslateFleet.Emulator.Rpc;
using NoslateFleet.Noslate.Protocol.Common;
using NoslateFleet.Noslate.Protocol.Control;

namespace NoslateFleet.Emulator.ControlPlane;

/// <summary>The ControlPlane service.</summary>
internal sealed class ControlPlaneService(ControlPlaneCore core)
{
    private const string Prefix = "/noslated.control.ControlPlane/";

    public void Register(RpcMethods methods)
    {
        methods.AddUnary<SetFunctionProfileRequest>(Prefix + "setFunctionProfile", async (request, cancel) =>
        {
            // The set is applied whether or not the caller waits for it.
            await core.SetProfilesAsync(request.Profiles).WaitAsync(cancel);
            return new SetFunctionProfileResponse { Set = true };
        });
        methods.AddUnary<Empty>(Prefix + "getFunctionProfile", (_, _) => Answer(core.GetProfiles()));
        methods.AddUnary<SetPlatformEnvironmentVariablesRequest>(Prefix + "setPlatformEnvironmentVariables", (request, _) =>
        {
            core.SetPlatform(request.Envs);
            return Answer(new SetPlatformEnvironmentVariablesResponse { Set = true });
        });
        methods.AddUnary<Empty>(Prefix + "getWorkerStatsSnapshot", (_, _) => Answer(core.GetSnapshot()));
        methods.AddUnary<Empty>(Prefix + "checkHealth", (_, _) => Answer(new PlaneHealthyResponse { Name = "ControlPlane", Health = true }));
    }

    private static Task<IMessage> Answer(IMessage message) => Task.FromResult(message);
}
