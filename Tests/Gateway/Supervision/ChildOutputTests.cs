using System.Text;
using NoslateFleet.Gateway.Supervision;

namespace NoslateFleet.Tests.Gateway.Supervision;

public sealed class ChildOutputTests
{
    private readonly List<string> _lines = [];

    private async Task<ChildOutput> ReadAsync(byte[] bytes, int maxLineBytes = 64, int keep = 3)
    {
        var output = new ChildOutput(maxLineBytes, keep, _lines.Add);
        await output.ReadAsync(new MemoryStream(bytes));
        return output;
    }

    [Fact]
    public async Task Lines_ComeOneByOne_AlsoALastOneWithoutItsEnd_AndEmptyOnesNotAtAll()
    {
        await ReadAsync(Encoding.UTF8.GetBytes("one\r\n\n\r\ntwö 二\nthree"));
        Assert.Equal(["one", "twö 二", "three"], _lines);
    }

    [Fact]
    public async Task LongLine_IsCut_AndTheNextOneIsWhole()
    {
        await ReadAsync(Encoding.UTF8.GetBytes(new string('a', 100_000) + "\nnext\n"));
        Assert.Equal([new string('a', 64) + " [cut]", "next"], _lines);
    }

    [Fact]
    public async Task LineOfJustTheLimit_IsNotCut()
    {
        await ReadAsync(Encoding.UTF8.GetBytes(new string('a', 64) + "\n"));
        Assert.Equal([new string('a', 64)], _lines);
    }

    [Fact]
    public async Task ControlCharactersAndBrokenText_CannotForgeLines()
    {
        await ReadAsync([.. "a\u001b[31m\rfatal: x\0"u8, 0xff, (byte)'\n']);
        Assert.Equal(["a [31m fatal: x \ufffd"], _lines);
    }

    [Fact]
    public async Task OnlyTheLastLines_AreKept()
    {
        var output = await ReadAsync("1\n2\n3\n4\n5\n"u8.ToArray());
        Assert.Equal(["3", "4", "5"], output.Last);
        Assert.Equal(5, _lines.Count);
    }

    [Fact]
    public async Task NoLineToKeep_IsAllowed() => Assert.Empty((await ReadAsync("1\n"u8.ToArray(), keep: 0)).Last);

    [Theory]
    [InlineData("worker credential=abc123, ok", "worker credential=***, ok")]
    [InlineData("{\"credential\":\"abc123\",\"n\":1}", "{\"credential\":\"***\",\"n\":1}")]
    [InlineData("Password: abc123", "Password: ***")]
    [InlineData("no secrets here", "no secrets here")]
    public async Task WhatLooksLikeASecret_IsBlottedOut(string said, string told)
    {
        await ReadAsync(Encoding.UTF8.GetBytes(said + "\n"));
        Assert.Equal([told], _lines);
    }
}
