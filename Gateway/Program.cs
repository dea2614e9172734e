using NoslateFleet.Gateway.Hosting;
using NoslateFleet.Gateway.Lifecycle;

return args switch
{
    [HookCommand.Verb, ..] => await HookCommand.RunAsync(args[1..], Console.Out, Console.Error),
    [HealthCommand.Verb, ..] => await HealthCommand.RunAsync(args[1..], Console.Out, Console.Error),
    _ => await GatewayProgram.RunAsync("gateway", () => GatewayApplication.Build(args)),
};
