package progress

import (
	"math"
	"time"
)

// Time constants of the smoothed rates. Five seconds follow what a user does
// (another query on the same machine) without jumping at each finished task;
// the time left is divided by a slower rate, so that it counts down steadily.
const (
	rateWindow = 5 * time.Second
	leftWindow = 20 * time.Second
	// minSample is the least time between two observations: shorter ones are
	// mostly noise of the caller's clock.
	minSample = 200 * time.Millisecond
	// minLeft is how long a stage must have been seen before its end is guessed.
	minLeft = time.Second
)

// meter measures how fast a total grows: an exponentially weighted mean over
// time, corrected for its empty beginning, so that the first value is the plain
// mean of what was seen.
type meter struct {
	window time.Duration
	begun  bool
	total  int64         // at the last sample
	at     time.Duration // of the last sample
	mean   float64       // weighted sum of rates
	weight float64       // sum of weights; mean/weight is the rate
}

// observe takes the total at a moment on the job's clock. Moments that do not
// advance by minSample are left to the next call.
func (m *meter) observe(total int64, at time.Duration) {
	if !m.begun {
		m.begun, m.total, m.at = true, total, at
		return
	}
	dt := at - m.at
	if dt < minSample {
		return
	}
	rate := float64(total-m.total) / dt.Seconds()
	gain := 1 - math.Exp(-dt.Seconds()/m.window.Seconds())
	m.mean += gain * (rate - m.mean)
	m.weight += gain * (1 - m.weight)
	m.total, m.at = total, at
}

// perSecond returns the rate, never below 0: a total falls when an attempt is lost.
func (m *meter) perSecond() float64 {
	if m.weight == 0 {
		return 0
	}
	return max(0, m.mean/m.weight)
}
