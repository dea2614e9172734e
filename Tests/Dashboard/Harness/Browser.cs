using Microsoft.Playwright;
using NoslateFleet.Tests.Common;

namespace NoslateFleet.Tests.Dashboard.Harness;

/// <summary>One chromium for all tests. It starts with the first of them, so that a missing program skips tests instead of failing them.</summary>
public sealed class Browser : IAsyncLifetime
{
    private const float Limit = 20_000;

    private readonly Lazy<Task<(IPlaywright Playwright, IBrowser Browser)>> _browser = new(LaunchAsync);

    /// <summary>Where screenshots are kept.</summary>
    public static string Screenshots { get; } = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, "screenshots")).FullName;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (_browser.IsValueCreated && _browser.Value.IsCompletedSuccessfully)
        {
            var (playwright, browser) = await _browser.Value;
            await browser.CloseAsync();
            playwright.Dispose();
        }
    }

    /// <summary>Opens a browser window of its own: no cookies, nothing kept.</summary>
    /// <param name="script">Whether scripts run.</param>
    /// <param name="dark">Which colours.</param>
    /// <param name="language">Which language.</param>
    public async Task<Window> OpenAsync(bool script = true, bool dark = false, string language = "en")
    {
        var (_, browser) = await _browser.Value;
        var context = await browser.NewContextAsync(new BrowserNewContextOptions
        {
            JavaScriptEnabled = script,
            ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light,
            Locale = language,
            ViewportSize = new ViewportSize { Width = 1360, Height = 900 },
        });
        context.SetDefaultTimeout(Limit);
        return new Window(context, await context.NewPageAsync());
    }

    private static async Task<(IPlaywright Playwright, IBrowser Browser)> LaunchAsync()
    {
        Assertions.SetDefaultExpectTimeout(Limit);
        var program = Requires.Program("chromium");
        var playwright = await Playwright.CreateAsync();
        return (playwright, await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = program,

            // In a container there is nobody but root, whom chromium's own sandbox does not let in.
            Args = ["--no-sandbox"],
        }));
    }
}

/// <summary>A browser window. When it is disposed of it checks that the page broke none of its own rules.</summary>
public sealed class Window(IBrowserContext context, IPage page) : IAsyncDisposable
{
    private readonly List<string> _complaints = Listen(page);

    public IPage Page => page;

    public IBrowserContext Context => context;

    /// <summary>Refused requests and script errors may be what a test is about.</summary>
    public bool MayComplain { get; set; }

    /// <summary>Keeps a picture.</summary>
    /// <param name="name">Its name.</param>
    public Task ShootAsync(string name, bool whole = true) =>
        page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(Browser.Screenshots, name + ".png"), FullPage = whole });

    public async ValueTask DisposeAsync()
    {
        await context.CloseAsync();
        if (!MayComplain)
        {
            Assert.Empty(_complaints);
        }
    }

    private static List<string> Listen(IPage page)
    {
        var complaints = new List<string>();
        page.PageError += (_, error) => complaints.Add(error);
        page.Console += (_, message) =>
        {
            if (message.Type == "error")
            {
                complaints.Add(message.Text);
            }
        };
        return complaints;
    }
}

/// <summary>Tests with the browser run one after another: they share it, and the machine.</summary>
[CollectionDefinition(Name)]
public sealed class BrowserTests : ICollectionFixture<Browser>
{
    public const string Name = "browser";
}
