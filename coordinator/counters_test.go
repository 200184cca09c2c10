package coordinator

import (
	"fmt"
	"slices"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
)

// TestAddCounters checks that the jobs of a driver are counted together by name,
// and that their number does not let a snapshot grow.
func TestAddCounters(t *testing.T) {
	one := []plan.Counter{{Name: "a", Value: 1}, {Name: "b", Value: -2}}
	sums := addCounters(nil, one)
	sums = addCounters(sums, []plan.Counter{{Name: "c", Value: 5}, {Name: "b", Value: -2}})
	if want := []plan.Counter{{Name: "a", Value: 1}, {Name: "b", Value: -4}, {Name: "c", Value: 5}}; !slices.Equal(sums, want) {
		t.Errorf("addCounters = %v, want %v", sums, want)
	}
	if one[1].Value != -2 {
		t.Errorf("addCounters changed the counters of a job to %v", one)
	}
	for i := range 2 * plan.MaxCounters {
		sums = addCounters(sums, []plan.Counter{{Name: fmt.Sprint(i)}, {Name: "a", Value: 1}})
	}
	if len(sums) != plan.MaxCounters || sums[0].Value != 1+2*plan.MaxCounters {
		t.Errorf("addCounters gives %d names and %d for the first, want %d and %d", len(sums), sums[0].Value, plan.MaxCounters, 1+2*plan.MaxCounters)
	}
}
