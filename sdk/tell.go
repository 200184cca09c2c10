package sdk

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/sheafdata/sheaf/executor/local"
	"github.com/sheafdata/sheaf/internal/ending"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
)

// teller says how a run in this process ended.
type teller struct {
	out  io.Writer
	job  string
	json bool
}

func (t *teller) ending() *ending.Teller { return &ending.Teller{Out: t.out, Job: t.job, JSON: t.json} }

// misused explains a command line or a graph that cannot be used.
func (t *teller) misused(err error) { t.ending().Misused(err) }

// failed prints an error as a user reads it.
func (t *teller) failed(err error) { t.ending().Failed(err) }

// interrupted says what a canceled run left behind.
func (t *teller) interrupted(err error) {
	message, detail := "interrupted: nothing was published, staged and temporary files are removed", fault.Detail(err)
	switch {
	case errors.Is(err, local.ErrStuck):
		message = fmt.Sprintf("interrupted: nothing was published; %v", err)
	case detail != "":
		message = "interrupted: nothing was published; " + detail
	}
	t.ending().Interrupted(message)
}

// done prints the figures of a run.
func (t *teller) done(r *Result) {
	t.ending().Done(ending.Figures{
		Job: r.Job, Elapsed: r.Elapsed, RowsIn: r.RowsIn, BytesIn: r.BytesIn, RowsOut: r.RowsOut, BytesOut: r.BytesOut,
		ShuffleBytes: r.ShuffleBytes, SpilledBytes: r.SpilledBytes, BadRows: r.BadRows, Tasks: r.Tasks, Jobs: r.Jobs, PeakMemory: memory.PeakRSS(),
		Destinations: r.Destinations, Counters: inNameOrder(r.Counters), Joins: r.Joins, HotKeys: r.HotKeys,
	})
}

func inNameOrder(counters map[string]int64) []plan.Counter {
	var out []plan.Counter
	for _, name := range slices.Sorted(maps.Keys(counters)) {
		out = append(out, plan.Counter{Name: name, Value: counters[name]})
	}
	return out
}
