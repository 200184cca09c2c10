package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
)

// tally is what a chaos did and saw.
type tally struct {
	mu                         sync.Mutex // guards all
	faults                     map[string]int
	jobs, lost, doubled, wrong int
}

func (y *tally) fault(kind string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.faults == nil {
		y.faults = map[string]int{}
	}
	y.faults[kind]++
}

// job compares what a job wrote with what it should have.
func (y *tally) job(got, want []string) bool {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.jobs++
	if slices.Equal(got, want) {
		return true
	}
	left := map[string]int{}
	for _, row := range want {
		left[row]++
	}
	for _, row := range got {
		if _, ok := left[row]; !ok {
			y.wrong++
			continue
		}
		left[row]--
	}
	for _, n := range left {
		y.lost += max(n, 0)
		y.doubled += max(-n, 0)
	}
	if y.lost+y.doubled+y.wrong == 0 {
		y.wrong++ // the order
	}
	return false
}

// count is how many faults there were.
func (y *tally) count() (n int) {
	for _, of := range y.faults {
		n += of
	}
	return n
}

// enough reports whether the tally would prove something.
func (y *tally) enough() bool {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.count() >= chaosFaultsLeast && y.jobs >= chaosJobsLeast
}

// add adds another tally, which does not change any more.
func (y *tally) add(o *tally) {
	for kind, n := range o.faults {
		for range n {
			y.fault(kind)
		}
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	y.jobs, y.lost, y.doubled, y.wrong = y.jobs+o.jobs, y.lost+o.lost, y.doubled+o.doubled, y.wrong+o.wrong
}

func (y *tally) String() string {
	y.mu.Lock()
	defer y.mu.Unlock()
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(y.faults)) {
		kinds = append(kinds, fmt.Sprintf("%s %d", kind, y.faults[kind]))
	}
	return fmt.Sprintf("%d jobs; faults: %s", y.jobs, strings.Join(kinds, ", "))
}

// tell ends the test with what there was.
func (y *tally) tell(t *testing.T) {
	t.Log(y.String())
	t.Logf("faults %d, jobs %d, rows lost %d, duplicated %d, wrong %d", y.count(), y.jobs, y.lost, y.doubled, y.wrong)
	if y.lost+y.doubled+y.wrong > 0 {
		t.Error("rows are not those of local mode")
	}
	if !y.enough() {
		t.Errorf("fewer than %d faults or %d jobs prove nothing", chaosFaultsLeast, chaosJobsLeast)
	}
}
