namespace NoslateFleet.Noslate.Profiles;

/// <summary>Paths of the planes' methods that have to do with profiles.</summary>
internal static class PlaneMethods
{
    internal const string SetFunctionProfile = "/noslated.control.ControlPlane/setFunctionProfile";
    internal const string GetFunctionProfile = "/noslated.control.ControlPlane/getFunctionProfile";
    internal const string SetPlatformEnvironmentVariables = "/noslated.control.ControlPlane/setPlatformEnvironmentVariables";
    internal const string GetWorkerStatsSnapshot = "/noslated.control.ControlPlane/getWorkerStatsSnapshot";
    internal const string SetServiceProfiles = "/noslated.data.DataPlane/setServiceProfiles";
    internal const string GetServiceProfiles = "/noslated.data.DataPlane/getServiceProfiles";
    internal const string GetWorkerTrafficStats = "/noslated.data.DataPlane/getWorkerTrafficStats";
}
