package progress

import "time"

// frame is a snapshot with the rates of its stages: all that a view shows.
type frame struct {
	Snapshot
	stages []figures
}

// figures are a stage with what follows from its history.
type figures struct {
	Stage
	rowsPerSecond  float64
	bytesPerSecond float64
	left           time.Duration // until the stage ends
	hasLeft        bool          // left is known
	took           time.Duration // since the stage began
}

// tracker turns snapshots into frames. It depends on nothing but the snapshots.
type tracker struct {
	stages   []history
	begun    bool          // a snapshot was seen
	previous time.Duration // its Elapsed
}

// history is what a tracker remembers of one stage.
type history struct {
	started     bool
	begin       time.Duration
	firstRows   int64 // read before begin: above 0 where the display joined late
	firstBytes  int64
	rows, bytes meter
	slow        meter   // of bytes, for the time left
	end         figures // of an ended stage: they stay as they are
}

func (t *tracker) observe(s Snapshot) frame {
	f := frame{Snapshot: s, stages: make([]figures, len(s.Stages))}
	for len(t.stages) < len(s.Stages) {
		t.stages = append(t.stages, history{})
	}
	for i, stage := range s.Stages {
		h := &t.stages[i]
		switch {
		case !stage.Started && !stage.Ended:
			*h = history{}
		case !h.started && t.begun:
			// It began after the snapshot before, with nothing read.
			h.start(t.previous, 0, 0)
		case !h.started:
			h.start(s.Elapsed, stage.Rows, stage.Bytes)
		}
		f.stages[i] = h.observe(stage, s.Elapsed)
	}
	t.begun, t.previous = true, s.Elapsed
	return f
}

func (h *history) start(at time.Duration, rows, bytes int64) {
	*h = history{
		started:    true,
		begin:      at,
		firstRows:  rows,
		firstBytes: bytes,
		rows:       meter{window: rateWindow},
		bytes:      meter{window: rateWindow},
		slow:       meter{window: leftWindow},
	}
	h.sample(rows, bytes, at)
}

func (h *history) sample(rows, bytes int64, at time.Duration) {
	h.rows.observe(rows, at)
	h.bytes.observe(bytes, at)
	h.slow.observe(bytes, at)
}

func (h *history) observe(s Stage, now time.Duration) figures {
	f := figures{Stage: s}
	if !h.started {
		return f
	}
	if s.Ended {
		return h.finish(f, now)
	}
	h.end = figures{}
	h.sample(s.Rows, s.Bytes, now)
	f.took = now - h.begin
	f.rowsPerSecond, f.bytesPerSecond = h.rows.perSecond(), h.bytes.perSecond()
	f.left, f.hasLeft = h.timeLeft(f)
	return f
}

// finish gives the means over the whole stage, the same ones from then on.
func (h *history) finish(f figures, now time.Duration) figures {
	if h.end.Ended {
		f.took, f.rowsPerSecond, f.bytesPerSecond = h.end.took, h.end.rowsPerSecond, h.end.bytesPerSecond
		return f
	}
	f.took = now - h.begin
	if seconds := f.took.Seconds(); seconds > 0 {
		f.rowsPerSecond = max(0, float64(f.Rows-h.firstRows)/seconds)
		f.bytesPerSecond = max(0, float64(f.Bytes-h.firstBytes)/seconds)
	}
	h.end = f
	return f
}

// maxLeft is the longest guess worth showing.
const maxLeft = 100 * time.Hour

func (h *history) timeLeft(f figures) (time.Duration, bool) {
	rest, rate := f.BytesTotal-f.Bytes, h.slow.perSecond()
	if !f.Known || rest <= 0 || rate <= 0 || f.took < minLeft {
		return 0, false
	}
	seconds := float64(rest) / rate
	if seconds >= maxLeft.Seconds() {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}
