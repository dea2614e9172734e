using NoslateFleet.Noslate.Profiles;

namespace NoslateFleet.Tests.Noslate.Profiles;

public class CodeUrlTests
{
    // The node takes what follows file:// as the path, without decoding: so the right side is never encoded.
    [Theory]
    [InlineData("file:./x", "file:///srv/app/x")]
    [InlineData("file:x", "file:///srv/app/x")]
    [InlineData("file:x/y/", "file:///srv/app/x/y")]
    [InlineData("file:.", "file:///srv/app")]
    [InlineData("file:../x", "file:///srv/x")]
    [InlineData("file:../../../x", "file:///x")]
    [InlineData("file://./x", "file:///srv/app/x")]
    [InlineData("file://../x", "file:///srv/x")]
    [InlineData("file:///x/y", "file:///x/y")]
    [InlineData("file:///x/../y/./z", "file:///y/z")]
    [InlineData("file:/x", "file:///x")]
    [InlineData("FILE:///x", "file:///x")]
    [InlineData("file:///", "file:///")]
    [InlineData("file://localhost/x", "file:///x")]
    [InlineData("file:./a%20b", "file:///srv/app/a b")]
    [InlineData("file:./a b", "file:///srv/app/a b")]
    [InlineData("file:///100%25", "file:///100%")]
    [InlineData("file:///a%23b%3Fc", "file:///a#b?c")]
    [InlineData("file:///%E5%87%BD", "file:///函")]
    [InlineData("file:函", "file:///srv/app/函")]
    [InlineData("https://host/a%20b.zip?x=1#y", "https://host/a%20b.zip?x=1#y")]
    [InlineData("HTTP://Host:8080/a.zip", "http://Host:8080/a.zip")]
    public void Right_IsResolved_AndWrittenBackTheSame(string text, string resolved)
    {
        Assert.Null(CodeUrl.Resolve(text, "/srv/app", out var url));
        Assert.Equal(resolved, url);
        Assert.Null(CodeUrl.Resolve(CodeUrl.Write(url), "/elsewhere", out var again));
        Assert.Equal(url, again);
    }

    [Theory]
    [InlineData("", "is \"\", must be file:./dir")]
    [InlineData("code", "a path needs file: before it")]
    [InlineData("./code", "a path needs file: before it")]
    [InlineData("ftp://host/x", "is \"ftp://host/x\", must be file:./dir")]
    [InlineData("file:", "a host's name is not possible")]
    [InlineData("file://", "a host's name is not possible")]
    [InlineData("file://host/x", "a host's name is not possible")]
    [InlineData("file:x?y", "write %3F for a question mark")]
    [InlineData("file:x#y", "%23 for a hash")]
    [InlineData("file:x%", "write %25 for a percent sign")]
    [InlineData("file:x%zz", "write %25 for a percent sign")]
    [InlineData("file:x%00", "without %00 or %2F")]
    [InlineData("file:x%2fy", "without %00 or %2F")]
    [InlineData("file:x%ff", "percent-encoded UTF-8")]
    [InlineData("file:x%C2%85", "percent-encoded UTF-8")]
    [InlineData("file:a\nb", "must be file:./dir")]
    [InlineData("http:x", "http://host/path")]
    [InlineData("https://", "http://host/path")]
    [InlineData("http://host/a b", "without spaces")]
    public void Wrong_IsRefused(string text, string message)
    {
        var problem = CodeUrl.Resolve(text, "/srv/app", out var url);
        Assert.Contains(message, problem, StringComparison.Ordinal);
        Assert.Equal("", url);
    }

    [Fact]
    public void PasswordInUrl_IsNotShown()
    {
        var problem = CodeUrl.Resolve("https://user:secret@host/a b", "/", out _);
        Assert.DoesNotContain("secret", problem, StringComparison.Ordinal);
        Assert.Contains("https://***@host/a b", problem, StringComparison.Ordinal);
    }
}
