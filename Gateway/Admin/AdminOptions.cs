namespace NoslateFleet.Gateway.Admin;

/// <summary>The admin port: health and inspection.</summary>
public sealed class AdminOptions
{
    /// <summary>The configuration section.</summary>
    public const string SectionName = "Admin";

    /// <summary>The address to listen on. Default 127.0.0.1; only loopback addresses are taken.</summary>
    public string Address { get; set; } = "127.0.0.1";

    /// <summary>The port. Default 9001. 0 takes a free one.</summary>
    public int Port { get; set; } = 9001;
}
