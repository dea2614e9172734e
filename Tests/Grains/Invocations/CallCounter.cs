using System.Collections.Concurrent;
using NoslateFleet.Grains.Functions;
using Orleans.Hosting;

namespace NoslateFleet.Tests.Grains.Invocations;

/// <summary>Counts the calls that reach function grains, by method.</summary>
internal sealed class CallCounter : IIncomingGrainCallFilter
{
    private readonly ConcurrentDictionary<string, int> _calls = new(StringComparer.Ordinal);

    public int this[string method] => _calls.GetValueOrDefault(method);

    public int Admits => this[nameof(IFunctionGrain.AdmitAsync)];

    public int Completes => this[nameof(IFunctionGrain.CompleteAsync)];

    public Task Invoke(IIncomingGrainCallContext context)
    {
        if (context.InterfaceMethod?.DeclaringType == typeof(IFunctionGrain))
        {
            _calls.AddOrUpdate(context.MethodName, 1, static (_, n) => n + 1);
        }

        return context.Invoke();
    }
}
