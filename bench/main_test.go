package main

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name string
		argv string
		size float64
		runs int
		err  string
	}{
		{"nothing", "", 1, fullRuns, ""},
		{"quick", "-quick", quickSize, quickRuns, ""},
		{"quick with more runs", "-quick -runs 9", quickSize, 9, ""},
		{"size", "-size 0.5", 0.5, fullRuns, ""},
		{"no size", "-size 0", 0, 0, "-size is 0"},
		{"size is no number", "-size NaN", 0, 0, "-size is NaN"},
		{"no runs", "-runs 0", 0, 0, "-runs is 0"},
		{"bad expression", "-only (", 0, 0, "-only"},
		{"an argument", "words", 0, 0, `"words"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := parse(strings.Fields(c.argv))
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("parse(%s) = %v, want an error with %q", c.argv, err, c.err)
				}
				return
			}
			if err != nil || o.size != c.size || o.runs != c.runs {
				t.Errorf("parse(%s) = size %v, %d runs, %v, want %v, %d", c.argv, o.size, o.runs, err, c.size, c.runs)
			}
		})
	}
}

// TestWorkloadsNameTheirContenders holds that every comparison is between
// programs that run, and that names of workloads are distinct.
func TestWorkloadsNameTheirContenders(t *testing.T) {
	seen := make(map[string]bool)
	for _, w := range scale(0.01).workloads() {
		if seen[w.name] {
			t.Errorf("two workloads are called %s", w.name)
		}
		seen[w.name] = true
		names := map[string]bool{"": true}
		for _, c := range w.contenders {
			names[c.name] = true
			if (c.program == "") == (c.tool == "") {
				t.Errorf("%s: %s has program %q and tool %q, want one of them", w.name, c.name, c.program, c.tool)
			}
		}
		for _, c := range w.comparisons {
			if !names[c.subject] || !names[c.reference] || c.subject == "" {
				t.Errorf("%s compares %q with %q, want its contenders", w.name, c.subject, c.reference)
			}
		}
		if w = w.without("mawk"); len(w.contenders) == 0 {
			t.Errorf("%s has nothing but mawk", w.name)
		}
	}
	for name := range peerWorks {
		if !seen[name] {
			t.Errorf("peers know the workload %s, which does not exist", name)
		}
	}
}
