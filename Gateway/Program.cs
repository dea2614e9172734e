using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Hosting;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Gateway.Hosting;
using NoslateFleet.Gateway.Lifecycle;

const int ConfigurationError = 2;
const int CannotListen = 3;

if (args is [HookCommand.Verb, ..])
{
    return await HookCommand.RunAsync(args[1..], Console.Out, Console.Error);
}

if (args is [HealthCommand.Verb, ..])
{
    return await HealthCommand.RunAsync(args[1..], Console.Out, Console.Error);
}

try
{
    var app = GatewayApplication.Build(args);
    await using (app)
    {
        await app.StartAsync();
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
    await Console.Error.WriteLineAsync($"gateway: {error.Message.TrimEnd('.')}; choose another by Platform:Port or Admin:Port");
    return CannotListen;
}
