package progress

import (
	"bytes"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// Options change what New finds out by itself. The zero value of a field means
// its default.
type Options struct {
	// Now is the clock that spaces lines; default time.Now.
	Now func() time.Time
	// Size returns the columns and lines of the terminal; default: those of the
	// output, 80 by 24 where it has none.
	Size func() (width, height int)
	// Getenv reads the environment (NO_COLOR, TERM); default os.Getenv.
	Getenv func(string) string
}

// view is one way of showing progress. The Display calls it under its lock.
type view interface {
	update(frame)
	close(frame)
	message(line []byte) // a whole line, with its newline
}

// Display shows the progress of one job. Update and Close are called by one
// goroutine; the writer of Writer may be used by any number of them.
type Display struct {
	mu      sync.Mutex // guards all below
	view    view
	tracker tracker
	closed  bool
}

// New returns a display that writes to out in the given mode. Bars redraw their
// lines, so nobody else may write to the same terminal until Close, but through
// Writer. The caller must Close the display.
func New(mode Mode, out io.Writer) *Display { return NewWithOptions(mode, out, Options{}) }

// NewWithOptions is New with options.
func NewWithOptions(mode Mode, out io.Writer, opts Options) *Display {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Getenv == nil {
		opts.Getenv = os.Getenv
	}
	if mode == Auto || mode == "" {
		mode = choose(out, opts.Getenv)
	}
	if opts.Size == nil {
		opts.Size = func() (int, int) { return size(out) }
	}
	return &Display{view: newView(mode, out, opts)}
}

func newView(mode Mode, out io.Writer, opts Options) view {
	switch mode {
	case Bar:
		return newBars(out, opts)
	case JSON:
		return &jsonView{out: out, now: opts.Now}
	case None:
		return noneView{out: out}
	}
	return &plainView{out: out, now: opts.Now}
}

// Update shows a snapshot. Calling it more often than needed is cheap.
func (d *Display) Update(s Snapshot) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.view.update(d.tracker.observe(s))
	}
}

// Close shows the last snapshot, ends the display and leaves the terminal below
// the last line. A second Close does nothing.
func (d *Display) Close(final Snapshot) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.closed = true
		d.view.close(d.tracker.observe(final))
	}
}

// Writer returns a writer of messages for people, such as warnings. They appear
// above live bars, between plain lines, and as objects of their own in NDJSON.
// Only whole lines are shown: a line without its newline waits for it. The
// writer may be used after Close as well; its errors are never reported.
func (d *Display) Writer() io.Writer { return &lineWriter{display: d} }

// maxLine bounds what a lineWriter keeps of a line that does not end.
const maxLine = 64 << 10

// lineWriter hands whole lines to the display.
type lineWriter struct {
	display *Display
	mu      sync.Mutex // guards rest
	rest    []byte     // a line that has not ended yet
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, p...)
	for {
		end := bytes.IndexByte(w.rest, '\n')
		switch {
		case end >= 0:
			w.display.message(w.rest[:end+1])
			w.rest = w.rest[end+1:]
		case len(w.rest) >= maxLine:
			w.display.message(append(w.rest, '\n'))
			w.rest = nil
		default:
			return len(p), nil
		}
	}
}

func (d *Display) message(line []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.view.message(line)
}

// noneView shows nothing but messages.
type noneView struct{ out io.Writer }

func (noneView) update(frame)          {}
func (noneView) close(frame)           {}
func (v noneView) message(line []byte) { v.out.Write(line) }

// choose picks between bars and plain lines. A terminal that reports no size
// (some containers) or is tiny cannot hold bars.
func choose(out io.Writer, getenv func(string) string) Mode {
	f, ok := out.(*os.File)
	if !ok || getenv("TERM") == "dumb" || !term.IsTerminal(int(f.Fd())) {
		return Plain
	}
	if width, height, err := term.GetSize(int(f.Fd())); err != nil || width < minWidth || height < minHeight {
		return Plain
	}
	return Bar
}

// The smallest terminal on which bars are of use.
const (
	minWidth  = 40
	minHeight = 4
)

func size(out io.Writer) (width, height int) {
	if f, ok := out.(*os.File); ok {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 && h > 0 {
			return w, h
		}
	}
	return 80, 24
}
