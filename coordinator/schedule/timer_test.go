package schedule

import (
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/plan"
)

func TestBackoffStaysInItsStep(t *testing.T) {
	cfg := Config{BackoffBase: 100 * time.Millisecond, BackoffMax: time.Second}.withDefaults()
	tests := []struct {
		fault int
		step  time.Duration
	}{
		{1, 100 * time.Millisecond}, {2, 200 * time.Millisecond}, {4, 800 * time.Millisecond}, {5, time.Second}, {1000, time.Second},
	}
	for _, tt := range tests {
		seen := map[time.Duration]bool{}
		for i := range 100 {
			got := cfg.backoff(plan.TaskID{Stage: plan.EnumerateStage, Index: i}, tt.fault, tt.fault)
			if got < tt.step/2 || got > tt.step {
				t.Errorf("backoff(task %d, fault %d) = %v, want %v to %v", i, tt.fault, got, tt.step/2, tt.step)
			}
			seen[got] = true
		}
		if len(seen) < 90 {
			t.Errorf("backoff(fault %d) of 100 tasks gave %d waits, want nearly 100", tt.fault, len(seen))
		}
	}
}
