package memory

import (
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"
)

// fallbackBytes is what Default halves where nothing tells how much memory there is.
const fallbackBytes = 2 << 30

// Machine returns how many bytes of memory this process may use at most, and
// what says so: the least of the machine's physical memory and the limits of
// the control groups (v1 and v2) that the process is in, at every level of the
// hierarchy that can be seen. Where neither is known it returns 0 and "unknown".
func Machine() (totalBytes int64, source string) {
	return machine(os.DirFS("/"))
}

// Default returns the budget of a process that was given none: half of Machine,
// because the user's own structures, the garbage collector's slack and the page
// cache need the rest.
func Default() int64 {
	total, _ := Machine()
	if total <= 0 {
		total = fallbackBytes
	}
	return total / 2
}

// PeakRSS returns the most bytes of physical memory that this process has ever
// used at once, 0 where the system does not tell.
func PeakRSS() int64 {
	return kilobytes(readText(os.DirFS("/"), "proc/self/status"), "VmHWM:")
}

func machine(root fs.FS) (int64, string) {
	total, source := int64(0), "unknown"
	if physical := kilobytes(readText(root, "proc/meminfo"), "MemTotal:"); physical > 0 {
		total, source = physical, "physical memory"
	}
	for _, file := range limitFiles(root) {
		limit, ok := parseLimit(readText(root, file))
		if ok && (total == 0 || limit < total) {
			total, source = limit, "container limit /"+file
		}
	}
	return total, source
}

// kilobytes finds a "Name:  123 kB" line and returns its value in bytes, 0 if there is none.
func kilobytes(text, name string) int64 {
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok {
			continue
		}
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			return 0
		}
		n, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64>>10 {
			return 0
		}
		return n << 10
	}
	return 0
}

// parseLimit reads memory.max or memory.limit_in_bytes. "max" is no limit; v1
// writes no limit as a number close to 2^63, which is above any machine's memory.
func parseLimit(text string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return n, err == nil && n > 0
}

// readText returns a file's text, or nothing: each of these files is absent on some systems.
func readText(root fs.FS, name string) string {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return ""
	}
	return string(text)
}
