package main

import (
	"sync"
	"testing"
)

// TestLongFaults plays faults that last for as long as attempts to connect and
// leases do, each on a cluster of its own and all at once: they wait.
func TestLongFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: five attempts to connect in vain take half a minute: run without -short")
	}
	t.Parallel()
	var all sync.WaitGroup
	defer all.Wait()
	for _, tc := range []struct {
		name string
		play func(t *testing.T)
	}{
		{"one of two reads nothing", lostOneWay},
		{"one of three reads nothing of another", func(t *testing.T) { pairCut(t, [2]string{"a", "b"}) }},
		{"two of three read nothing of each other", func(t *testing.T) { pairCut(t, [2]string{"a", "b"}, [2]string{"b", "a"}) }},
		{"packets lost by chance", lossy},
		{"slow link", slowLink},
		{"little of a processor", starved},
	} {
		all.Go(func() { t.Run(tc.name, tc.play) }) // not by t.Parallel, which counts processors
	}
}
