package logs

import (
	"encoding/json"
	"fmt"

	"github.com/sheafdata/sheaf/internal/plan"
)

const (
	// indexName is the index: a line of JSON for every attempt that began or ended.
	indexName  = "attempts.jsonl"
	filePrefix = "log-"
	// fileDigits are enough for 2^63 bytes.
	fileDigits = 19
)

func fileName(begin int64) string { return fmt.Sprintf("%s%0*d", filePrefix, fileDigits, begin) }

// Extent is the part of a log that was printed while an attempt ran.
type Extent struct {
	Attempt plan.AttemptID `json:"attempt"`
	Begin   int64          `json:"begin"`
	End     int64          `json:"end"` // -1 while the attempt runs
	// Shared says that other attempts ran at the same time in the same process,
	// whose lines cannot be told apart.
	Shared bool `json:"shared,omitempty"`
}

// running is the end of an attempt that has none.
const running = -1

// Begin says that an attempt runs from now on, and that what it prints begins
// waiting bytes after what was appended by now. It returns false when the index is
// full: then the attempt has no log of its own.
func (l *Log) Begin(id plan.AttemptID, waiting int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running[id] != nil || l.marks >= 2*l.limits.Attempts {
		return false
	}
	e := &Extent{Attempt: id, Begin: l.end + waiting, End: running, Shared: len(l.running) > 0}
	for _, other := range l.running {
		other.Shared = true
	}
	l.running[id] = e
	l.mark(e)
	return true
}

// Finish says that an attempt has ended, and that what it printed ends waiting
// bytes after what was appended by now. Of an attempt that did not begin it says
// nothing.
func (l *Log) Finish(id plan.AttemptID, waiting int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finish(id, l.end+waiting)
}

func (l *Log) finish(id plan.AttemptID, end int64) {
	if e := l.running[id]; e != nil {
		delete(l.running, id)
		e.End = end
		l.mark(e)
	}
}

// mark appends a line to the index.
func (l *Log) mark(e *Extent) {
	l.marks++
	line, err := json.Marshal(e)
	if err == nil && l.err == nil {
		_, err = l.index.Write(append(line, '\n'))
	}
	l.fail(err)
}
