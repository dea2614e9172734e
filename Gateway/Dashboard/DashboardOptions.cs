namespace NoslateFleet.Gateway.Dashboard;

/// <summary>The dashboard on the admin port.</summary>
public sealed class DashboardOptions
{
    /// <summary>The configuration section.</summary>
    public const string SectionName = "Dashboard";

    /// <summary>Whether /dashboard is served. Default true. Where nobody looks at it, it costs nothing.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>How long a sign-in holds. 1 minute to 7 days; default 8 h. It also ends with the process, and with its token.</summary>
    public TimeSpan SessionLifetime { get; set; } = TimeSpan.FromHours(8);

    /// <summary>Sign-ins at a time. 1 to 10,000; default 100. Beyond, the oldest is signed out.</summary>
    public int MaxSessions { get; set; } = 100;

    /// <summary>Pages that follow live at a time. 0 to 1,000; default 32. Beyond, a page stands still until it is loaded again.</summary>
    public int MaxLivePages { get; set; } = 32;

    /// <summary>Instances on a page, unless its reader chooses otherwise. 10 to 200; default 50.</summary>
    public int RowsPerPage { get; set; } = 50;
}
