using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NoslateFleet.Silo.Configuration;

namespace NoslateFleet.Silo.Hosting;

/// <summary>What the program says about its own settings.</summary>
internal static partial class SiloLog
{
    /// <summary>Points out keys that are most likely misspelled.</summary>
    /// <param name="app">The application.</param>
    public static void UnknownKeys(WebApplication app)
    {
        foreach (var key in app.Services.GetRequiredService<SiloSettings>().UnknownKeys)
        {
            UnknownKey(app.Logger, key);
        }
    }

    [LoggerMessage(2020, LogLevel.Warning, "{Key} is set and means nothing; is it misspelled?")]
    private static partial void UnknownKey(ILogger logger, string key);
}
