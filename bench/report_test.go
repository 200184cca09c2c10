package main

import (
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/golden"
)

// TestReport shows every kind of line: aims reached, goals missed, costs,
// limits, figures without a goal and such that are none.
func TestReport(t *testing.T) {
	r := report{
		machine: machine{"2026-01-31", "a processor", 2, "8 GiB of memory", "go1.26 linux/amd64", "0123abc", "0.10 0.20 0.30"},
		size:    0.5, runs: 3, loadAfter: "2.00 1.00 0.50",
		notes:    []string{"words: mawk is not installed: skipped", "words: mawk is not installed: skipped"},
		failures: []string{"sort: Sheaf: exit status 1\nsort: no\tspace"},
	}
	took := func(cpu ...float64) []usage {
		list := make([]usage, len(cpu))
		for i, s := range cpu {
			d := time.Duration(s * float64(time.Second))
			list[i] = usage{cpu: d, wall: d / 2, peakRSS: int64(i+1) << 26, printed: "12.5 3"}
		}
		return list
	}
	limited := comparison{work: "work", against: "limit", subject: sheaf, measure: peakMiB, budgetBytes: 1 << 20, goal: goal{must: 128, atMost: true}}
	tiny := comparison{work: "tiny", against: "limit", subject: sheaf, measure: printed("ms", 1), goal: goal{must: 20, aim: 5, atMost: true}}
	missing := tiny
	missing.measure = printed("ms", 7)
	costly := comparison{work: "rows", against: "mawk", subject: sheaf, reference: "mawk", measure: cpuSeconds, cost: true, goal: goal{must: 0.1, aim: 0.05, atMost: true}}
	r.add(workload{
		name:       "words",
		contenders: []contender{{name: sheaf}, {name: "mawk"}, {name: "Go"}},
		comparisons: []comparison{
			faster("words", "mawk", 8, 12), faster("words", "Go", 2.5, 0), faster("words", "Go", 0, 0), faster("words", "Go", 0, 100),
			limited, tiny, missing, costly,
		},
	}, map[string][]usage{sheaf: took(1, 2, 1.5), "mawk": took(12.25, 30, 19), "Go": took(2, 2, 3)}, 100_000_000)
	r.add(workload{name: "empty", contenders: []contender{{name: sheaf}}}, map[string][]usage{sheaf: took(0.01)}, 0)

	golden.Check(t, "testdata/report.md", r.markdown())
}
