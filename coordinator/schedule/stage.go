package schedule

import (
	"slices"

	"github.com/sheafdata/sheaf/internal/plan"
)

// stage is a stage of a job, or one of the pseudo stages.
type stage struct {
	job     *job
	id      plan.StageID
	plan    plan.Stage
	input   *exchange   // nil for a source and for pseudo stages
	outputs []*exchange // in the order of plan.Exchanges
	sides   []*exchange // that are broadcast to it, by id

	known bool // tasks are decided
	tasks []task
	parts []plan.Partition // of a consumer's tasks, without their outputs
	near  [][]nearby       // of a consumer's tasks: who holds much of their input
	next  int              // tasks from here on are fresh
	// queued says that the stage is in the job's heap of fresh stages.
	queued  bool
	blocked []*task
	// lost are done tasks whose map outputs are gone. Invariant: empty while
	// a consumer of the stage is incomplete.
	lost []*task
	// stale are attempts whose outputs were superseded but may still be read by
	// attempts launched before.
	stale   []held
	settled bool // nothing will ever read its map outputs again
	// epoch counts how often the stage was rolled back, differed how often a
	// repeated task of it gave other rows from the same input.
	epoch    uint32
	differed int

	paces []int64 // nanoseconds a mebibyte of the latest winners

	running, done, failed int
	bytes                 int64
	figures               plan.Figures // of done tasks
}

// held is an attempt whose files an executor holds.
type held struct {
	exec    *executor
	session plan.SessionID
	attempt plan.AttemptID
}

// exchange is an exchange of a job.
type exchange struct {
	plan      *plan.Exchange
	producers []*stage
	consumer  *stage
	// readers are the stages that read it: its consumer, or those to which it is
	// broadcast.
	readers []*stage
	// side are the producers of the side that may be broadcast; form says whether it
	// is, sideRows and sideBytes what it was measured to hold then.
	side                []*stage
	form                Form
	sideRows, sideBytes int64

	// What the producers measured; shares and samples are dropped when the
	// consumer's tasks are decided.
	bytes   int64
	shares  []*share
	shareOf map[*executor]*share
	samples []samples
	// keys are the heaviest keys of a range exchange; target is what a partition was
	// to hold when it was cut, 0 before.
	keys   keyWeights
	target int64

	// outputs is what the consumer's attempts read, shared by all of them; nil
	// when it must be made anew.
	outputs []plan.MapOutput
	holders map[*executor]bool // of outputs, made with them
}

// samples are those of one map output.
type samples struct {
	keys []plan.KeySample
	nearby
}

// build makes stages and exchanges from a checked plan.
func (j *job) build() {
	j.drives = Drives(j.plan)
	j.ready = heap[*task]{less: lessTask, moved: func(*task, int) {}}
	j.fresh = heap[*stage]{
		less:  func(a, b *stage) bool { return a.id > b.id },
		moved: func(s *stage, i int) { s.queued = i >= 0 },
	}
	j.stages = make([]*stage, len(j.plan.Stages))
	for i := range j.stages {
		j.stages[i] = &stage{job: j, id: plan.StageID(i), plan: j.plan.Stages[i]}
	}
	j.exchanges = make([]*exchange, len(j.plan.Exchanges))
	for i := range j.exchanges {
		x := &exchange{plan: &j.plan.Exchanges[i]}
		x.consumer = j.stages[x.plan.Consumer]
		x.consumer.input = x
		x.readers = []*stage{x.consumer}
		for _, p := range x.plan.Producers {
			x.producers = append(x.producers, j.stages[p])
		}
		if side := x.plan.Side; side != nil {
			for _, p := range side.Producers {
				x.side = append(x.side, j.stages[p])
			}
		}
		j.exchanges[i] = x
	}
	for _, s := range j.stages {
		for _, x := range s.plan.Exchanges {
			s.outputs = append(s.outputs, j.exchanges[x])
		}
	}
	j.left = len(j.stages)
	j.enumerate = pseudoStage(j, plan.EnumerateStage, len(j.stages))
	j.publish = pseudoStage(j, plan.PublishStage, 1)
}

func pseudoStage(j *job, id plan.StageID, tasks int) *stage {
	s := &stage{job: j, id: id, known: true}
	s.setTasks(tasks)
	s.next = tasks // pseudo tasks are queued one by one
	return s
}

func (s *stage) setTasks(n int) {
	s.known = true
	s.tasks = make([]task, n)
	for i := range s.tasks {
		s.tasks[i].stage, s.tasks[i].index = s, i
	}
}

func (s *stage) complete() bool { return s.known && s.done == len(s.tasks) }

// inputs lists the exchanges that the stage's tasks read.
func (s *stage) inputs() []*exchange {
	if s.input == nil {
		return s.sides
	}
	return append([]*exchange{s.input}, s.sides...)
}

// inputOf returns the exchange of an id among those that the stage reads, or nil.
func (s *stage) inputOf(id plan.ExchangeID) *exchange {
	for _, x := range s.inputs() {
		if x.plan.ID == id {
			return x
		}
	}
	return nil
}

// launchable reports whether the stage's input is all there, and what it writes is
// known.
func (s *stage) launchable() bool {
	if s.input != nil && !s.input.readable() || s.waitsForSide() {
		return false
	}
	for _, x := range s.sides {
		if !x.readable() {
			return false
		}
	}
	return true
}

// needed reports whether the stage's map outputs may still be read.
func (s *stage) needed() bool {
	for _, x := range s.outputs {
		for _, r := range x.readers {
			if !r.complete() {
				return true
			}
		}
	}
	return false
}

// sorts reports whether the stage's rows go to a range exchange.
func (s *stage) sorts() bool {
	return slices.ContainsFunc(s.outputs, func(x *exchange) bool { return x.plan.Sorts() })
}

// readable reports whether every producer is complete and holds its outputs.
func (x *exchange) readable() bool { return allThere(x.producers) }

func allThere(producers []*stage) bool {
	for _, p := range producers {
		if !p.complete() || len(p.lost) > 0 {
			return false
		}
	}
	return true
}

// measure counts one output that e holds, unless the cut is already made.
func (x *exchange) measure(o *plan.MapOutput, e *executor) {
	if x.consumer.known {
		return
	}
	x.bytes = addBytes(x.bytes, o.Bytes)
	switch x.plan.Kind {
	case plan.Range:
		x.keys.add(o)
		if len(o.Samples) > 0 {
			x.samples = append(x.samples, samples{keys: o.Samples, nearby: nearby{e, e.session}})
		}
	case plan.Hash:
		x.share(e).addBuckets(o.BucketBytes)
	default:
		x.share(e).addBuckets([]int64{o.Bytes})
	}
}

// allOutputs lists the map outputs in producer and task order, in which equal
// keys are merged. It is called only while the exchange is readable.
func (x *exchange) allOutputs() []plan.MapOutput {
	if x.outputs != nil {
		return x.outputs
	}
	n := 0
	for _, p := range x.producers {
		n += len(p.tasks)
	}
	x.outputs, x.holders = make([]plan.MapOutput, 0, n), make(map[*executor]bool)
	for _, p := range x.producers {
		at := p.outputIndex(x)
		for i := range p.tasks {
			x.outputs = append(x.outputs, p.tasks[i].outcome.outputs[at])
			x.holders[p.tasks[i].exec] = true
		}
	}
	return x.outputs
}

func (s *stage) outputIndex(x *exchange) int {
	for i, o := range s.outputs {
		if o == x {
			return i
		}
	}
	return -1
}
