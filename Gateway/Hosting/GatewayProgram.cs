using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Gateway.Supervision;

namespace NoslateFleet.Gateway.Hosting;

/// <summary>What a program does that serves: it runs until it is told to stop, and says plainly why it could not begin.</summary>
internal static class GatewayProgram
{
    /// <summary>Exit code of a program whose configuration is wrong.</summary>
    public const int ConfigurationError = 2;

    /// <summary>Exit code of a program whose port is taken.</summary>
    public const int CannotListen = 3;

    /// <summary>Builds an application and runs it to its end. What keeps it from starting is told on standard error.</summary>
    /// <param name="name">The program's name, in what it says.</param>
    /// <param name="build">Builds it.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string name, Func<WebApplication> build)
    {
        using var signals = StopSignals.OfAStart(name);
        return await RunAsync(name, build, signals);
    }

    /// <summary>The same, with signals that are taken already.</summary>
    internal static async Task<int> RunAsync(string name, Func<WebApplication> build, StopSignals signals)
    {
        try
        {
            var app = build();
            await using (app)
            {
                var drain = app.Services.GetRequiredService<IHostLifetime>() as DrainOnSignal;
                if (drain is not null)
                {
                    drain.Early = signals;
                }

                // A supervisor reaps what it finds, too, and knows its own.
                using var inherited = app.Services.GetService<NodeSupervisor>() is null ? InheritedChildren.Reap(TimeProvider.System) : null;
                await app.StartAsync();
                if (drain is null)
                {
                    // The host's own handler sees them as well, and asks for the same.
                    signals.HandTo(_ => app.Lifetime.StopApplication());
                }

                await app.WaitForShutdownAsync();
                return app.ExitCode();
            }
        }
        catch (ConfigurationErrorsException error)
        {
            foreach (var line in error.Errors)
            {
                await Console.Error.WriteLineAsync("configuration: " + line);
            }

            return ConfigurationError;
        }
        catch (IOException error) when (error.InnerException is AddressInUseException)
        {
            await Console.Error.WriteLineAsync($"{name}: {error.Message.TrimEnd('.')}; choose another by Platform:Port or Admin:Port");
            return CannotListen;
        }
    }
}
