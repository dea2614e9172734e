using System.Diagnostics;
using System.Runtime.InteropServices;

namespace NoslateFleet.Emulator.Workers;

/// <summary>One node child process. Its standard output and error go to its own files; its environment is only what it is given.</summary>
internal sealed class WorkerProcess
{
    private const int SigTerm = 15;

    private readonly Process process;

    private WorkerProcess(Process process)
    {
        this.process = process;
        Pid = process.Id;
        Exited = WaitAsync();
    }

    public int Pid { get; }

    public Task Exited { get; }

    public static WorkerProcess Start(
        string node, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment, string directory, string logDirectory)
    {
        Directory.CreateDirectory(logDirectory);
        var start = new ProcessStartInfo("/bin/sh")
        {
            UseShellExecute = false,
            WorkingDirectory = directory,
            RedirectStandardInput = true,
        };

        // The shell only opens the two files and becomes node: the worker then writes to them itself, to its last word.
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add("out=$1; err=$2; shift 2; exec \"$@\" >>\"$out\" 2>>\"$err\"");
        start.ArgumentList.Add("worker");
        start.ArgumentList.Add(Path.Combine(logDirectory, "stdout.log"));
        start.ArgumentList.Add(Path.Combine(logDirectory, "stderr.log"));
        start.ArgumentList.Add(node);
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        start.Environment.Clear();
        foreach ((string key, string value) in environment)
            start.Environment[key] = value;
        return new WorkerProcess(Process.Start(start) ?? throw new InvalidOperationException("No process was started."));
    }

    /// <summary>Asks the process to end and kills it when the grace is over.</summary>
    public async Task StopAsync(TimeSpan grace, TimeProvider clock)
    {
        Signal(SigTerm);
        try
        {
            await Exited.WaitAsync(grace, clock);
        }
        catch (TimeoutException)
        {
            Kill();
            await Exited;
        }
    }

    public void Kill()
    {
        try
        {
            process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
        }
    }

    private async Task WaitAsync()
    {
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private void Signal(int signal)
    {
        try
        {
            if (!process.HasExited)
                _ = SendSignal(Pid, signal);
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
        }
    }

    // SYSLIB1054: the generated marshalling would need unsafe code for two integers.
#pragma warning disable SYSLIB1054
    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SendSignal(int pid, int signal);
#pragma warning restore SYSLIB1054
}
