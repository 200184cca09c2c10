package schedule

import (
	"encoding/binary"
	"slices"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

func (c *checker) done(d JobDone) {
	c.tally.done++
	c.finish(d.Job)
	if !c.published[d.Job] {
		c.w.fail("job %v done before its publish", d.Job.Short())
	}
	j := c.w.jobs[d.Job]
	got := make([]sum, len(j.expect))
	last := plan.SinkID(0)
	for _, r := range d.Rows {
		got[r.Sink] += binary.LittleEndian.Uint64(r.Blocks[0])
		if r.Sink < last {
			c.w.fail("rows of sink %d after those of %d", r.Sink, last)
		}
		last = r.Sink
	}
	var tasks int64
	for _, n := range c.tasks[d.Job] {
		tasks += int64(n)
	}
	if d.Figures.RowsIn != tasks {
		c.w.fail("figures of %d tasks, want %d", d.Figures.RowsIn, tasks)
	}
	if d.Figures.BadRows != j.bad || j.tooBad() {
		c.w.fail("job %v left out %d bad rows, want %d, limit %+v", j.id.Short(), d.Figures.BadRows, j.bad, j.plan.BadLimit)
	}
	if got, want := plan.Counted(j.plan.Counters, d.Figures.Counters), j.counters(); !slices.Equal(got, want) {
		c.w.fail("job %v counted %v, want %v", j.id.Short(), got, want)
	}
	for s, want := range j.expect {
		if collects(plan.SinkID(s)) && got[s] != want {
			c.w.fail("row sink %d of job %v has the rows %x, want %x", s, j.id.Short(), got[s], want)
		}
	}
}

func (c *checker) finish(job plan.JobID) {
	if c.over[job] {
		c.w.fail("job %v ended twice", job.Short())
	}
	if c.active[job] != 0 {
		c.w.fail("job %v ended with %d attempts running", job.Short(), c.active[job])
	}
	c.over[job] = true
}

// jobFailed accepts an end only for a reason that was there.
func (c *checker) jobFailed(f JobFailed) {
	c.tally.failed++
	if f.Canceled {
		c.tally.canceled++
	}
	c.finish(f.Job)
	key := taskKey{f.Job, f.Task}
	switch kind := f.Failure.Kind; {
	case f.Canceled && f.Attempts == 0:
		if !c.canceled[f.Job] {
			c.w.fail("job %v canceled by nobody", f.Job.Short())
		}
	case kind.Fatal():
		if kind == fault.Invalid && c.w.jobs[f.Job].tooBad() {
			c.tally.bad++
			break
		}
		if !c.fatal[f.Job] {
			c.w.fail("job %v failed as %v: %s", f.Job.Short(), kind, f.Failure.Message)
		}
	case c.blamed(f):
		c.tally.blamed++
	case kind.Charged():
		if c.charged[key] < DefaultMaxAttempts {
			c.w.fail("job %v failed after %d charged failures of %v: %s", f.Job.Short(), c.charged[key], f.Task, f.Failure.Message)
		}
	case kind == fault.Disk && c.faults[key] < DefaultMaxFaults:
		c.endsFull(f, key)
	case c.faults[key] < DefaultMaxFaults:
		c.w.fail("job %v failed after %d faults of %v: %s", f.Job.Short(), c.faults[key], f.Task, f.Failure.Message)
	}
	if c.published[f.Job] && f.Failure.Kind != fault.Internal {
		c.w.fail("job %v failed after its publish", f.Job.Short())
	}
}

// quiet checks that nothing is left when all jobs are over.
func (c *checker) quiet() {
	core := c.w.core
	if core.freeSlots != core.slots || core.queue.len() != 0 || len(core.live) != 0 {
		c.w.fail("left: %d of %d slots free, %d jobs queued, %d live", core.freeSlots, core.slots, core.queue.len(), len(core.live))
	}
	for _, e := range core.order {
		if len(e.running) != 0 || len(e.held) != 0 || e.usable() && (e.freeIndex < 0 || e.slots != c.slots[e.id]) {
			c.w.fail("left on %s: %d running, outputs of %d jobs, %d slots", e.id, len(e.running), len(e.held), e.slots)
		}
	}
	aside := false
	for _, e := range core.order {
		aside = aside || e.aside > 0
	}
	if at, ok := core.NextTick(); ok != aside {
		c.w.fail("left: a timer at %v: %t, and executors set aside: %t", at, ok, aside)
	}
}
