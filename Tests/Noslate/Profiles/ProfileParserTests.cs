using System.Text;
using NoslateFleet.Noslate.Profiles;

namespace NoslateFleet.Tests.Noslate.Profiles;

public class ProfileParserTests
{
    private const string Node = """ "name": "f", "runtime": "nodejs", "url": "file:///code", "signature": "v1", "handler": "index.handler" """;
    private const string Aworker = """ "name": "f", "runtime": "aworker", "url": "file:///code", "signature": "v1", "sourceFile": "app.js" """;

    internal static ProfileSet Parse(string json) => ProfileParser.Parse(Encoding.UTF8.GetBytes(json), "/srv/app");

    internal static IReadOnlyList<string> Errors(string json) => Assert.Throws<ProfileValidationException>(() => Parse(json)).Errors;

    private static string OneError(string json) => Assert.Single(Errors(json));

    private static string FunctionWith(string fields) => $"[{{ {Node}, {fields} }}]";

    private static string WithServices(string services) => $$"""{ "functions": [{ {{Node}} }], "services": [{{services}}] }""";

    [Fact]
    public void BareList_IsTheFunctions()
    {
        var set = Parse($"[{{ {Node} }}]");
        var function = Assert.Single(set.Functions);
        Assert.Equal(("f", "nodejs", "file:///code", "v1", "index.handler"), (function.Name, function.Runtime, function.Url, function.Signature, function.Handler));
        Assert.Empty(set.Services);
        Assert.Empty(set.PlatformEnvironment);
    }

    [Fact]
    public void EverythingGiven_IsRead()
    {
        var set = Parse("""
            // a comment
            {
              "functions": [{
                "name": "f", "runtime": "nodejs", "url": "https://host/f.zip", "signature": "md5:1", "handler": "index.handler",
                "initializer": "index.init", "namespace": "ns",
                "resourceLimit": { "memory": 1048576, "cpu": 0.5 },
                "rateLimit": { "maxTokenCount": 3, "tokensPerFill": 2, "fillInterval": 1000 },
                "environments": [{ "key": "A", "value": "1" }, { "key": "B", "value": "" }],
                "worker": {
                  "initializationTimeout": 1, "maxActivateRequests": 2, "reservationCount": 3, "fastFailRequestsOnStarting": true,
                  "replicaCountLimit": 5, "v8Options": ["--a"], "shrinkStrategy": "LCC", "execArgv": ["-b", "-c"], "disposable": true,
                  "disableSeed": true, "disableRequestQueue": true, "dispatchMode": "round-robin", "concurrencySlidingWindowSize": 13,
                  "concurrencySlidingBucketCount": 14, "emaConcurrencyAlpha": 0.25, "concurrencyExpandThreshold": 0.75,
                  "concurrencyShrinkThreshold": 0.125, "expandCooldown": 18, "shrinkCooldown": 19, "scaleFactor": 0.5,
                  "precisionZeroThreshold": 0.0625, "concurrencyStatsMode": "periodic_avg", "shrinkCooldownOnStartup": false,
                },
              }, { "name": "g", "runtime": "aworker", "url": "file:g", "signature": "1", "sourceFile": "app.js" }],
              "services": [
                { "name": "s", "selector": { "functionName": "f" } },
                { "name": "t", "type": "proportional-load-balance", "selectors": [
                  { "selector": { "functionName": "f" }, "proportion": 0.1 }, { "selector": { "functionName": "g" }, "proportion": 0.9 }] },
              ],
              "platformEnvironment": { "REGION": "x" },
            }
            """);
        var f = set.Functions[0];
        Assert.Equal(("index.init", "ns", 1048576, 0.5f), (f.Initializer, f.Namespace, f.ResourceLimit.Memory, f.ResourceLimit.Cpu));
        Assert.Equal((3, 2, 1000), (f.RateLimit.MaxTokenCount, f.RateLimit.TokensPerFill, f.RateLimit.FillInterval));
        Assert.Equal(["A=1", "B="], f.Environments.Select(pair => $"{pair.Key}={pair.Value}"));
        Assert.Equal(
            """{ "initializationTimeout": 1, "maxActivateRequests": 2, "reservationCount": 3, "fastFailRequestsOnStarting": true, "replicaCountLimit": 5, "v8Options": [ "--a" ], "shrinkStrategy": "LCC", "execArgv": [ "-b", "-c" ], "disposable": true, "disableSeed": true, "disableRequestQueue": true, "dispatchMode": "round-robin", "concurrencySlidingWindowSize": 13, "concurrencySlidingBucketCount": 14, "emaConcurrencyAlpha": 0.25, "concurrencyExpandThreshold": 0.75, "concurrencyShrinkThreshold": 0.125, "expandCooldown": 18, "shrinkCooldown": 19, "scaleFactor": 0.5, "precisionZeroThreshold": 0.0625, "concurrencyStatsMode": "periodic_avg", "shrinkCooldownOnStartup": false }""",
            f.Worker.ToString());
        Assert.Equal(("app.js", "file:///srv/app/g"), (set.Functions[1].SourceFile, set.Functions[1].Url));
        Assert.Equal(("default", "functionName", "f"), (set.Services[0].Type, set.Services[0].Selector[0].Key, set.Services[0].Selector[0].Value));
        Assert.Equal([0.1f, 0.9f], set.Services[1].Selectors.Select(share => share.Proportion));
        Assert.Equal("g", set.Services[1].Selectors[1].Selector_[0].Value);
        Assert.Equal("REGION=x", string.Join(',', set.PlatformEnvironment.Select(pair => $"{pair.Key}={pair.Value}")));
    }

    [Fact]
    public void ExplicitZeroAndFalse_ReachTheWire()
    {
        var worker = Parse(FunctionWith(""" "worker": { "reservationCount": 0, "shrinkCooldownOnStartup": false } """)).Functions[0].Worker;
        Assert.True(worker.HasReservationCount);
        Assert.True(worker.HasShrinkCooldownOnStartup);
        Assert.Equal([0x18, 0x00, 0xb8, 0x01, 0x00], Google.Protobuf.MessageExtensions.ToByteArray(worker));
    }

    [Theory]
    [InlineData("", "The file is empty, must hold JSON; {} means no functions")]
    [InlineData(" \n ", "The file is empty, must hold JSON; {} means no functions")]
    [InlineData("{ \"functions\": [", "The file is not valid JSON at line 1, byte 17: ")]
    [InlineData("[\n  nope\n]", "The file is not valid JSON at line 2, byte ")]
    [InlineData("7", "The file is 7, must be an object with functions, services and platformEnvironment, or a list of function profiles")]
    [InlineData("{ \"function\": [] }", "function is not known here; did you mean functions?")]
    [InlineData("{ \"zzz\": [] }", "zzz is not known here; known are functions, services, platformEnvironment")]
    [InlineData("{ \"functions\": {} }", "functions is an object, must be a list of function profiles")]
    [InlineData("{ \"services\": 1 }", "services is 1, must be a list of service profiles")]
    [InlineData("{ \"functions\": [], \"functions\": [] }", "functions is given more than once, must be given once")]
    [InlineData("[7]", "functions[0]: is 7, must be an object { ... }")]
    [InlineData("{ \"services\": [null] }", "services[0]: is null, must be an object { ... }")]
    [InlineData("{ \"\\ud800\": 1 }", "has a field whose name holds half of a surrogate pair")]
    public void FileAsAWhole_Wrong_IsRefused(string json, string message) => Assert.StartsWith(message, OneError(json), StringComparison.Ordinal);

    [Fact]
    public void InvalidUtf8_IsRefused()
    {
        var error = Assert.Throws<ProfileValidationException>(() => ProfileParser.Parse(new byte[] { (byte)'[', (byte)'"', 0xff, (byte)'"', (byte)']' }, "/"));
        Assert.Equal("The file is not valid UTF-8, must be JSON in UTF-8", Assert.Single(error.Errors));
    }

    [Fact]
    public void LargerThan4MiB_IsRefused()
    {
        var bytes = new byte[ProfileParser.MaxBytes + 1];
        Array.Fill(bytes, (byte)' ');
        var error = Assert.Throws<ProfileValidationException>(() => ProfileParser.Parse(bytes, "/"));
        Assert.Equal("The file has 4194305 bytes, must have at most 4194304 (4 MiB)", Assert.Single(error.Errors));
    }

    [Fact]
    public void Exactly4MiB_IsRead()
    {
        var bytes = new byte[ProfileParser.MaxBytes];
        Array.Fill(bytes, (byte)' ');
        "[]"u8.CopyTo(bytes);
        Assert.Empty(ProfileParser.Parse(bytes, "/").Functions);
    }

    [Fact]
    public void TooDeep_IsRefused() =>
        Assert.StartsWith("The file is not valid JSON at line 1, byte 65", OneError(new string('[', 65) + new string(']', 65)), StringComparison.Ordinal);

    [Fact]
    public void ByteOrderMark_IsSkipped() => Assert.Empty(Parse("\uFEFF[]").Functions);

    [Theory]
    [InlineData("name")]
    [InlineData("runtime")]
    [InlineData("url")]
    [InlineData("signature")]
    public void RequiredField_Missing_IsRefused(string field)
    {
        var fields = Node.Split(',').Where(part => !part.Contains($"\"{field}\"", StringComparison.Ordinal));
        Assert.Contains($": {field} is missing, must be ", OneError($"[{{ {string.Join(',', fields)} }}]"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "name is \"\"")]
    [InlineData("a b", "name is \"a b\"")]
    [InlineData("a\\nb", "name is \"a\\u000ab\"")]
    [InlineData("a\\u202eb", "name is \"a\\u202eb\"")]
    [InlineData("a\\\"b", "name is \"a\"b\"")]
    [InlineData("..", "name is \"..\"")]
    [InlineData("a/../b", "name is \"a/../b\"")]
    [InlineData("a//b", "name is \"a//b\"")]
    [InlineData("\\ud800", "name is text with half of a surrogate pair")]
    public void Name_Wrong_IsRefused(string name, string message)
    {
        var error = OneError($$"""[{ "name": "{{name}}", "runtime": "nodejs", "url": "file:///c", "signature": "1", "handler": "a.b" }]""");
        Assert.EndsWith($": {message}, must be {ProfileNames.Expected}", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hello")]
    [InlineData("aworker_echo-2.x")]
    [InlineData("@scope/name")]
    [InlineData("$debug:v1+a~b")]
    [InlineData("函数一")]
    public void Name_Plausible_IsTaken(string name) => Assert.True(ProfileNames.IsRight(name));

    [Fact]
    public void Name_Of128_IsTaken_Of129_IsNot()
    {
        Assert.True(ProfileNames.IsRight(new string('n', 128)));
        Assert.False(ProfileNames.IsRight(new string('n', 129)));
    }

    [Theory]
    [InlineData("\"deno\"", "runtime is \"deno\", must be \"nodejs\" or \"aworker\"")]
    [InlineData("\"nodejs-v16\"", "runtime is \"nodejs-v16\", must be \"nodejs\" or \"aworker\": write \"nodejs\", without a version")]
    [InlineData("\"NodeJS\"", "runtime is \"NodeJS\", must be \"nodejs\" or \"aworker\": write \"nodejs\", without a version")]
    [InlineData("16", "runtime is 16, must be \"nodejs\" or \"aworker\"")]
    public void Runtime_Wrong_IsRefused(string runtime, string message) =>
        Assert.Equal(
            "functions[0] \"f\": " + message,
            OneError($$"""[{ "name": "f", "runtime": {{runtime}}, "url": "file:///c", "signature": "1", "handler": "a.b" }]"""));

    [Fact]
    public void Handler_MissingForNode_IsRefused() =>
        Assert.Equal(
            "functions[0] \"f\": handler is missing, must be file.export, with exactly one dot, with runtime \"nodejs\"",
            OneError("""[{ "name": "f", "runtime": "nodejs", "url": "file:///c", "signature": "1" }]"""));

    [Fact]
    public void SourceFile_MissingForAworker_IsRefused() =>
        Assert.Equal(
            "functions[0] \"f\": sourceFile is missing, must be the file to run, as app.js, with runtime \"aworker\"",
            OneError("""[{ "name": "f", "runtime": "aworker", "url": "file:///c", "signature": "1" }]"""));

    [Theory]
    [InlineData("handler")]
    [InlineData("initializer")]
    public void NodeField_ForAworker_IsRefused(string field) =>
        Assert.Equal(
            $"functions[0] \"f\": {field} is given with runtime \"aworker\", must be left out: it belongs to \"nodejs\"",
            OneError($$"""[{ {{Aworker}}, "{{field}}": "a.b" }]"""));

    [Fact]
    public void SourceFile_ForNode_IsRefused() =>
        Assert.Equal(
            "functions[0] \"f\": sourceFile is given with runtime \"nodejs\", must be left out: it belongs to \"aworker\"",
            OneError(FunctionWith(""" "sourceFile": "app.js" """)));

    [Theory]
    [InlineData("index")]
    [InlineData(".handler")]
    [InlineData("index.")]
    [InlineData("a.b.c")]
    [InlineData("")]
    public void HandlerOrInitializer_WithoutExactlyOneDot_IsRefused(string text)
    {
        Assert.Equal(
            $"functions[0] \"f\": handler is \"{text}\", must be file.export, with exactly one dot",
            OneError($$"""[{ "name": "f", "runtime": "nodejs", "url": "file:///c", "signature": "1", "handler": "{{text}}" }]"""));
        Assert.Equal(
            $"functions[0] \"f\": initializer is \"{text}\", must be file.export, with exactly one dot",
            OneError(FunctionWith($"\"initializer\": \"{text}\"")));
    }

    [Theory]
    [InlineData("\"handlr\": 1", "handlr is not known here; did you mean handler?")]
    [InlineData("\"worker\": { \"replicaCountLimt\": 1 }", "worker.replicaCountLimt is not known here; did you mean replicaCountLimit?")]
    [InlineData("\"worker\": { \"Disposable\": true }", "worker.Disposable is not known here; did you mean disposable?")]
    [InlineData("\"resourceLimit\": { \"mem\": 1 }", "resourceLimit.mem is not known here; known are memory, cpu")]
    [InlineData("\"rateLimit\": { \"fillIntervall\": 1 }", "rateLimit.fillIntervall is not known here; did you mean fillInterval?")]
    [InlineData("\"environments\": [{ \"key\": \"A\", \"value\": \"b\", \"valeu\": \"c\" }]", "environments[0].valeu is not known here; did you mean value?")]
    public void UnknownField_IsRefusedWithTheNearest(string fields, string message) =>
        Assert.Equal("functions[0] \"f\": " + message, OneError(FunctionWith(fields)));

    [Theory]
    [InlineData("\"handler\": \"a.b\"", "handler is given more than once, must be given once")]
    [InlineData("\"worker\": { \"disposable\": true, \"disposable\": true }", "worker.disposable is given more than once, must be given once")]
    [InlineData("\"environments\": { \"A\": \"1\", \"A\": \"1\" }", "environments.A is given more than once, must be given once")]
    public void FieldGivenTwice_IsRefused(string fields, string message) =>
        Assert.Equal("functions[0] \"f\": " + message, OneError(FunctionWith(fields)));

    public static TheoryData<string, int> Integers => new()
    {
        { "resourceLimit.memory", 1 }, { "rateLimit.maxTokenCount", 1 }, { "rateLimit.tokensPerFill", 1 }, { "rateLimit.fillInterval", 1 },
        { "worker.initializationTimeout", 1 }, { "worker.maxActivateRequests", 1 }, { "worker.reservationCount", 0 }, { "worker.replicaCountLimit", 1 },
        { "worker.concurrencySlidingWindowSize", 1 }, { "worker.concurrencySlidingBucketCount", 1 }, { "worker.expandCooldown", 0 }, { "worker.shrinkCooldown", 0 },
    };

    [Theory]
    [MemberData(nameof(Integers))]
    public void Integer_OutOfRangeOrNotOne_IsRefused(string path, int least)
    {
        var (group, field) = (path.Split('.')[0], path.Split('.')[1]);
        string With(string value) => FunctionWith($$""" "{{group}}": { "{{field}}": {{value}} } """);
        var expected = $"a whole number from {least} to 2147483647";
        foreach (var value in new[] { (least - 1).ToString(System.Globalization.CultureInfo.InvariantCulture), "2147483648", "1.5", "1e99", "true", "null" })
            Assert.Equal($"functions[0] \"f\": {path} is {value}, must be {expected}", OneError(With(value)));
        Assert.Equal($"functions[0] \"f\": {path} is \"10\", must be {expected}, without quotes", OneError(With("\"10\"")));
        Assert.NotNull(Parse(With(Math.Max(least, 1).ToString(System.Globalization.CultureInfo.InvariantCulture))));
        Assert.NotNull(Parse(With("5.0")));
    }

    [Theory]
    [InlineData("resourceLimit", "cpu", "0", "a number above 0")]
    [InlineData("resourceLimit", "cpu", "1e39", "a number above 0")]
    [InlineData("worker", "emaConcurrencyAlpha", "0", "a number above 0 and at most 1")]
    [InlineData("worker", "emaConcurrencyAlpha", "1.1", "a number above 0 and at most 1")]
    [InlineData("worker", "concurrencyExpandThreshold", "0", "a number above 0 and at most 1")]
    [InlineData("worker", "concurrencyShrinkThreshold", "-0.1", "a number from 0 to 1")]
    [InlineData("worker", "scaleFactor", "2", "a number above 0 and at most 1")]
    [InlineData("worker", "precisionZeroThreshold", "-1", "a number from 0")]
    [InlineData("worker", "scaleFactor", "\"0.5\"", "a number above 0 and at most 1, without quotes")]
    [InlineData("worker", "disposable", "\"true\"", "true or false, without quotes")]
    [InlineData("worker", "disposable", "1", "true or false")]
    [InlineData("worker", "fastFailRequestsOnStarting", "null", "true or false")]
    [InlineData("worker", "disableSeed", "0", "true or false")]
    [InlineData("worker", "disableRequestQueue", "0", "true or false")]
    [InlineData("worker", "shrinkCooldownOnStartup", "0", "true or false")]
    [InlineData("worker", "shrinkStrategy", "\"filo\"", "\"FILO\" or \"FIFO\" or \"LCC\"")]
    [InlineData("worker", "dispatchMode", "\"random\"", "\"least-request-count\" or \"round-robin\"")]
    [InlineData("worker", "concurrencyStatsMode", "\"max\"", "\"instant\" or \"periodic_max\" or \"periodic_avg\"")]
    [InlineData("worker", "v8Options", "\"-x\"", "a list of texts [\"...\"]")]
    [InlineData("worker", "execArgv", "{}", "a list of texts [\"...\"]")]
    public void GroupField_Wrong_IsRefused(string group, string field, string value, string expected)
    {
        var shown = value == "{}" ? "an object" : value;
        Assert.Equal(
            $"functions[0] \"f\": {group}.{field} is {shown}, must be {expected}",
            OneError(FunctionWith($$""" "{{group}}": { "{{field}}": {{value}} } """)));
    }

    [Fact]
    public void ItemOfTextList_Wrong_IsRefused() =>
        Assert.Equal(
            ["functions[0] \"f\": worker.execArgv[1] is 7, must be text without control characters", "functions[0] \"f\": worker.execArgv[2] is \"a\\u0000b\", must be text without control characters"],
            Errors(FunctionWith(""" "worker": { "execArgv": ["-a", 7, "a\u0000b"] } """)));

    [Theory]
    [InlineData("worker")]
    [InlineData("resourceLimit")]
    [InlineData("rateLimit")]
    public void Group_NotAnObject_IsRefused(string group) =>
        Assert.Equal($"functions[0] \"f\": {group} is a list, must be an object {{ ... }}", OneError(FunctionWith($"\"{group}\": []")));

    [Theory]
    [InlineData("signature")]
    [InlineData("namespace")]
    public void PlainText_EmptyOrWithControlCharacters_IsRefused(string field)
    {
        var others = string.Join(',', Node.Split(',').Where(part => !part.Contains($"\"{field}\"", StringComparison.Ordinal)));
        foreach (var (value, shown) in new[] { ("", ""), ("a\\tb", "a\\u0009b") })
        {
            Assert.StartsWith(
                $"functions[0] \"f\": {field} is \"{shown}\", must be text of 1 to 4096 characters without control characters",
                OneError($$"""[{ {{others}}, "{{field}}": "{{value}}" }]"""),
                StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("\"reservationCount\": 6, \"replicaCountLimit\": 5", "is 6, must be at most worker.replicaCountLimit, which is 5")]
    [InlineData("\"reservationCount\": 11", "is 11, must be at most worker.replicaCountLimit, which is 10 when left out")]
    public void Reservation_AboveTheLimit_IsRefused(string worker, string message) =>
        Assert.Equal("functions[0] \"f\": worker.reservationCount " + message, OneError(FunctionWith($$""" "worker": { {{worker}} } """)));

    [Fact]
    public void Reservation_EqualToTheLimit_IsTaken() =>
        Assert.NotNull(Parse(FunctionWith(""" "worker": { "reservationCount": 5, "replicaCountLimit": 5 } """)));

    [Fact]
    public void FunctionName_Twice_IsRefused() =>
        Assert.Equal(
            "functions[2] \"f\": name is \"f\", must be unique: functions[0] has it too",
            OneError($$"""[{ {{Node}} }, { {{Node.Replace("\"f\"", "\"g\"", StringComparison.Ordinal)}} }, { {{Node}} }]"""));

    [Theory]
    [InlineData("[{ \"key\": \"A\", \"value\": \"1\" }, { \"key\": \"A\", \"value\": \"2\" }]", "environments[1].key is \"A\", must be unique: item 0 has it too")]
    [InlineData("[{ \"value\": \"1\" }]", "environments[0].key is missing, must be 1 to 256 characters without =, spaces or control characters")]
    [InlineData("[{ \"key\": \"A\" }]", "environments[0].value is missing, must be text")]
    [InlineData("[{ \"key\": \"A=B\", \"value\": \"\" }]", "environments[0].key is \"A=B\", must be 1 to 256 characters without =, spaces or control characters")]
    [InlineData("{ \"A B\": \"\" }", "environments has the key \"A B\", must be 1 to 256 characters without =, spaces or control characters")]
    [InlineData("\"A=1\"", "environments is text that cannot be used (not shown), must be an object { \"KEY\": \"value\" } or a list [{ \"key\": \"KEY\", \"value\": \"value\" }]")]
    [InlineData("{ \"A\": 4711 }", "environments.A is a number (not shown), must be text, in quotes")]
    [InlineData("{ \"A\": true }", "environments.A is true or false (not shown), must be text, in quotes")]
    [InlineData("{ \"A\": null }", "environments.A is null, must be text")]
    [InlineData("{ \"A\": \"x\\u0000secret\" }", "environments.A is too long or holds a NUL character, must be at most 131072 characters without NUL")]
    public void Environment_Wrong_IsRefused_WithoutShowingTheValue(string environments, string message) =>
        Assert.Equal("functions[0] \"f\": " + message, OneError(FunctionWith($"\"environments\": {environments}")));

    [Theory]
    [InlineData("NOSLATE_X")]
    [InlineData("NOSLATED_WORKDIR")]
    public void PlatformEnvironment_OfTheNodesOwn_IsRefused(string key)
    {
        var message = $"platformEnvironment.{key} has a key of the node's own, must not start with NOSLATE_ or NOSLATED_";
        Assert.Equal(message, OneError($$"""{ "platformEnvironment": { "{{key}}": "1" } }"""));
        Assert.Equal(message, OneError($$"""{ "platformEnvironment": [{ "key": "{{key}}", "value": "1" }] }"""));
    }

    [Theory]
    [InlineData("""{ "selector": { "functionName": "f" } }""", "services[0]: name is missing, must be ")]
    [InlineData("""{ "name": "s", "type": "weighted" }""", "services[0] \"s\": type is \"weighted\", must be \"default\" or \"proportional-load-balance\"")]
    [InlineData("""{ "name": "s" }""", "services[0] \"s\": selector is missing, must be { \"functionName\": \"...\" }, with type \"default\"")]
    [InlineData("""{ "name": "s", "type": "proportional-load-balance" }""", "services[0] \"s\": selectors is missing, must be a list ")]
    [InlineData("""{ "name": "s", "selector": {} }""", "services[0] \"s\": selector.functionName is missing, must be the name of a function")]
    [InlineData("""{ "name": "s", "selector": { "functionName": "F2" } }""", "services[0] \"s\": selector.functionName is \"F2\", must be the name of a function in this file; did you mean f?")]
    [InlineData("""{ "name": "s", "selector": { "functionName": "f", "x": "y" } }""", "services[0] \"s\": selector.x is not known here; known are functionName")]
    [InlineData("""{ "name": "s", "extra": 1, "selector": { "functionName": "f" } }""", "services[0] \"s\": extra is not known here; known are name, type, selector, selectors")]
    [InlineData("""{ "name": "s", "type": "proportional-load-balance", "selectors": [] }""", "services[0] \"s\": selectors is a list, must be a list with at least one item")]
    [InlineData("""{ "name": "s", "type": "proportional-load-balance", "selectors": [{ "selector": { "functionName": "f" } }] }""", "services[0] \"s\": selectors[0].proportion is missing, must be a number from 0 to 1")]
    [InlineData("""{ "name": "s", "type": "proportional-load-balance", "selectors": [{ "selector": { "functionName": "f" }, "proportion": 2 }] }""", "services[0] \"s\": selectors[0].proportion is 2, must be a number from 0 to 1")]
    [InlineData("""{ "name": "s", "type": "proportional-load-balance", "selectors": [{ "selector": { "functionName": "f" }, "proportion": 0.9 }] }""", "services[0] \"s\": selectors have proportions whose sum is 0.9, must be 1")]
    [InlineData("""{ "name": "s", "type": "proportional-load-balance", "selectors": [{ "proportion": 1 }] }""", "services[0] \"s\": selectors[0].selector is missing, must be { \"functionName\": \"...\" }")]
    [InlineData("""{ "name": "s", "type": "proportional-load-balance", "selectors": [{ "selector": { "functionName": "g" }, "proportion": 1 }] }""", "services[0] \"s\": selectors[0].selector.functionName is \"g\", must be the name of a function in this file; did you mean f?")]
    [InlineData("""{ "name": "s", "type": "default", "selector": { "functionName": "f" }, "selectors": [{ "selector": { "functionName": "f" }, "proportion": 1 }] }""", "services[0] \"s\": selectors is given with type \"default\", must be left out")]
    public void Service_Wrong_IsRefused(string service, string message) =>
        Assert.StartsWith(message, OneError(WithServices(service)), StringComparison.Ordinal);

    [Fact]
    public void SelectorOfProportionalService_IsRefused() =>
        Assert.Equal(
            "services[0] \"s\": selector is given with type \"proportional-load-balance\", must be left out",
            OneError(WithServices("""{ "name": "s", "type": "proportional-load-balance", "selector": { "functionName": "f" }, "selectors": [{ "selector": { "functionName": "f" }, "proportion": 1 }] }""")));

    [Fact]
    public void ServiceName_Twice_IsRefused() =>
        Assert.Equal(
            "services[1] \"s\": name is \"s\", must be unique: services[0] has it too",
            OneError(WithServices("""{ "name": "s", "selector": { "functionName": "f" } }, { "name": "s", "selector": { "functionName": "f" } }""")));

    [Fact]
    public void Service_BeforeItsFunction_IsTaken() =>
        Assert.Single(Parse($$"""{ "services": [{ "name": "s", "selector": { "functionName": "f" } }], "functions": [{ {{Node}} }] }""").Services);

    [Fact]
    public void Thirds_SumToOne()
    {
        var third = """{ "selector": { "functionName": "f" }, "proportion": 0.3333333 }""";
        Assert.Single(Parse(WithServices($$"""{ "name": "s", "type": "proportional-load-balance", "selectors": [{{third}}, {{third}}, {{third}}] }""")).Services);
    }

    [Fact]
    public void SeveralMistakes_AreToldAtOnce()
    {
        var errors = Errors("""
            {
              "functions": [
                { "name": "a", "runtime": "deno", "url": "code", "signature": "", "worker": { "replicaCountLimit": "3" } },
                { "name": "b" }
              ],
              "services": [{ "name": "s", "selector": { "functionName": "zzzzz" } }],
              "platformEnvironment": { "NOSLATE_A": "1" }
            }
            """);
        Assert.Equal(9, errors.Count);
        Assert.Contains("functions[0] \"a\": runtime is \"deno\"", string.Join('\n', errors), StringComparison.Ordinal);
        Assert.Contains("services[0] \"s\": selector.functionName is \"zzzzz\"", string.Join('\n', errors), StringComparison.Ordinal);
        var exception = new ProfileValidationException(errors);
        Assert.StartsWith("9 errors:\n- ", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void EndlessMistakes_AreCut()
    {
        var errors = Errors($"[{string.Join(',', Enumerable.Repeat("1", 2000))}]");
        Assert.Equal(501, errors.Count);
        Assert.Equal("... and 1500 more", errors[500]);
    }

    [Fact]
    public void LongValue_IsCutInTheMessage()
    {
        var error = OneError(FunctionWith($"\"initializer\": \"{new string('x', 5000)}\""));
        Assert.Contains($"\"{new string('x', 80)}...\"", error, StringComparison.Ordinal);
        Assert.True(error.Length < 200);
    }

    [Fact]
    public void Version_IgnoresFormattingAndOrder()
    {
        var one = Parse($$"""{ "functions": [{ {{Node}}, "environments": [{ "key": "A", "value": "1" }, { "key": "B", "value": "2" }] }, { {{Aworker.Replace("\"f\"", "\"g\"", StringComparison.Ordinal)}} }] }""");
        var other = Parse($$"""
            [ { {{Aworker.Replace("\"f\"", "\"g\"", StringComparison.Ordinal)}} }, // the same, written otherwise
              { "environments": { "B": "2", "A": "1" }, "worker": {}, {{Node}} } ]
            """);
        Assert.Equal(one.Version, other.Version);
        Assert.Matches("^[0-9a-f]{12}$", one.Version);
    }

    [Theory]
    [InlineData("\"worker\": { \"disposable\": true }")]
    [InlineData("\"worker\": { \"disposable\": false }")]
    [InlineData("\"environments\": { \"A\": \"\" }")]
    [InlineData("\"namespace\": \"n\"")]
    [InlineData("\"initializer\": \"a.b\"")]
    public void Version_ChangesWithContent(string field) =>
        Assert.NotEqual(Parse($"[{{ {Node} }}]").Version, Parse(FunctionWith(field)).Version);

    [Fact]
    public void Version_StaysTheSameOverReleases() => Assert.Equal("ad1c976cbafb", Parse($"[{{ {Node} }}]").Version);
}
