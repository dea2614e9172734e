using Microsoft.Extensions.Configuration;

namespace NoslateFleet.Gateway.Configuration;

/// <summary>Where settings come from. The later wins over the earlier.</summary>
internal static class GatewayConfiguration
{
    /// <summary>Environment variables that begin so are read with the rest as their key; plain ones (Platform__Port) are read as well.</summary>
    private const string EnvironmentPrefix = "Gateway__";

    /// <summary>The settings of a command that starts no gateway.</summary>
    /// <param name="args">Its command line.</param>
    public static IConfiguration Of(string[] args)
    {
        var builder = new ConfigurationBuilder().SetBasePath(AppContext.BaseDirectory).AddJsonFile("appsettings.json", optional: true).AddEnvironmentVariables();
        AddGateway(builder, args);
        return builder.Build();
    }

    /// <summary>Adds what a gateway reads beyond the framework's own sources.</summary>
    /// <param name="builder">Gets the sources.</param>
    /// <param name="args">The command line.</param>
    public static void AddGateway(IConfigurationBuilder builder, string[] args)
    {
        builder.AddEnvironmentVariables(EnvironmentPrefix);
        builder.AddCommandLine(args);
    }
}
