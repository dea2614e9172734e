using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Hosting;
using NoslateFleet.Gateway.Configuration;
using NoslateFleet.Gateway.Hosting;
using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Silo.Commands;
using NoslateFleet.Silo.Dashboard;
using NoslateFleet.Silo.Hosting;

const int ConfigurationError = 2;
const int CannotListen = 3;

switch (args)
{
    case [HookCommand.Verb, ..]:
        return await HookCommand.RunAsync(args[1..], Console.Out, Console.Error);
    case [HealthCommand.Verb, ..]:
        return await HealthCommand.RunAsync(args[1..], Console.Out, Console.Error);
    case [FleetCommand.Verb, ..]:
        return await FleetCommand.RunAsync(args[1..], Console.Out, Console.Error);
    case [OrderCommand.Verb, ..]:
        return await OrderCommand.RunAsync(args[1..], Console.Out, Console.Error);
}

try
{
    var app = args.Contains(DashboardApplication.Option) ? DashboardApplication.Build(args) : SiloApplication.Build(args);
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
    await Console.Error.WriteLineAsync($"silo: {error.Message.TrimEnd('.')}; choose another by Platform:Port or Admin:Port");
    return CannotListen;
}
