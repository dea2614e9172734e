using NoslateFleet.Noslate.Invocation;
using NoslateFleet.Noslate.Protocol.Data;
using NoslateFleet.Noslate.Transport;

namespace NoslateFleet.Tests.Noslate.Invocation;

public sealed class ErrorTableTests
{
    [Theory]
    [InlineData("Error", 5, "", "No function named hello registered in this node.", InvocationFailure.UnknownFunction, Executed.Never)]
    [InlineData("Error", 5, "", "Service not found.", InvocationFailure.UnknownService, Executed.Never)]
    [InlineData("Error", 8, "", "rate limit exceeded", InvocationFailure.RateLimited, Executed.Never)]
    [InlineData("Error", 9, "", "System circuit breaker opened.", InvocationFailure.BreakerOpen, Executed.Never)]
    [InlineData("Error", 4, "", "Waiting for worker has timed out at 17, request(x).", InvocationFailure.QueueTimeout, Executed.Never)]
    [InlineData("NoslatedError", 2, "Trigger", "Noslated request failed: CanonicalCode::TIMEOUT request kind(Trigger), Request Timeout", InvocationFailure.ExecutionTimeout, Executed.Maybe)]
    [InlineData("NoslatedError", 1, "Trigger", "Noslated request failed: CanonicalCode::INTERNAL_ERROR request kind(Trigger), x", InvocationFailure.FunctionError, Executed.Yes)]
    [InlineData("NoslatedError", 4, "Trigger", "Noslated request failed: CanonicalCode::CONNECTION_RESET request kind(Trigger), Session closed", InvocationFailure.WorkerExited, Executed.Maybe)]
    [InlineData("Error", 0, "", "No available worker process for hello now.", InvocationFailure.NoWorker, Executed.Never)]
    [InlineData("Error", 0, "", "Replica count exceeded limit (1 / 1)", InvocationFailure.ReplicaLimit, Executed.Never)]
    [InlineData("Error", 0, "", "No enough virtual memory (used: 1 + need: 2) > total: 2", InvocationFailure.NoMemory, Executed.Never)]
    [InlineData("Error", 0, "", "Failed to ensure (or download) code: ENOENT", InvocationFailure.CodeUnavailable, Executed.Never)]
    [InlineData("Error", 0, "", "Invalid runtime deno", InvocationFailure.InvalidRuntime, Executed.Never)]
    [InlineData("Error", 0, "", "Internal error: Error: Worker(w, status 3) stopped unexpected after start.", InvocationFailure.InitializerFailed, Executed.Never)]
    [InlineData("Error", 0, "", "Internal error: Error: Worker(w) initialization timeout.", InvocationFailure.InitializerTimeout, Executed.Never)]
    [InlineData("NoslatedError", 3, "Trigger", "x", InvocationFailure.WorkerError, Executed.Maybe)]
    [InlineData("NoslatedError", 5, "Trigger", "x", InvocationFailure.WorkerError, Executed.Maybe)]
    [InlineData("NoslatedError", 6, "Trigger", "x", InvocationFailure.WorkerError, Executed.Maybe)]
    [InlineData("NoslatedError", 1, "Initialize", "x", InvocationFailure.WorkerError, Executed.Maybe)]
    [InlineData("PEER_CONNECTION_CLOSED", 0, "", "Peer connection closed", InvocationFailure.WorkerExited, Executed.Maybe)]
    [InlineData("Error", 0, "", "something new", InvocationFailure.PlaneError, Executed.Maybe)]
    [InlineData("Error", 5, "", "something new", InvocationFailure.PlaneError, Executed.Maybe)]
    [InlineData("Error", 4, "", "something new", InvocationFailure.DeadlineExceeded, Executed.Maybe)]
    [InlineData("", 0, "", "", InvocationFailure.PlaneError, Executed.Maybe)]
    [InlineData("NoslatedError", 1, "Trigger", "No function named x", InvocationFailure.FunctionError, Executed.Yes)]
    public void Message_BeforeHead_IsReadByItsRow(
        string name, int code, string operation, string message, InvocationFailure failure, Executed executed)
    {
        var wire = new InvokeErrorResponse { Name = name, Code = code, Operation = operation, Message = message };
        InvocationError error = InvocationErrorTable.OfMessage(wire, afterHead: false);
        Assert.Equal((failure, executed, false), (error.Failure, error.Executed, error.AfterHead));
        Assert.NotEmpty(error.Message);
    }

    [Theory]
    [InlineData("Error", 0, "peer reset stream", InvocationFailure.ResponseReset)]
    [InlineData("PEER_CONNECTION_CLOSED", 0, "Peer connection closed", InvocationFailure.WorkerExited)]
    [InlineData("Error", 0, "something new", InvocationFailure.PlaneError)]
    [InlineData("Error", 5, "No function named x", InvocationFailure.UnknownFunction)]
    public void Message_AfterHead_HasAlwaysExecuted(string name, int code, string message, InvocationFailure failure)
    {
        InvocationError error = InvocationErrorTable.OfMessage(new InvokeErrorResponse { Name = name, Code = code, Message = message }, afterHead: true);
        Assert.Equal((failure, Executed.Yes, true), (error.Failure, error.Executed, error.AfterHead));
    }

    [Theory]
    [InlineData(0, "", InvocationFailure.InvalidResponse, Executed.Maybe)]
    [InlineData(1, "Call cancelled", InvocationFailure.PlaneStopped, Executed.Maybe)]
    [InlineData(2, "x", InvocationFailure.PlaneError, Executed.Maybe)]
    [InlineData(4, "Deadline exceeded", InvocationFailure.DeadlineExceeded, Executed.Maybe)]
    [InlineData(8, "Received message larger than max (11 vs. 10)", InvocationFailure.RequestTooLarge, Executed.Never)]
    [InlineData(8, "Sent message larger than max (11 vs. 10)", InvocationFailure.ResponseTooLarge, Executed.Yes)]
    [InlineData(8, "Bandwidth exhausted or memory limit exceeded", InvocationFailure.SessionFull, Executed.Maybe)]
    [InlineData(12, "[object Object]", InvocationFailure.PlaneError, Executed.Maybe)]
    [InlineData(13, "x", InvocationFailure.PlaneError, Executed.Maybe)]
    [InlineData(14, "Connection dropped", InvocationFailure.PlaneLost, Executed.Maybe)]
    public void Status_IsReadByItsRow_AndAfterTheHeadHasExecuted(int code, string message, InvocationFailure failure, Executed executed)
    {
        var fault = new GrpcFault(new GrpcStatus((GrpcStatusCode)code, message));
        InvocationError before = InvocationErrorTable.OfFault(fault, afterHead: false);
        Assert.Equal((failure, executed), (before.Failure, before.Executed));
        InvocationError after = InvocationErrorTable.OfFault(fault, afterHead: true);
        Assert.Equal((failure, Executed.Yes), (after.Failure, after.Executed));
    }

    [Fact]
    public void NeverSent_IsPlaneUnavailable_WhateverTheStatus()
    {
        InvocationError error = InvocationErrorTable.OfFault(new GrpcFault(new GrpcStatus(GrpcStatusCode.Unavailable, "refused"), NeverSent: true), afterHead: false);
        Assert.Equal((InvocationFailure.PlaneUnavailable, Executed.Never), (error.Failure, error.Executed));
    }

    [Fact]
    public void Stacks_StandOnlyInTheDetail()
    {
        var wire = new InvokeErrorResponse { Name = "NoslatedError", Code = 1, Message = "a\nb", Stack = "at x", PeerStack = "at y", PeerMessage = "m" };
        InvocationError error = InvocationErrorTable.OfMessage(wire, afterHead: false);
        Assert.Equal("a b", error.Message);
        Assert.Equal("m\nat x\nat y", error.Detail);
        Assert.Null(InvocationErrorTable.OfMessage(new InvokeErrorResponse { Message = "x" }, afterHead: false).Detail);
    }
}
