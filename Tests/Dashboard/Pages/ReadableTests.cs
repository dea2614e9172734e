using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using NoslateFleet.Coordination.Fleet;
using NoslateFleet.Coordination.Functions;
using NoslateFleet.Coordination.Lifecycle;
using NoslateFleet.Gateway.Dashboard;
using NoslateFleet.Gateway.Fleet;
using NoslateFleet.Tests.Common;
using NoslateFleet.Tests.Dashboard.Harness;
using static Microsoft.Playwright.Assertions;

namespace NoslateFleet.Tests.Dashboard.Pages;

/// <summary>For everybody: without a script, by keyboard, by ear, in both languages, in both schemes.</summary>
[Collection(BrowserTests.Name)]
public sealed partial class ReadableTests(Browser browser)
{
    private static readonly string[] _pages = ["/dashboard", "/dashboard/function?name=login", "/dashboard/instance?id=c-0a001-000", "/dashboard/profiles", "/dashboard/profiles/edit", "/dashboard/order?id=c-0a001-000&kind=Drain"];

    [SkippableFact]
    public async Task EveryPage_IsCompleteWithoutScript()
    {
        await using var dashboard = await FleetAsync();
        await using var window = await browser.OpenAsync(script: false);
        var page = window.Page;
        foreach (var path in _pages)
        {
            await page.GotoAsync(dashboard.Address + path);
            await Expect(page.Locator("h1")).ToHaveCountAsync(1);
            Assert.NotEmpty(await page.Locator("main").InnerTextAsync());
        }

        // Filter, turn a page, order: with links and forms alone.
        await page.GotoAsync(dashboard.Address + "/dashboard");
        await page.GetByRole(AriaRole.Searchbox, new() { Name = "Instance id" }).FillAsync("c-0a001");
        await page.GetByRole(AriaRole.Button, new() { Name = "Apply" }).ClickAsync();
        await Expect(page.Locator("#table tbody tr")).ToHaveCountAsync(1);
        await page.GetByRole(AriaRole.Link, new() { Name = "c-0a001-000" }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new() { Name = "Flush" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Flush" }).ClickAsync();
        await Expect(page.Locator("#orders")).ToContainTextAsync("Flush");
        Assert.Single(await dashboard.Fleet.ListAsync("c-0a001-000", default));
    }

    [SkippableFact]
    public async Task Keyboard_SkipsToTheContent_AndComesByEverythingInItsOrder()
    {
        await using var dashboard = await FleetAsync();
        await using var window = await browser.OpenAsync(script: false);
        var page = window.Page;
        await page.GotoAsync(dashboard.Address + "/dashboard");
        var seen = new List<string>();
        for (var i = 0; i < 12; i++)
        {
            await page.Keyboard.PressAsync("Tab");
            var focused = page.Locator(":focus");
            seen.Add((await focused.InnerTextAsync()).Split('\n')[0].Trim());
            if (await focused.CountAsync() == 1 && i > 0)
            {
                Assert.NotEqual("none", await focused.EvaluateAsync<string>("e => getComputedStyle(e).outlineStyle"));
            }
        }

        Assert.Equal(["Skip to the content", "NoslateFleet", "Fleet", "Profiles", "Active", "Draining", "Quiet", "Lost", "Stopped", "Gone"], seen.Take(10));
        await page.GotoAsync(dashboard.Address + "/dashboard");
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Locator("#main")).ToBeFocusedAsync();
    }

    [SkippableFact]
    public async Task EveryPage_HasLandmarksCaptionsScopesAndLabels()
    {
        await using var dashboard = await FleetAsync();
        await using var window = await browser.OpenAsync(script: false);
        var page = window.Page;
        foreach (var path in _pages)
        {
            await page.GotoAsync(dashboard.Address + path);
            Assert.Equal(1, await page.Locator("main").CountAsync());
            Assert.Equal(1, await page.Locator("body > header").CountAsync());
            var broken = await page.EvaluateAsync<string[]>("""
                () => {
                  const wrong = [];
                  const say = (e, why) => wrong.push(why + ': ' + e.outerHTML.slice(0, 160));
                  for (const e of document.querySelectorAll('table')) if (!e.caption || !e.caption.textContent.trim()) say(e, 'no caption');
                  for (const e of document.querySelectorAll('th')) if (!e.scope) say(e, 'no scope');
                  for (const e of document.querySelectorAll('th, a, button, dt, h1, h2')) if (!e.textContent.trim()) say(e, 'no text');
                  for (const e of document.querySelectorAll('input:not([type=hidden]), select, textarea')) if (!e.labels.length) say(e, 'no label');
                  for (const e of document.querySelectorAll('svg')) if (e.getAttribute('aria-hidden') !== 'true' && !(e.getAttribute('role') === 'img' && e.getAttribute('aria-label'))) say(e, 'no name');
                  for (const e of document.querySelectorAll('img')) if (!e.hasAttribute('alt')) say(e, 'no alt');
                  for (const e of document.querySelectorAll('nav, section')) if (!e.getAttribute('aria-label') && !document.getElementById(e.getAttribute('aria-labelledby'))) say(e, 'no name');
                  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
                  if (new Set(ids).size !== ids.length) wrong.push('an id twice');
                  return wrong;
                }
                """);
            Assert.Empty(broken);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Colours_HaveEnoughContrast(bool dark)
    {
        var colours = Colours(dark);
        string[] surfaces = ["paper", "card", "sunk", "wash-lost"];
        foreach (var text in new[] { "ink", "ink-2", "ink-3", "accent", "active", "draining", "quiet", "lost", "stopped", "gone" })
        {
            foreach (var surface in surfaces)
            {
                // Standings are written on cards and rows, and where somebody points.
                Assert.True(Contrast(colours[text], colours[surface]) >= 4.5, $"{text} on {surface}: {Contrast(colours[text], colours[surface]):0.00}");
            }
        }

        foreach (var (text, surface) in new[] { ("on-accent", "accent"), ("on-lost", "lost") })
        {
            Assert.True(Contrast(colours[text], colours[surface]) >= 4.5, $"{text} on {surface}");
        }

        foreach (var shape in new[] { "cold", "warming", "warm", "saturated", "focus", "accent" })
        {
            foreach (var surface in new[] { "card", "paper" })
            {
                Assert.True(Contrast(colours[shape], colours[surface]) >= 3, $"{shape} on {surface}: {Contrast(colours[shape], colours[surface]):0.00}");
            }
        }
    }

    [Fact]
    public void Stylesheet_NamesEveryColourOnce_AndLoadsNothing()
    {
        var css = Css();
        Assert.Equal(Colours(false).Keys.Order(StringComparer.Ordinal), Colours(true).Keys.Order(StringComparer.Ordinal));
        var rules = css[css.IndexOf("*, ::before", StringComparison.Ordinal)..];
        Assert.DoesNotMatch("#[0-9a-fA-F]{3,8}\\b(?![^{]*\\{)", rules);
        Assert.DoesNotContain("url(", css, StringComparison.Ordinal);
        Assert.DoesNotContain("@import", css, StringComparison.Ordinal);
    }

    [Fact]
    public void Languages_HaveTheSameKeys_AndTheSamePlaces()
    {
        var (english, chinese) = (Texts.All[0], Texts.All[1]);
        Assert.Equal(english.Keys.Order(StringComparer.Ordinal), chinese.Keys.Order(StringComparer.Ordinal));
        foreach (var key in english.Keys)
        {
            Assert.NotEmpty(chinese[key]);
            Assert.Equal(Places(english[key]), Places(chinese[key]));
        }

        static IEnumerable<string> Places(string text) => Place().Matches(text).Select(static match => match.Value).Distinct().Order(StringComparer.Ordinal);
    }

    /// <summary>A half-width comma between two Chinese words is as wrong as a full-width one between two English ones.</summary>
    [Fact]
    public void Chinese_HasItsOwnPunctuation()
    {
        Assert.DoesNotContain(Texts.All[1].Keys, key => HalfWidth().IsMatch(Texts.All[1][key]));
        Assert.DoesNotContain(Texts.All[0].Keys, key => Texts.All[0][key].Any(static c => c is (>= '\u3000' and <= '\u9fff') or (>= '\uff00' and <= '\uffef')));
    }

    [Fact]
    public void EveryText_ThatAPageNames_IsThere_AndEveryOneThereIsNamed()
    {
        var folder = Repository.PathOf("Gateway", "Dashboard");
        var source = string.Concat(Directory.EnumerateFiles(folder, "*.*", SearchOption.AllDirectories)
            .Where(static file => file.EndsWith(".razor", StringComparison.Ordinal) || file.EndsWith(".cs", StringComparison.Ordinal)).Select(File.ReadAllText));
        var named = Key().Matches(source).Select(static match => match.Groups[1].Value).Distinct().ToList();
        Assert.NotEmpty(named);
        var there = Texts.All[0].Keys.ToHashSet(StringComparer.Ordinal);
        Assert.DoesNotContain(named, key => !there.Contains(key));
        string[] byValue = [.. Names<Standing>(), .. Names<InstancePhase>(), .. Names<FunctionTemperature>(), .. Names<WorkerState>(), .. Names<Verdict>(), .. Names<FleetOrderKind>(), .. Names<FleetOrderOutcome>()];
        Assert.DoesNotContain(byValue, key => !there.Contains(key));
        Assert.DoesNotContain(there, key => !source.Contains('"' + key + '"', StringComparison.Ordinal) && !byValue.Contains(key)
            && !key.StartsWith("standing.means.", StringComparison.Ordinal) && !key.StartsWith("sort.", StringComparison.Ordinal) && !key.StartsWith("order.", StringComparison.Ordinal) && !key.StartsWith("event.kind.", StringComparison.Ordinal));

        static IEnumerable<string> Names<TEnum>()
            where TEnum : struct, Enum => Enum.GetNames<TEnum>().Select(static name => $"{typeof(TEnum).Name}.{name}");
    }

    /// <summary>The words are the recorder's; where they are said in the code, a reader of Chinese has one of their own.</summary>
    [Fact]
    public void EveryKindOfEvent_ThatTheRecorderGets_HasAWordInBothLanguages()
    {
        var kinds = new[] { "Coordination", "Gateway" }.SelectMany(static project => Directory.EnumerateFiles(Repository.PathOf(project), "*.cs", SearchOption.AllDirectories))
            .SelectMany(static file => Recorded().Matches(File.ReadAllText(file))).Select(static match => match.Groups[1].Value).Distinct().ToArray();
        Assert.Superset(new HashSet<string> { "start", "fault", "profiles", "intent" }, kinds.ToHashSet(StringComparer.Ordinal));
        Assert.All(kinds.Concat(["node", "order", "phase", "thaw", "undrain", Receipt.PreStop, Receipt.PreFreeze]), kind => Assert.All(Texts.All, texts => Assert.Contains("event.kind." + kind, texts.Keys)));
    }

    [Theory]
    [InlineData("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN", "集群")]
    [InlineData("en-GB,en;q=0.9", "en", "Fleet")]
    [InlineData("fr,zh;q=0.5", "zh-CN", "集群")]
    [InlineData("zh;q=0, en", "en", "Fleet")]
    [InlineData("de", "en", "Fleet")]
    [InlineData(";;;,,q=", "en", "Fleet")]
    public async Task Language_IsTheOneTheBrowserWouldRatherHave(string accept, string tag, string word)
    {
        await using var dashboard = await DashboardUnderTest.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/dashboard");
        request.Headers.TryAddWithoutValidation("Accept-Language", accept);
        using var response = await dashboard.Http.SendAsync(request);
        var html = System.Net.WebUtility.HtmlDecode(await response.Content.ReadAsStringAsync());
        Assert.Contains($"<html lang=\"{tag}\">", html, StringComparison.Ordinal);
        Assert.Contains(word, html, StringComparison.Ordinal);
        Assert.Equal(tag, response.Content.Headers.ContentLanguage.Single());
    }

    /// <summary>Not only a test: the pictures are there to be looked at.</summary>
    [SkippableTheory]
    [InlineData("en", false)]
    [InlineData("en", true)]
    [InlineData("zh", false)]
    public async Task EveryPage_FitsItsWindow_AndIsPictured(string language, bool dark)
    {
        await using var dashboard = await FleetAsync();
        await using var window = await browser.OpenAsync(dark: dark, language: language);
        var page = window.Page;
        string[] names = ["fleet", "function", "instance", "profiles-page", "edit", "order"];
        for (var i = 0; i < _pages.Length; i++)
        {
            await page.SetViewportSizeAsync(1360, 900);
            await page.GotoAsync(dashboard.Address + _pages[i]);
            await window.ShootAsync($"{names[i]}-{language}{(dark ? "-dark" : "")}");
            await window.ShootAsync($"{names[i]}-{language}{(dark ? "-dark" : "")}-first", whole: false);
            foreach (var width in new[] { 1360, 400, 360 })
            {
                await page.SetViewportSizeAsync(width, 900);
                Assert.True(await page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth"), $"{_pages[i]} at {width}");
            }

            // On a phone instances and functions are cards: nothing of them is out of sight, and each number stands under its name.
            Assert.Empty(await page.EvaluateAsync<string[]>("""
                () => [...document.querySelectorAll('table.cards, table.functions')].flatMap(table => [
                  ...(table.parentElement.scrollWidth > table.parentElement.clientWidth ? ['it scrolls: ' + table.caption.textContent] : []),
                  ...[...table.querySelectorAll('.cards tbody td')].filter(td => td.offsetWidth > 0 && !td.dataset.label && !td.classList.contains('badge-cell')).map(td => 'no name: ' + td.textContent),
                ])
                """));
            await window.ShootAsync($"{names[i]}-{language}{(dark ? "-dark" : "")}-narrow");
        }
    }

    private static async Task<DashboardUnderTest> FleetAsync()
    {
        var dashboard = await DashboardUnderTest.StartAsync(oneClock: true);
        using var watching = dashboard.View.Watch();
        for (var step = 1; step <= Trend.Kept + 2; step++)
        {
            var before = dashboard.View.Picture().Trend;
            await Samples.TellAsync(dashboard.Fleet, 48, step);
            await Until.TrueAsync(
                () =>
                {
                    if (!ReferenceEquals(dashboard.View.Picture().Trend, before))
                    {
                        return true;
                    }

                    dashboard.Clock.Advance(TimeSpan.FromMilliseconds(250));
                    return false;
                },
                "the view takes no step");
        }

        await dashboard.Fleet.AppendAsync(
            "c-0a001-000",
            [
                Samples.Event(1, "start", "boot-1"), Samples.Event(1, "phase", "Starting -> Ready", 1), Samples.Event(1, "phase", "Ready -> Freezing", 9),
                new InstanceRecord(RecordKind.Receipt, "boot-1", 1, new DateTimeOffset(2026, 3, 4, 5, 6, 9, TimeSpan.Zero), Samples.Receipt()),
                Samples.Event(2, "thaw", "00:03:12 missing", 21), Samples.Event(2, "phase", "Frozen -> Ready", 21),
                new InstanceRecord(RecordKind.Receipt, "boot-1", 2, new DateTimeOffset(2026, 3, 4, 5, 6, 40, TimeSpan.Zero), Samples.Receipt(verdict: Verdict.Forced)),
            ],
            default);
        await ((IFleetProfiles)dashboard.Fleet).SetAsync("{\"functions\":[]}", "deploy-bot", null, null, default);
        await Until.TrueAsync(async () => (await dashboard.GetAsync("/dashboard")).Contains("48 in all", StringComparison.Ordinal), "the fleet is not read");
        return dashboard;
    }

    private static string Css() => File.ReadAllText(Repository.PathOf("Gateway", "Dashboard", "Assets", "dashboard.css"));

    private static Dictionary<string, string> Colours(bool dark) =>
        Colour().Matches(Css().Split("@media (prefers-color-scheme: dark)")[dark ? 1 : 0].Split("*, ::before")[0])
            .ToDictionary(static match => match.Groups[1].Value, static match => match.Groups[2].Value, StringComparer.Ordinal);

    // https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
    private static double Contrast(string one, string other)
    {
        var (a, b) = (Luminance(one), Luminance(other));
        return (Math.Max(a, b) + 0.05) / (Math.Min(a, b) + 0.05);
    }

    private static double Luminance(string colour)
    {
        var parts = Enumerable.Range(0, 3).Select(i => int.Parse(colour.AsSpan((2 * i), 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture) / 255.0)
            .Select(static c => c <= 0.04045 ? c / 12.92 : Math.Pow((c + 0.055) / 1.055, 2.4)).ToArray();
        return (0.2126 * parts[0]) + (0.7152 * parts[1]) + (0.0722 * parts[2]);
    }

    [GeneratedRegex(@"--([a-z0-9-]+):\s*#([0-9a-f]{6});")]
    private static partial Regex Colour();

    [GeneratedRegex(@"[\u4e00-\u9fff}][,:;?!()]|[,:;?!()][\u4e00-\u9fff]")]
    private static partial Regex HalfWidth();

    [GeneratedRegex("""Recorder\.Record\([^"\n]*, "([a-z-]+)",""")]
    private static partial Regex Recorded();

    [GeneratedRegex(@"\{\d+\}")]
    private static partial Regex Place();

    [GeneratedRegex(@"(?:\bt|[tT]exts)(?:\.Format\(|\[)""([a-z][A-Za-z.-]*)""\s*[\]),]")]
    private static partial Regex Key();
}
