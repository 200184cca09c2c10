package storage

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// maxSimilar bounds how many names of a directory are looked at for a hint.
const maxSimilar = 10_000

// hintMissing says how far a path that does not exist leads, and what may have been meant.
func hintMissing(path string) string {
	if strings.HasPrefix(path, "~") {
		return "the shell left ~ as it is: write $HOME instead"
	}
	if trimmed := strings.TrimSpace(path); trimmed != path {
		if _, err := os.Stat(trimmed); err == nil {
			return fmt.Sprintf("%q without the space exists", trimmed)
		}
	}
	if target, err := os.Readlink(path); err == nil {
		return fmt.Sprintf("it is a link to %q, which does not exist", target)
	}
	parent, missing := nearest(path)
	info, err := os.Stat(parent)
	if err == nil && !info.IsDir() {
		return fmt.Sprintf("%q is a file, not a directory", parent)
	}
	if similar := similarName(parent, missing); similar != "" {
		return fmt.Sprintf("did you mean %q?", join(parent, similar))
	}
	return fmt.Sprintf("the directory %q has no %q", parent, missing)
}

// nearest returns the longest part of path that exists, and the first name that does not.
func nearest(path string) (parent, missing string) {
	at := filepath.Clean(path)
	for {
		dir := filepath.Dir(at)
		missing = filepath.Base(at)
		if dir == at {
			return dir, missing
		}
		if _, err := os.Stat(dir); err == nil {
			return dir, missing
		}
		at = dir
	}
}

func join(dir, name string) string {
	if dir == "." {
		return name
	}
	return filepath.Join(dir, name)
}

// similarName returns the name in dir that a typing mistake may have turned
// into name, or nothing.
func similarName(dir, name string) string {
	f, err := os.Open(dir)
	if err != nil {
		return ""
	}
	defer f.Close() // only read
	names, _ := f.Readdirnames(maxSimilar)
	best, bestCost := "", 3
	if len(name) < 5 {
		bestCost = 2
	}
	for _, other := range names {
		cost := distance(strings.ToLower(name), strings.ToLower(other), bestCost+1)
		if cost < bestCost || cost == bestCost && best != "" && other < best {
			best, bestCost = other, cost
		}
	}
	return best
}

// distance counts the single character changes between two names (Levenshtein),
// or returns limit when there are at least as many.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0] // the cost of the row above, one to the left
		row[0] = i + 1
		for j := range len(b) {
			change := corner
			if a[i] != b[j] {
				change++
			}
			corner = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return min(row[len(b)], limit)
}
