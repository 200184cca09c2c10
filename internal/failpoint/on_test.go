//go:build failpoint

package failpoint

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func environment(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestErrorAtTheNthHit(t *testing.T) {
	o := read(environment(map[string]string{Variable: "journal-sync:2:error"}))
	for i, want := range []bool{false, true, false} {
		if err := o.hit(JournalWrite); err != nil {
			t.Errorf("hit %d of another point = %v, want nil", i+1, err)
		}
		if err := o.hit(JournalSync); errors.Is(err, syscall.EIO) != want {
			t.Errorf("hit %d = %v, want an error: %v", i+1, err, want)
		}
	}
}

// TestOnce has two processes that are told the same: one of them does it.
func TestOnce(t *testing.T) {
	once := filepath.Join(t.TempDir(), "once")
	env := environment(map[string]string{Variable: "journal-sync:1:error", OnceVariable: once})
	if err := read(env).hit(JournalSync); err == nil {
		t.Error("the first process = nil, want an error")
	}
	if err := read(env).hit(JournalSync); err != nil {
		t.Errorf("the second process = %v, want nil", err)
	}
}

func TestTrace(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "trace")
	o := read(environment(map[string]string{TraceVariable: trace}))
	for _, p := range []Point{JournalSync, JournalWrite, JournalSync} {
		if err := o.hit(p); err != nil {
			t.Errorf("hit of %v = %v, want nil", p, err)
		}
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		got = append(got, f[0]+" "+f[2])
	}
	if got, want := strings.Join(got, ", "), "journal-sync 1, journal-write 1, journal-sync 2"; got != want {
		t.Errorf("trace = %s, want %s", got, want)
	}
}

func TestWrongOrders(t *testing.T) {
	for _, text := range []string{"nowhere:1:kill", "journal-sync:0:kill", "journal-sync:x:kill", "journal-sync:1:explode", "journal-sync", "journal-sync:1:kill:"} {
		if err := new(order).parse(text); err == nil {
			t.Errorf("parse(%q) = nil, want an error", text)
		}
	}
}
