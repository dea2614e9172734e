using System.Globalization;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using NoslateFleet.Noslate.Profiles;

namespace NoslateFleet.Tests.Noslate.Profiles;

public class ProfileParserProperties
{
    private static readonly string[] Words = ["a", "B2", "x_y", "函数", "n-1.z", "@s/n", "$d:1+2~3"];

    private static readonly string[] Urls =
        ["file:./a b", "file:x%25y", "file:///q%3Fr", "file:../h%23", "https://host/z.zip?a=b", "file:'(a)!*;,&=+$@", "file:a\\b"];

    [Fact]
    public void ValidProfiles_RoundTrip() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
        {
            var json = Generate(new Random(seed));
            var set = ProfileParserTests.Parse(json);
            var again = ProfileParserTests.Parse(ProfileParser.ToJson(set));
            return set.Version == again.Version
                && set.Functions.SequenceEqual(again.Functions)
                && set.Services.SequenceEqual(again.Services)
                && set.PlatformEnvironment.SequenceEqual(again.PlatformEnvironment);
        }));

    [Fact]
    public void MutatedFiles_ThrowNothingButValidationErrors() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(2000), Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
        {
            var random = new Random(seed);
            var bytes = Encoding.UTF8.GetBytes(Generate(random)).ToList();
            for (var i = random.Next(1, 6); i > 0; i--)
                Mutate(random, bytes);
            try
            {
                _ = ProfileParser.ToJson(ProfileParser.Parse(bytes.ToArray(), "/srv"));
                return true;
            }
            catch (ProfileValidationException exception)
            {
                return exception.Errors.Count > 0 && exception.Errors.All(error => error.Length is > 0 and < 1500 && !error.Contains('\n', StringComparison.Ordinal));
            }
        }));

    private static void Mutate(Random random, List<byte> bytes)
    {
        string[] pieces = ["null", "{}", "[", "]", "\"", "\\ud800", "1e400", "-1", "true", ",", ":", "\0", "\u0080", "%"];
        var at = random.Next(bytes.Count);
        switch (random.Next(5))
        {
            case 0:
                bytes[at] = (byte)random.Next(256);
                break;
            case 1:
                bytes.RemoveRange(at, Math.Min(random.Next(1, 30), bytes.Count - at));
                break;
            case 2:
                bytes.InsertRange(at, Encoding.UTF8.GetBytes(pieces[random.Next(pieces.Length)]));
                break;
            case 3:
                var from = random.Next(bytes.Count);
                bytes.InsertRange(at, bytes.GetRange(from, Math.Min(random.Next(1, 60), bytes.Count - from)));
                break;
            default:
                // A whole value is replaced, which keeps the file well-formed more often.
                var colon = bytes.IndexOf((byte)':', at);
                var comma = colon < 0 ? -1 : bytes.FindIndex(colon, b => b is (byte)',' or (byte)'}');
                if (comma > colon)
                {
                    bytes.RemoveRange(colon + 1, comma - colon - 1);
                    bytes.InsertRange(colon + 1, Encoding.UTF8.GetBytes(pieces[random.Next(2)]));
                }

                break;
        }

        if (bytes.Count == 0)
            bytes.Add((byte)'{');
    }

    private static string Generate(Random random)
    {
        var functions = Enumerable.Range(0, random.Next(1, 5)).Select(i => $"{Words[random.Next(Words.Length)]}{i}").ToList();
        var parts = new List<string> { $"\"functions\": [{string.Join(", ", functions.Select(name => Function(random, name)))}]" };
        if (random.Next(2) == 0)
        {
            var services = Enumerable.Range(0, random.Next(4)).Select(i => random.Next(2) == 0
                ? $$"""{ "name": "s{{i}}", "selector": { "functionName": "{{functions[0]}}" } }"""
                : $$"""{ "name": "s{{i}}", "type": "proportional-load-balance", "selectors": [{{Shares(random, functions)}}] }""");
            parts.Add($"\"services\": [{string.Join(", ", services)}]");
        }

        if (random.Next(2) == 0)
            parts.Add($"\"platformEnvironment\": {Environment(random)}");
        return $"{{ {string.Join(", ", parts)} }}";
    }

    private static string Shares(Random random, List<string> functions)
    {
        var weights = Enumerable.Range(0, random.Next(1, 8)).Select(_ => random.NextDouble() + 0.01).ToList();
        return string.Join(", ", weights.Select(weight => string.Create(
            CultureInfo.InvariantCulture,
            $$"""{ "selector": { "functionName": "{{functions[random.Next(functions.Count)]}}" }, "proportion": {{weight / weights.Sum()}} }""")));
    }

    private static string Environment(Random random)
    {
        var values = new[] { "", "plain", "quote\\\" back\\\\slash", "line\\nfeed", "\\ud83d\\ude00", "函" };
        var pairs = Enumerable.Range(0, random.Next(4)).Select(i => ($"K{i}", values[random.Next(values.Length)])).ToList();
        return random.Next(2) == 0
            ? $"{{ {string.Join(", ", pairs.Select(pair => $"\"{pair.Item1}\": \"{pair.Item2}\""))} }}"
            : $"[{string.Join(", ", pairs.Select(pair => $"{{ \"key\": \"{pair.Item1}\", \"value\": \"{pair.Item2}\" }}"))}]";
    }

    private static string Function(Random random, string name)
    {
        var fields = new List<string> { $"\"name\": \"{name}\"", $"\"url\": \"{Urls[random.Next(Urls.Length)].Replace("\\", "\\\\", StringComparison.Ordinal)}\"", $"\"signature\": \"md5:{random.Next()}\"" };
        if (random.Next(2) == 0)
        {
            fields.Add("\"runtime\": \"aworker\", \"sourceFile\": \"app.js\"");
        }
        else
        {
            fields.Add("\"runtime\": \"nodejs\", \"handler\": \"index.handler\"");
            Maybe("\"initializer\": \"index.init\"");
        }

        Maybe("\"namespace\": \"ns\"");
        Maybe($"\"environments\": {Environment(random)}");
        Maybe(string.Create(CultureInfo.InvariantCulture, $$"""  "resourceLimit": { "memory": {{random.Next(1, int.MaxValue)}}, "cpu": {{random.NextDouble() + 0.001}} }"""));
        Maybe($$"""  "rateLimit": { "maxTokenCount": {{random.Next(1, 99)}} }""");
        var worker = new List<string>();
        foreach (var flag in new[] { "disposable", "disableSeed", "disableRequestQueue", "fastFailRequestsOnStarting", "shrinkCooldownOnStartup" })
        {
            if (random.Next(2) == 0)
                worker.Add($"\"{flag}\": {(random.Next(2) == 0 ? "true" : "false")}");
        }

        foreach (var share in new[] { "emaConcurrencyAlpha", "concurrencyExpandThreshold", "concurrencyShrinkThreshold", "scaleFactor", "precisionZeroThreshold" })
        {
            if (random.Next(2) == 0)
                worker.Add(string.Create(CultureInfo.InvariantCulture, $"\"{share}\": {1 - random.NextDouble()}"));
        }

        if (random.Next(2) == 0)
            worker.Add($"\"reservationCount\": {random.Next(0, 10)}, \"execArgv\": [\"-a\", \"b c\"], \"shrinkStrategy\": \"FIFO\"");
        Maybe($"\"worker\": {{ {string.Join(", ", worker)} }}");
        return $"{{ {string.Join(", ", fields)} }}";

        void Maybe(string field)
        {
            if (random.Next(2) == 0)
                fields.Add(field);
        }
    }
}
