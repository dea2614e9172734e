namespace NoslateFleet.Tests.Grains.Messages;

/// <summary>Messages as the first version wrote them, in base 64.</summary>
internal static class FirstVersion
{
    public const string FunctionReport =
        "IOhAA2lBA2YBAwEFIcAHCQMJIQADIUADdwkDBQEFASng4CHABwENAQkBAQEBAQEBBYFQwwAAAAAAAAEFAQngIYCAt4q3j0rfCIEAQCMOQwAAAODg4A==";
    public const string InstanceReport =
        "IOhAA2lBA2IhCAMRAQ0BAyGAgLeKt49K3wiBAEAjDkMAAADg4AEFIUARcHJlLXN0b3BBC29yZGVywQXBBwENCQMVASkBFQEFAQUBCQEFIQADIUANZmluaXNogQAAAAAAAPg/QQlkb25l4OCBAAAAAAAABEAJAwUBAyGAgLeKt49K3wiBAEAjDkMAAADg4OA=";
    public const string TicketId = "IGAVzVsHAang";
    public const string FlightEvent = "IAAFIYCAt4q3j0rfCIEAQCMOQwAAAOABCUELcGhhc2VBC1JlYWR54A==";

    /// <summary>Without the fields 3 and 4.</summary>
    public const string FunctionReportOfThreeFields = "IOhAA2lBA2YBA+A=";

    /// <summary>With a list of texts as field 5 and an object of its own as field 6, which nobody knows yet.</summary>
    public const string FunctionReportOfSevenFields = "IOhAA2lBA2YBAwEFIgAFQQtsYXRlckALd29yZHPgIehAA3gh6MAXwQHg4OA=";
}
