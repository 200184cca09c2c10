// Package ending says how a run ended: in words, or as one JSON object where
// progress is shown as NDJSON. A job's program tells the end of a local run with
// it, and the command line the end of a run on a cluster, so that both look the
// same. It owns no goroutine.
package ending

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Teller says how a run ended. An output that cannot be written any more is
// nobody's concern at the end of a program. A Teller is used by one goroutine.
type Teller struct {
	Out  io.Writer
	Job  string // the name of the job
	JSON bool   // as one JSON object instead of words
}

// Figures are the sums of a run that ended well.
type Figures struct {
	Job          string // its id
	Elapsed      time.Duration
	RowsIn       int64 // rows read from sources
	BytesIn      int64
	RowsOut      int64 // rows written to destinations
	BytesOut     int64
	ShuffleBytes int64
	SpilledBytes int64
	BadRows      int64          // rows of sources that were left out
	Tasks        int            // of all jobs; 0 where that is not known
	Jobs         int            // that a driver ran; 0 for a job
	PeakMemory   int64          // of the process that ran the job; 0 where several did
	Destinations []string       // what was published; empty where that is not known
	Counters     []plan.Counter // what user code counted
	Joins        []plan.Join    // that could run in two forms
	HotKeys      []plan.HotKey  // that held the run up
}

// object is the last object of NDJSON. Programs read the field names: they may
// be added to, never changed.
type object struct {
	Event   string   `json:"event"` // "done", "failed", "canceled", "interrupted" or "detached"
	Name    string   `json:"name"`
	Kind    string   `json:"kind,omitempty"` // of the fault
	Message string   `json:"message,omitempty"`
	Detail  string   `json:"detail,omitempty"`
	Figures *figures `json:"figures,omitempty"`
}

type figures struct {
	Job            string           `json:"job"`
	ElapsedSeconds float64          `json:"elapsed_seconds"`
	RowsIn         int64            `json:"rows_in"`
	BytesIn        int64            `json:"bytes_in"`
	RowsOut        int64            `json:"rows_out"`
	BytesOut       int64            `json:"bytes_out"`
	ShuffleBytes   int64            `json:"shuffle_bytes"`
	SpilledBytes   int64            `json:"spilled_bytes"`
	BadRows        int64            `json:"bad_rows,omitempty"`
	Tasks          int              `json:"tasks"`
	Jobs           int              `json:"jobs,omitempty"`
	PeakMemory     int64            `json:"peak_memory_bytes"`
	Destinations   []string         `json:"destinations"`
	Counters       map[string]int64 `json:"counters,omitempty"`
	Joins          []plan.Join      `json:"joins,omitempty"`
	HotKeys        []plan.HotKey    `json:"hot_keys,omitempty"`
}

func (t *Teller) object(o object) {
	o.Name = t.Job
	enc := json.NewEncoder(t.Out)
	enc.SetEscapeHTML(false)
	enc.Encode(o)
}

// Misused explains a command line or a graph that cannot be used.
func (t *Teller) Misused(err error) {
	t.Failed(err)
	if !strings.Contains(err.Error(), "--help") {
		fmt.Fprintf(t.Out, "%s --help lists all flags\n", t.Job)
	}
}

// Failed prints an error as a user reads it: the message and, for a panic of
// user code, the user's frames.
func (t *Teller) Failed(err error) {
	detail := fault.Detail(err)
	if t.JSON {
		t.object(object{Event: "failed", Kind: fault.KindOf(err).String(), Message: err.Error(), Detail: detail})
		return
	}
	fmt.Fprintf(t.Out, "%s: %s\n", t.Job, Printable(err.Error()))
	if detail != "" {
		fmt.Fprintf(t.Out, "\n%s\n", Printable(strings.TrimRight(detail, "\n")))
	}
}

// Printable makes text that somebody else wrote fit for a terminal: messages of
// user code, and of another user's job, may hold control characters that move
// the cursor or change what is on the screen. Line ends and tabs stay.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return ' '
		}
		return r
	}, s)
}

// Canceled says that somebody ended the run, and what it left behind.
func (t *Teller) Canceled(message string) { t.stopped("canceled", message) }

// Interrupted says that the user ended the run, and what it left behind.
func (t *Teller) Interrupted(message string) { t.stopped("interrupted", message) }

// Detached says that the run goes on without its user. The lines after the
// first, which are for people alone, may say what to do.
func (t *Teller) Detached(message string, advice ...string) {
	if t.JSON {
		t.object(object{Event: "detached", Message: message})
		return
	}
	fmt.Fprintf(t.Out, "%s: %s\n", t.Job, message)
	for _, line := range advice {
		fmt.Fprintf(t.Out, "  %s\n", line)
	}
}

func (t *Teller) stopped(event, message string) {
	if t.JSON {
		t.object(object{Event: event, Kind: fault.Canceled.String(), Message: message})
		return
	}
	fmt.Fprintf(t.Out, "%s: %s\n", t.Job, message)
}

// Done prints the figures of a run.
func (t *Teller) Done(f Figures) {
	if t.JSON {
		t.object(object{Event: "done", Figures: &figures{
			Job: f.Job, ElapsedSeconds: f.Elapsed.Seconds(), RowsIn: f.RowsIn, BytesIn: f.BytesIn, RowsOut: f.RowsOut, BytesOut: f.BytesOut,
			ShuffleBytes: f.ShuffleBytes, SpilledBytes: f.SpilledBytes, BadRows: f.BadRows, Tasks: f.Tasks, Jobs: f.Jobs, PeakMemory: f.PeakMemory,
			Destinations: append([]string{}, f.Destinations...), Counters: plan.ByName(f.Counters), Joins: f.Joins, HotKeys: f.HotKeys,
		}})
		return
	}
	fmt.Fprintf(t.Out, "%s: done in %.2f s\n", t.Job, f.Elapsed.Seconds())
	fmt.Fprintf(t.Out, "  read      %s rows, %s\n", Thousands(f.RowsIn), memory.FormatSize(f.BytesIn))
	if f.BadRows > 0 {
		fmt.Fprintf(t.Out, "  left out  %s bad rows\n", Thousands(f.BadRows))
	}
	fmt.Fprintf(t.Out, "  wrote     %s rows, %s\n", Thousands(f.RowsOut), memory.FormatSize(f.BytesOut))
	fmt.Fprintf(t.Out, "  shuffled  %s\n", memory.FormatSize(f.ShuffleBytes))
	fmt.Fprintf(t.Out, "  spilled   %s\n", memory.FormatSize(f.SpilledBytes))
	if f.Tasks > 0 || f.Jobs == 0 {
		fmt.Fprintf(t.Out, "  tasks     %s\n", Thousands(int64(f.Tasks)))
	}
	if f.Jobs > 0 {
		fmt.Fprintf(t.Out, "  jobs      %s\n", Thousands(int64(f.Jobs)))
	}
	if f.PeakMemory > 0 {
		fmt.Fprintf(t.Out, "  memory    %s at its peak\n", memory.FormatSize(f.PeakMemory))
	}
	for _, n := range f.Counters {
		fmt.Fprintf(t.Out, "  counted   %s %s\n", Thousands(n.Value), Printable(n.Name))
	}
	for _, j := range f.Joins {
		fmt.Fprintf(t.Out, "  joined    %s\n", Printable(JoinWords(j)))
	}
	for i := range f.HotKeys {
		fact, advice := HotKey(&f.HotKeys[i])
		fmt.Fprintf(t.Out, "  hot key   %s\n            %s\n", fact, advice)
	}
	for _, d := range f.Destinations {
		fmt.Fprintf(t.Out, "  output    %s\n", d)
	}
}

// JoinWords says in which form a join ran.
func JoinWords(j plan.Join) string {
	form := "both sides sorted"
	if j.Broadcast {
		form = "broadcast"
	}
	return fmt.Sprintf("%s: %s, %s rows on the right, %s in memory", j.Name, form, Thousands(j.Rows), memory.FormatSize(j.Bytes))
}

// Thousands writes a number with its digits in groups of three.
func Thousands(n int64) string {
	s := fmt.Sprint(n)
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 && s[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return b.String()
}
