namespace NoslateFleet.Gateway.Lifecycle;

/// <summary>A call of the instance's lifecycle.</summary>
internal enum Hook
{
    None,
    Initialize,
    PreFreeze,
    PreStop,
}

/// <summary>The lifecycle's paths.</summary>
internal static class HookPaths
{
    public const string Initialize = "/initialize";
    public const string PreFreeze = "/pre-freeze";
    public const string PreStop = "/pre-stop";
    public const string Undrain = "/undrain";

    /// <summary>
    /// The hook of a request line, as the platform sends it: no query, no other spelling
    /// (https://help.aliyun.com/zh/functioncompute/fc/user-guide/web-functions).
    /// </summary>
    public static Hook Of(string method, string rawTarget) => (method, rawTarget) switch
    {
        ("POST", Initialize) => Hook.Initialize,
        ("GET", PreFreeze) => Hook.PreFreeze,
        ("GET", PreStop) => Hook.PreStop,
        _ => Hook.None,
    };

    public static string Of(Hook hook) => hook switch
    {
        Hook.Initialize => Initialize,
        Hook.PreFreeze => PreFreeze,
        Hook.PreStop => PreStop,
        _ => throw new ArgumentOutOfRangeException(nameof(hook), hook, "has no path"),
    };
}
