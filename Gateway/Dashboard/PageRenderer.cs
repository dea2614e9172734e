using System.Text;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.Extensions.Logging;

namespace NoslateFleet.Gateway.Dashboard;

/// <summary>Renders what the pages' components describe. Everything that is not markup of ours is encoded by them.</summary>
internal sealed class PageRenderer(IServiceProvider services, ILoggerFactory loggers)
{
    /// <summary>Renders.</summary>
    /// <param name="fragment">What.</param>
    public async Task<string> RenderAsync(RenderFragment fragment)
    {
        await using var renderer = new HtmlRenderer(services, loggers);
        return await renderer.Dispatcher.InvokeAsync(async () =>
        {
            var root = await renderer.RenderComponentAsync<Host>(ParameterView.FromDictionary(
                new Dictionary<string, object?> { [nameof(Host.Content)] = fragment }));
            var text = new StringBuilder(16 * 1024);
            await using var writer = new StringWriter(text, System.Globalization.CultureInfo.InvariantCulture);
            root.WriteHtmlTo(writer);
            return text.ToString();
        });
    }

    /// <summary>A component that is what it is given.</summary>
    private sealed class Host : IComponent
    {
        private RenderHandle _handle;

        [Parameter]
        public RenderFragment? Content { get; set; }

        public void Attach(RenderHandle renderHandle) => _handle = renderHandle;

        public Task SetParametersAsync(ParameterView parameters)
        {
            parameters.SetParameterProperties(this);
            _handle.Render(Content!);
            return Task.CompletedTask;
        }
    }
}
