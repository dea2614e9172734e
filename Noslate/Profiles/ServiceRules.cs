using System.Globalization;
using System.Text.Json;
using NoslateFleet.Noslate.Protocol.Data;
using KeyValuePair = NoslateFleet.Noslate.Protocol.Common.KeyValuePair;

namespace NoslateFleet.Noslate.Profiles;

/// <summary>The rules of service profiles.</summary>
internal static class ServiceRules
{
    internal const string Default = "default";
    internal const string Proportional = "proportional-load-balance";
    internal const string FunctionName = "functionName";

    /// <summary>How far from 1 the proportions' sum may be: thirds and the like cannot be written exactly.</summary>
    internal const double Tolerance = 1e-6;

    private const string SelectorExpected = "{ \"functionName\": \"...\" }";

    private static readonly FieldTable<ICollection<KeyValuePair>> SelectorFields = new(
        Field.Text<ICollection<KeyValuePair>>(
            FunctionName,
            "the name of a function",
            text => text.Length > 0,
            (to, value) => to.Add(new KeyValuePair { Key = FunctionName, Value = value }),
            required: true));

    private static readonly FieldTable<Selector> Shares = new(
        new FieldRule<Selector>("selector", SelectorExpected, Required: true, (at, value, to) => SelectorFields.Read(at, value, to.Selector_)),
        new FieldRule<Selector>("proportion", "a number from 0 to 1", Required: true, ReadProportion));

    private static readonly FieldTable<FunctionService> Services = new(
        Field.Text<FunctionService>("name", ProfileNames.Expected, ProfileNames.IsRight, (to, value) => to.Name = value, required: true),
        Field.Choice<FunctionService>("type", [Default, Proportional], (to, value) => to.Type = value),
        new FieldRule<FunctionService>("selector", SelectorExpected, Required: false, (at, value, to) => SelectorFields.Read(at, value, to.Selector)),
        new FieldRule<FunctionService>("selectors", "a list", Required: false, ReadShares));

    internal static FunctionService Read(Reading at, JsonElement value, HashSet<string> functions)
    {
        var service = new FunctionService();
        var seen = Services.Read(at, value, service);
        if (value.ValueKind != JsonValueKind.Object)
            return service;

        // Noslate takes a service without a type as a default one.
        if (!seen.Contains("type"))
            service.Type = Default;

        FieldsFitType(at, service, seen);
        FunctionsExist(at, service, functions);
        return service;
    }

    private static void FieldsFitType(Reading at, FunctionService service, HashSet<string> seen)
    {
        var (needed, expected, other) = service.Type switch
        {
            Default => ("selector", SelectorExpected, "selectors"),
            Proportional => ("selectors", $"a list [{{ \"selector\": {SelectorExpected}, \"proportion\": 0.5 }}]", "selector"),
            _ => ("", "", ""),
        };
        if (needed.Length == 0)
            return;

        if (!seen.Contains(needed))
            at.At(needed).Say($"is missing, must be {expected}, with type \"{service.Type}\"");
        if (seen.Contains(other))
            at.At(other).Say($"is given with type \"{service.Type}\", must be left out");
    }

    private static void FunctionsExist(Reading at, FunctionService service, HashSet<string> functions)
    {
        foreach (var pair in service.Selector)
            Exists(at.At("selector").At(FunctionName), pair.Value, functions);

        for (var index = 0; index < service.Selectors.Count; index++)
        {
            foreach (var pair in service.Selectors[index].Selector_)
                Exists(at.At("selectors").At(index).At("selector").At(FunctionName), pair.Value, functions);
        }
    }

    private static void Exists(Reading at, string name, HashSet<string> functions)
    {
        if (!functions.Contains(name))
            at.Wrong(name, functions.Count == 0 ? "the name of a function in this file, and it has none" : $"the name of a function in this file; {Suggestion.For(name, functions.Take(20))}");
    }

    private static void ReadShares(Reading at, JsonElement value, FunctionService to)
    {
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() == 0)
        {
            at.Wrong(value, "a list with at least one item");
            return;
        }

        var errorsBefore = at.Errors.Count;
        var sum = 0d;
        var index = 0;
        foreach (var item in value.EnumerateArray())
        {
            var share = new Selector();
            Shares.Read(at.At(index), item, share);
            to.Selectors.Add(share);
            sum += share.Proportion;
            index++;
        }

        // A sum over parts that could not be read would be a second message about the first mistake.
        if (at.Errors.Count == errorsBefore && Math.Abs(sum - 1) > Tolerance)
            at.Say(string.Create(CultureInfo.InvariantCulture, $"have proportions whose sum is {Math.Round(sum, 7)}, must be 1"));
    }

    private static void ReadProportion(Reading at, JsonElement value, Selector to)
    {
        if (Field.TryFloat(value, out var number) && number is >= 0 and <= 1)
            to.Proportion = number;
        else
            at.Wrong(value, "a number from 0 to 1");
    }
}
