package progress

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/plan"
)

// clock is a clock that only moves when told.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

// story is a job of three stages, told in steps of 100 ms: what a display of
// it shows depends on nothing else.
func story(c *clock, step func(Snapshot)) Snapshot {
	stages := []Stage{
		{Name: "text.Read → FlatMap → Count"},
		{Name: "Count → Join orders by customer and region → Sort"},
		{Name: "Sort → text.Write"},
	}
	begin := c.t
	tell := func(state string) Snapshot {
		c.t = c.t.Add(100 * time.Millisecond)
		s := Snapshot{Job: "ab12", Name: "wordcount", State: state, Elapsed: c.t.Sub(begin), Stages: append([]Stage(nil), stages...)}
		step(s)
		return s
	}
	for range 5 {
		tell(Planning)
	}
	for i := range stages {
		s := &stages[i]
		s.Known, s.Started, s.Tasks, s.Running = true, true, 120/(i+1), 2
		s.BytesTotal = int64(s.Tasks) << 26
		for s.Bytes < s.BytesTotal {
			s.Bytes = min(s.Bytes+(85<<20), s.BytesTotal)
			s.Rows = s.Bytes / 70
			s.Done = int(s.Bytes >> 26)
			if i == 1 && s.Done > 20 {
				s.Failed = 1
			}
			tell(Running)
		}
		s.Ended, s.Running = true, 0
		tell(Running)
	}
	tell(Committing)
	return Snapshot{
		Job: "ab12", Name: "wordcount", State: Done, Elapsed: c.t.Sub(begin), Stages: stages,
		Counters: []plan.Counter{{Name: "rows.invalid", Value: 12}, {Name: "balance", Value: -3}},
		HotKeys:  []plan.HotKey{{Operator: "Sort", At: "jobs/main.go:9", Key: `"ada"`, Hash: 7, Rows: 100, Bytes: 1 << 20, MissedBytes: 9, TotalBytes: 2 << 20}},
	}
}

// output is a buffer that a display's goroutine may write to meanwhile.
type output struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

// take returns what was written since the last take.
func (o *output) take() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := bytes.Clone(o.b.Bytes())
	o.b.Reset()
	return p
}

// screen is a terminal that understands what bars write: line feeds, cursor up,
// erase below and erase to the right. It has no lower edge.
type screen struct {
	lines []string
	row   int
}

func (s *screen) write(t *testing.T, p []byte) {
	t.Helper()
	for len(p) > 0 {
		switch end := bytes.IndexAny(p, "\x1b\n"); {
		case end != 0:
			if end < 0 {
				end = len(p)
			}
			s.grow()
			s.lines[s.row] += string(p[:end])
			p = p[end:]
		case p[0] == '\n':
			s.grow()
			s.row++
			s.grow()
			// What follows overwrites the line; tests never write less than was there.
			s.lines[s.row] = ""
			p = p[1:]
		default:
			p = s.escape(t, p)
		}
	}
}

func (s *screen) grow() {
	for len(s.lines) <= s.row {
		s.lines = append(s.lines, "")
	}
}

func (s *screen) escape(t *testing.T, p []byte) []byte {
	t.Helper()
	end := bytes.IndexAny(p, "AJKm")
	if end < 0 || !bytes.HasPrefix(p, []byte("\x1b[")) {
		t.Fatalf("terminal got %q, want a whole escape sequence", p)
	}
	switch p[end] {
	case 'A':
		n, err := strconv.Atoi(string(p[2:end]))
		if err != nil || n > s.row {
			t.Fatalf("terminal got %q on line %d, want a move inside the screen", p[:end+1], s.row)
		}
		s.row -= n
		s.lines[s.row] = ""
	case 'J':
		s.grow()
		s.lines = s.lines[:s.row+1]
	}
	return p[end+1:]
}

func (s *screen) String() string { return strings.TrimRight(strings.Join(s.lines, "\n"), "\n") + "\n" }
