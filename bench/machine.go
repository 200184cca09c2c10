package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// machine is where figures were taken: without it they are no measurement.
type machine struct {
	date      string
	processor string
	cores     int
	memory    string
	toolchain string
	commit    string
	load      string
}

func (m machine) String() string {
	return fmt.Sprintf("%s: %d cores of %s, %s, %s, commit %s.", m.date, m.cores, m.processor, m.memory, m.toolchain, m.commit)
}

func describeMachine(ctx context.Context, root string) machine {
	return machine{
		date:      time.Now().UTC().Format(time.DateOnly),
		processor: afterColon("/proc/cpuinfo", "model name", "an unknown processor"),
		cores:     runtime.NumCPU(),
		memory:    strings.TrimSpace(afterColon("/proc/meminfo", "MemTotal", "unknown")) + " of memory",
		toolchain: runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH,
		commit:    commit(ctx, root),
		load:      load(),
	}
}

// commit names what was measured; changes that are not committed add a word.
func commit(ctx context.Context, root string) string {
	out, err := exec.CommandContext(ctx, "git", "-C", root, "describe", "--always", "--dirty=, changed").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// afterColon returns what a file says about a name in a line "name : value".
func afterColon(file, name, otherwise string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return otherwise
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return otherwise
}

// load returns the load averages, which tell how busy the machine was.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}
