// Package progress shows how far a job is: a live bar a stage on a terminal,
// plain lines elsewhere, or NDJSON for programs. Whoever runs or watches a job
// makes a Display, feeds it snapshots about ten times a second and closes it
// with the last one. Progress is a courtesy: an output that cannot be written
// any more silences the display and never disturbs the job. Only a bar display
// owns goroutines; Close ends them.
package progress

import (
	"strings"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Stage is the state of one stage. Bytes and Rows are what its tasks have read
// so far, attempts under way included; they may fall when an attempt is lost.
type Stage struct {
	Name       string
	Known      bool  // its tasks are decided: Tasks and BytesTotal are final
	Tasks      int   // tasks in all
	Running    int   // attempts under way
	Done       int   // tasks that are done
	Failed     int   // attempts that failed
	BytesTotal int64 // bytes to read; 0 where that is not known
	Bytes      int64 // bytes read
	Rows       int64 // rows read
	Started    bool  // a first attempt was launched
	Ended      bool  // nothing more will run
}

// The states of a job, in the order in which a job goes through them; the last
// three are ends.
const (
	Planning   = "planning"
	Running    = "running"
	Committing = "committing"
	Done       = "done"
	Failed     = "failed"
	Canceled   = "canceled"
)

// Snapshot is the state of a job at one moment. Stages keep their place from
// one snapshot to the next. Rates come from Elapsed, so it must be the age of
// the figures in the snapshot.
type Snapshot struct {
	Job     string // its id
	Name    string
	State   string // one of the states above
	Elapsed time.Duration
	Stages  []Stage
	// Counters are what user code has counted in the tasks that are done.
	Counters []plan.Counter
	// Joins are those that could run in two forms, as far as they are decided.
	Joins []plan.Join
	// HotKeys are keys with so many rows that they hold the job up.
	HotKeys []plan.HotKey
}

// Mode says how progress is shown.
type Mode string

// The modes. Auto is Bar on a terminal that can draw bars, else Plain.
const (
	Auto  Mode = "auto"
	Bar   Mode = "bar"
	Plain Mode = "plain"
	JSON  Mode = "json"
	None  Mode = "none"
)

// Modes returns the names of all modes, for help texts and messages.
func Modes() []string {
	return []string{string(Auto), string(Bar), string(Plain), string(JSON), string(None)}
}

// ParseMode returns the mode of a name; the empty name is Auto. Any other name
// is an error of kind fault.Invalid that lists the modes.
func ParseMode(name string) (Mode, error) {
	switch m := Mode(name); m {
	case "":
		return Auto, nil
	case Auto, Bar, Plain, JSON, None:
		return m, nil
	}
	return "", fault.New(fault.Invalid, "progress %q does not exist: choose one of %s", name, strings.Join(Modes(), ", "))
}
