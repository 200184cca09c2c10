package progress

import (
	"math"
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	const second = time.Second
	tests := []struct {
		name  string
		total func(at time.Duration) int64
		until time.Duration
		want  float64
		slack float64
	}{
		{"nothing seen", func(time.Duration) int64 { return 0 }, 0, 0, 0},
		{"steady from the first sample", func(at time.Duration) int64 { return at.Milliseconds() }, 300 * time.Millisecond, 1000, 1},
		{"steady", func(at time.Duration) int64 { return at.Milliseconds() }, 60 * second, 1000, 1},
		{"steps of finished tasks", func(at time.Duration) int64 { return 1000 * int64(at/second) }, 60*second + 900*time.Millisecond, 1000, 120},
		{"stopped", func(at time.Duration) int64 { return min(at, 10*second).Milliseconds() }, 60 * second, 0, 1},
		{"faster now", func(at time.Duration) int64 { return at.Milliseconds() + 9*max(0, at-30*second).Milliseconds() }, 60 * second, 10000, 50},
		{"lost", func(at time.Duration) int64 { return -at.Milliseconds() }, 10 * second, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := meter{window: rateWindow}
			for at := time.Duration(0); at <= test.until; at += 100 * time.Millisecond {
				m.observe(test.total(at), at)
			}
			if got := m.perSecond(); math.Abs(got-test.want) > test.slack {
				t.Errorf("perSecond() = %v, want %v ± %v", got, test.want, test.slack)
			}
		})
	}
}

func TestMeterIgnoresTimeThatStandsOrReturns(t *testing.T) {
	m := meter{window: rateWindow}
	for _, at := range []time.Duration{time.Second, time.Second, 2 * time.Second, 0, 2 * time.Second} {
		m.observe(int64(at/time.Millisecond), at)
	}
	if got := m.perSecond(); math.Abs(got-1000) > 1e-6 {
		t.Errorf("perSecond() = %v, want 1000", got)
	}
}

func TestTracker(t *testing.T) {
	at := func(elapsed time.Duration, s Stage) Snapshot { return Snapshot{Elapsed: elapsed, Stages: []Stage{s}} }
	half := Stage{Known: true, Started: true, Tasks: 10, Done: 5, BytesTotal: 2000, Bytes: 1000, Rows: 10}
	whole := Stage{Known: true, Started: true, Ended: true, Tasks: 10, Done: 10, BytesTotal: 2000, Bytes: 2000, Rows: 20}

	t.Run("from the beginning", func(t *testing.T) {
		var tr tracker
		tr.observe(at(time.Second, Stage{}))
		f := tr.observe(at(11*time.Second, half)).stages[0]
		if f.took != 10*time.Second || !f.hasLeft || f.left.Round(time.Second) != 10*time.Second || math.Abs(f.rowsPerSecond-1) > 1e-6 {
			t.Errorf("observe(half) = %+v, want 10s taken, 10s left, 1 row/s", f)
		}
		f = tr.observe(at(21*time.Second, whole)).stages[0]
		if f.took != 20*time.Second || f.hasLeft || math.Abs(f.bytesPerSecond-100) > 1e-6 {
			t.Errorf("observe(whole) = %+v, want 20s taken, 100 B/s, no time left", f)
		}
		later := tr.observe(at(99*time.Second, whole)).stages[0]
		if later != f {
			t.Errorf("observe(whole) later = %+v, want what it was, %+v", later, f)
		}
	})
	t.Run("joined late", func(t *testing.T) {
		var tr tracker
		tr.observe(at(100*time.Second, half))
		f := tr.observe(at(110*time.Second, whole)).stages[0]
		if f.took != 10*time.Second || math.Abs(f.bytesPerSecond-100) > 1e-6 {
			t.Errorf("observe(whole) = %+v, want 10s taken at 100 B/s", f)
		}
	})
	t.Run("no guess", func(t *testing.T) {
		for name, s := range map[string]Stage{
			"tasks unknown": {Started: true, BytesTotal: 2000, Bytes: 1000},
			"bytes unknown": {Started: true, Known: true, Bytes: 1000},
			"not moving":    {Started: true, Known: true, BytesTotal: 2000},
			"all read":      {Started: true, Known: true, BytesTotal: 2000, Bytes: 2000},
			"for ever":      {Started: true, Known: true, BytesTotal: 1 << 60, Bytes: 1},
		} {
			var tr tracker
			tr.observe(at(0, Stage{}))
			if f := tr.observe(at(10*time.Second, s)).stages[0]; f.hasLeft {
				t.Errorf("%s: observe(%+v) guesses %v, want no guess", name, s, f.left)
			}
		}
	})
	t.Run("runs again", func(t *testing.T) {
		var tr tracker
		tr.observe(at(time.Second, Stage{}))
		tr.observe(at(2*time.Second, whole))
		tr.observe(at(3*time.Second, half))
		if f := tr.observe(at(5*time.Second, whole)).stages[0]; f.took != 4*time.Second {
			t.Errorf("a stage that ran again took %v, want 4s", f.took)
		}
	})
}
