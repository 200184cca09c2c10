package main

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// inOwnGroup lets a command lead a group of processes, so that a stop reaches
// its children, and an interrupt from the keyboard reaches only this program.
func inOwnGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
}

// endGroup kills what a command left behind, and reports whether there was anything.
func endGroup(cmd *exec.Cmd) bool {
	return cmd.Process != nil && syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) == nil
}

// peakRSS returns the most bytes of physical memory that a process used, as
// the system says it: at least what this program used when it began.
func peakRSS(state *os.ProcessState) int64 {
	r, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return int64(r.Maxrss)
	}
	return int64(r.Maxrss) << 10
}
