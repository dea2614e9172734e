using NoslateFleet.Gateway.Hosting;
using NoslateFleet.Gateway.Lifecycle;
using NoslateFleet.Gateway.Supervision;
using NoslateFleet.Silo.Commands;
using NoslateFleet.Silo.Dashboard;
using NoslateFleet.Silo.Hosting;

// First of all: until then our environment is as open as any process's. Commands have the token in theirs, too.
ProcessTable.HideOwnMemory();

return args switch
{
    [HookCommand.Verb, ..] => await HookCommand.RunAsync(args[1..], Console.Out, Console.Error),
    [HealthCommand.Verb, ..] => await HealthCommand.RunAsync(args[1..], Console.Out, Console.Error),
    [FleetCommand.Verb, ..] => await FleetCommand.RunAsync(args[1..], Console.Out, Console.Error),
    [OrderCommand.Verb, ..] => await OrderCommand.RunAsync(args[1..], Console.Out, Console.Error),
    _ => await GatewayProgram.RunAsync(
        "silo", () => args.Contains(DashboardApplication.Option) ? DashboardApplication.Build(args) : SiloApplication.Build(args)),
};
