package sdk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/sheafdata/sheaf/executor/local"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
)

// teller says how a run ended: in words, or as one JSON object where progress
// is shown as NDJSON. An output that cannot be written any more is nobody's
// concern at the end of a program.
type teller struct {
	out  io.Writer
	job  string
	json bool
}

// ending is the last object of NDJSON. Programs read the field names: they may
// be added to, never changed.
type ending struct {
	Event   string   `json:"event"` // "done", "failed" or "interrupted"
	Name    string   `json:"name"`
	Kind    string   `json:"kind,omitempty"` // of the fault
	Message string   `json:"message,omitempty"`
	Detail  string   `json:"detail,omitempty"`
	Figures *figures `json:"figures,omitempty"`
}

type figures struct {
	Job            string   `json:"job"`
	ElapsedSeconds float64  `json:"elapsed_seconds"`
	RowsIn         int64    `json:"rows_in"`
	BytesIn        int64    `json:"bytes_in"`
	RowsOut        int64    `json:"rows_out"`
	BytesOut       int64    `json:"bytes_out"`
	ShuffleBytes   int64    `json:"shuffle_bytes"`
	SpilledBytes   int64    `json:"spilled_bytes"`
	Tasks          int      `json:"tasks"`
	PeakMemory     int64    `json:"peak_memory_bytes"`
	Destinations   []string `json:"destinations"`
}

func (t *teller) object(e ending) {
	e.Name = t.job
	enc := json.NewEncoder(t.out)
	enc.SetEscapeHTML(false)
	enc.Encode(e)
}

// misused explains a command line or a graph that cannot be used.
func (t *teller) misused(err error) {
	t.failed(err)
	if !strings.Contains(err.Error(), "--help") {
		fmt.Fprintf(t.out, "%s --help lists all flags\n", t.job)
	}
}

// failed prints an error as a user reads it: the message and, for a panic of
// user code, the user's frames.
func (t *teller) failed(err error) {
	detail := fault.Detail(err)
	if t.json {
		t.object(ending{Event: "failed", Kind: fault.KindOf(err).String(), Message: err.Error(), Detail: detail})
		return
	}
	fmt.Fprintf(t.out, "%s: %v\n", t.job, err)
	if detail != "" {
		fmt.Fprintf(t.out, "\n%s\n", strings.TrimRight(detail, "\n"))
	}
}

// interrupted says what a canceled run left behind.
func (t *teller) interrupted(err error) {
	message, detail := "interrupted: nothing was published, staged and temporary files are removed", fault.Detail(err)
	switch {
	case errors.Is(err, local.ErrStuck):
		message = fmt.Sprintf("interrupted: nothing was published; %v", err)
	case detail != "":
		message = "interrupted: nothing was published; " + detail
	}
	if t.json {
		t.object(ending{Event: "interrupted", Kind: fault.Canceled.String(), Message: message})
		return
	}
	fmt.Fprintf(t.out, "%s: %s\n", t.job, message)
}

// done prints the figures of a run.
func (t *teller) done(r *Result) {
	peak := memory.PeakRSS()
	if t.json {
		t.object(ending{Event: "done", Figures: &figures{
			Job: r.Job, ElapsedSeconds: r.Elapsed.Seconds(), RowsIn: r.RowsIn, BytesIn: r.BytesIn, RowsOut: r.RowsOut, BytesOut: r.BytesOut,
			ShuffleBytes: r.ShuffleBytes, SpilledBytes: r.SpilledBytes, Tasks: r.Tasks, PeakMemory: peak,
			Destinations: append([]string{}, r.Destinations...),
		}})
		return
	}
	fmt.Fprintf(t.out, "%s: done in %.2f s\n", t.job, r.Elapsed.Seconds())
	fmt.Fprintf(t.out, "  read      %s rows, %s\n", thousands(r.RowsIn), memory.FormatSize(r.BytesIn))
	fmt.Fprintf(t.out, "  wrote     %s rows, %s\n", thousands(r.RowsOut), memory.FormatSize(r.BytesOut))
	fmt.Fprintf(t.out, "  shuffled  %s\n", memory.FormatSize(r.ShuffleBytes))
	fmt.Fprintf(t.out, "  spilled   %s\n", memory.FormatSize(r.SpilledBytes))
	fmt.Fprintf(t.out, "  tasks     %s\n", thousands(int64(r.Tasks)))
	fmt.Fprintf(t.out, "  memory    %s at its peak\n", memory.FormatSize(peak))
	for _, d := range r.Destinations {
		fmt.Fprintf(t.out, "  output    %s\n", d)
	}
}

// thousands writes a number with its digits in groups of three.
func thousands(n int64) string {
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
