namespace NoslateFleet.Emulator.PlatformBox;

/// <summary>
/// The platform's calls to an instance, and how long each may take: the budgets that the product has by default
/// (https://help.aliyun.com/document_detail/425056.html names no limits of the platform's own).
/// </summary>
internal static class HookPaths
{
    public const string Initialize = "/initialize";
    public const string PreFreeze = "/pre-freeze";
    public const string PreStop = "/pre-stop";

    public static TimeSpan LimitOf(string path) => path switch
    {
        Initialize => TimeSpan.FromSeconds(60),
        PreFreeze => TimeSpan.FromSeconds(10),
        _ => TimeSpan.FromSeconds(60),
    };
}
