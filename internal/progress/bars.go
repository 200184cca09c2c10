package progress

import (
	"context"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// bars draws the live stages and a line on the job, one below the other. A
// stage that ends becomes a line above them and is never redrawn, so a job may
// have more stages than the terminal has lines.
//
// All lines are one bar of mpb with an extension: bars of their own would leave
// the container in an order, and at moments, that are not ours to choose.
type bars struct {
	size    func() (width, height int)
	layout  layout
	written []bool // stages that became lines above

	progress *mpb.Progress
	refresh  chan any      // asks for a redraw
	dead     chan struct{} // closed when mpb is gone: after close, or as the output failed
	out      io.Writer     // for what comes after close
	closed   bool

	mu   sync.Mutex // guards rows, which mpb's goroutine reads
	rows []string   // the lines of the next redraw, the job's line last
}

func newBars(out io.Writer, opts Options) *bars {
	b := &bars{
		size:    opts.Size,
		layout:  layout{colors: choosePalette(opts.Getenv)},
		refresh: make(chan any),
		dead:    make(chan struct{}),
		out:     out,
	}
	b.progress = mpb.NewWithContext(context.Background(), mpb.WithOutput(redrawer{out}), mpb.WithManualRefresh(b.refresh))
	bar, err := b.progress.Add(0, mpb.BarFillerFunc(b.lastRow), mpb.BarFillerTrim(), mpb.BarExtender(mpb.BarFillerFunc(b.otherRows), true))
	if err != nil {
		close(b.dead)
		return b
	}
	go func() {
		bar.Wait()
		close(b.dead)
	}()
	return b
}

func (b *bars) update(f frame) {
	b.show(f, false)
	b.redraw()
}

// show hands the lines of f over: those of stages that ended go above.
func (b *bars) show(f frame, last bool) {
	width, height := b.size()
	// A line as wide as the terminal wraps on some.
	b.layout.fit(f.stages, width-1)
	for len(b.written) < len(f.stages) {
		b.written = append(b.written, false)
	}
	var above []figures
	var live []figures
	for i, s := range f.stages {
		switch {
		case s.Ended && !b.written[i]:
			b.written[i] = true
			above = append(above, s)
		case s.Started && !s.Ended:
			live = append(live, s)
		}
	}
	// One line is the job's and one is where the cursor rests.
	live, hidden := clip(live, min(height-2, maxRows))
	b.set(f, live, hidden, last)
	for _, s := range above {
		io.WriteString(b.progress, b.layout.stage(s)+"\n")
	}
}

func (b *bars) set(f frame, live []figures, hidden int, last bool) {
	rows := make([]string, 0, len(live)+1)
	for _, s := range live {
		rows = append(rows, b.layout.stage(s))
	}
	rows = append(rows, b.layout.job(f, hidden, last))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows = rows
}

// maxRows bounds the live lines: mpb draws no more than 80 where it does not
// know the terminal itself.
const maxRows = 70

// clip keeps as many stages as there are lines for and counts the others.
func clip(live []figures, lines int) (shown []figures, hidden int) {
	lines = max(lines, 1)
	if len(live) <= lines {
		return live, 0
	}
	return live[:lines], len(live) - lines
}

// lastRow draws the job's line: mpb's own row of the bar.
func (b *bars) lastRow(w io.Writer, _ decor.Statistics) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.rows) == 0 {
		return nil
	}
	_, err := io.WriteString(w, b.rows[len(b.rows)-1])
	return err
}

// otherRows draws the stages: mpb wants the line nearest to the bar first.
func (b *bars) otherRows(w io.Writer, _ decor.Statistics) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var text strings.Builder
	for i := len(b.rows) - 2; i >= 0; i-- {
		text.WriteString(b.rows[i] + "\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func (b *bars) redraw() {
	select {
	case b.refresh <- time.Time{}:
	case <-b.dead:
	}
}

func (b *bars) close(f frame) {
	b.show(f, true)
	b.settle()
	b.progress.Shutdown()
	<-b.dead
	b.closed = true
}

// settle redraws and waits until that is on the screen. Mpb draws in a goroutine
// of its own: it takes the second request only after it began to serve the
// first, and the empty write only between two redraws.
func (b *bars) settle() {
	b.redraw()
	b.redraw()
	b.progress.Write(nil)
}

// message shows a line above the bars with the next redraw.
func (b *bars) message(line []byte) {
	if b.closed {
		b.out.Write(line)
		return
	}
	b.progress.Write(line)
}
