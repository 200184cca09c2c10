// Package schedule decides what runs where. Core is a state machine: Step
// takes one event (a job came, an executor joined, an attempt ended, time
// passed) and returns what must be done now (launch, cancel, release, report).
// It does no I/O, reads no clock, draws no random numbers, starts no goroutine
// and holds no lock: time arrives inside the events, so the same events always
// give the same actions. Coordinator, local mode, simulation and the replay of
// a journal all drive it the same way.
//
// # Order of work
//
// Among jobs with work that could start, those of the highest priority go
// first, among these the one with the fewest running attempts, then the one
// submitted first. A job at its limit of running attempts waits. Inside a job,
// work that was set back goes first, lowest stage first: finished work waits for
// it. Then fresh tasks, highest stage first and lowest index first: what is
// further downstream brings results out and frees storage. An attempt goes to an
// executor that holds much of what it reads, else to the one with the most free
// slots, then to the one that joined first. A driver takes no slot, so it does not
// wait for its turn either.
package schedule

import (
	"time"

	"github.com/sheafdata/sheaf/internal/plan"
)

// Core is the state of all jobs and executors. It is used by one goroutine at
// a time.
type Core struct {
	cfg Config
	now time.Duration
	out []Action

	jobs map[plan.JobID]*job
	live []*job // neither done nor failed, in submission order
	// queue holds the jobs that may have work to start.
	queue heap[*job]
	seq   int // of the next job, executor or timer

	executors map[plan.ExecutorID]*executor
	order     []*executor // every executor ever seen, in order of its first joining
	free      heap[*executor]
	// Invariant: freeSlots is the sum of free() over usable executors, slots that
	// of their slots, and usable their number.
	freeSlots, slots, usable int

	timers heap[timer]
	cuts   []cut // oldest first
	// backups is how many of the running attempts are backups.
	backups int
	slow    []timer // of this step: they are looked at when all other work is assigned
	parked  []*parkGroup
	// drivers are the tasks of drivers that wait for an executor. One that is not
	// wanted any more goes when it is looked at.
	drivers []*task

	plant plant // an error that a test asked for
}

// New returns a core without jobs and executors.
func New(cfg Config) *Core {
	return &Core{
		cfg:       cfg.withDefaults(),
		jobs:      make(map[plan.JobID]*job),
		executors: make(map[plan.ExecutorID]*executor),
		queue:     heap[*job]{less: lessBusy, moved: func(j *job, i int) { j.queueIndex = i }},
		free:      heap[*executor]{less: lessLoaded, moved: func(e *executor, i int) { e.freeIndex = i }},
		timers:    heap[timer]{less: lessTimer, moved: func(timer, int) {}},
	}
}

// Step applies one event and returns what is to be done, in order. Slices
// inside actions are shared with the core: whoever performs an action reads
// them only. The core keeps what events carry: it must not change afterwards.
// Events that are duplicates, or that come from an attempt or session that
// does not count any more, change nothing.
func (c *Core) Step(ev Event) []Action {
	c.out = nil
	c.now = max(c.now, ev.when())
	c.fireTimers()
	switch ev := ev.(type) {
	case JobSubmitted:
		c.submitted(ev)
	case JobForgotten:
		c.forgotten(ev)
	case ExecutorJoined:
		c.joined(ev)
	case DiskLow:
		c.diskLow(ev)
	case ExecutorDraining:
		c.draining(ev)
	case ExecutorLost:
		c.lost(ev)
	case AttemptFinished:
		c.finished(ev)
	case AttemptFailed:
		c.failed(ev)
	case CancelRequested:
		c.cancelRequested(ev)
	case Tick:
	}
	c.recall()
	c.assign()
	c.backUpSlow()
	out := c.out
	c.out = nil
	return out
}

// NextTick returns the earliest time at which a Tick would do something; ok is
// false when only other events can.
func (c *Core) NextTick() (at time.Duration, ok bool) {
	for c.timers.len() > 0 {
		top := c.timers.top()
		if top.valid() {
			return top.at, true
		}
		c.timers.pop()
	}
	return 0, false
}

func (c *Core) emit(a Action) { c.out = append(c.out, a) }

func (c *Core) nextSeq() int {
	c.seq++
	return c.seq
}
