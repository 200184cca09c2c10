package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
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
	if cmd.Process == nil {
		return false
	}
	left := lives(cmd.Process.Pid)
	return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) == nil && left
}

// lives reports whether a process of a group works still. A signal does not
// tell: it reaches those too that have ended and that nobody has waited for
// yet, as the launcher of a program that a shell made way for. Without /proc
// every group counts as alive.
func lives(group int) bool {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		return true
	}
	for _, stat := range stats {
		b, err := os.ReadFile(stat)
		if err != nil {
			continue // ended meanwhile
		}
		// The name of the program, in brackets, may hold anything.
		fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		if len(fields) > 2 && fields[2] == strconv.Itoa(group) && fields[0] != "Z" && fields[0] != "X" {
			return true
		}
	}
	return false
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
