package sdk

import (
	"testing"
	"time"
)

// TestOrderVerbs is TestRandomJobs of the verbs over ordered rows alone.
func TestOrderVerbs(t *testing.T) {
	t.Parallel()
	if *propertySeed != 0 {
		t.Skip("SKIPPED: the seed is one of TestRandomJobs")
	}
	count := 50
	if testing.Short() {
		count = 20
	}
	first := uint64(time.Now().UnixNano())
	for i := range uint64(count) {
		if randomJob(t, first+i, orderSteps); t.Failed() {
			t.Fatalf("the seed is %d", first+i)
		}
	}
}
