using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using NoslateFleet.Gateway.Forwarding;

namespace NoslateFleet.Tests.Gateway.Forwarding;

/// <summary>Which ends of a request body are the client's leaving, by what the server throws before it cancels the request.</summary>
public sealed class ClientGoneTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void LostConnection_IsTheClientsLeaving(bool http1)
    {
        Assert.True(ClientGone.IsToldBy(new ConnectionResetException("x"), http1));
        Assert.True(ClientGone.IsToldBy(new ConnectionAbortedException("x"), http1));
        Assert.True(ClientGone.IsToldBy(new OperationCanceledException(), http1));
        Assert.True(ClientGone.IsToldBy(new TaskCanceledException("The request was aborted"), http1));
    }

    [Fact]
    public void EarlyEndOfTheBody_IsTheClientsLeaving() =>
        Assert.True(ClientGone.IsToldBy(new BadHttpRequestException("Unexpected end of request content.", 400), http1: true));

    [Fact]
    public void ResetStream_OfHttp2_IsTheClientsLeaving() =>
        Assert.True(ClientGone.IsToldBy(new IOException("The client reset the request stream."), http1: false));

    [Fact]
    public void ChunkSizeThatOverflows_IsNot() => Assert.False(ClientGone.IsToldBy(new IOException("Bad chunk size data."), http1: true));

    [Theory]
    [InlineData("Bad chunk size data.", 400)]
    [InlineData("Request body too large.", 413)]
    [InlineData("Reading the request body timed out due to data arriving too slowly.", 408)]
    public void MalformedTooLargeOrTooSlowBody_IsNot(string message, int status)
    {
        Assert.False(ClientGone.IsToldBy(new BadHttpRequestException(message, status), http1: true));
        Assert.False(ClientGone.IsToldBy(new BadHttpRequestException(message, status), http1: false));
    }

    [Fact]
    public void AnyOtherFault_IsNot()
    {
        Assert.False(ClientGone.IsToldBy(new InvalidOperationException(), http1: false));
        Assert.False(ClientGone.IsToldBy(null, http1: false));
    }
}
