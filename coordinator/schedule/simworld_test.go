package schedule

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// faults is what goes wrong in one simulation: each seed draws a subset.
type faults struct {
	crash, lease, drain, dup, delay, link, corrupt, cancel, poison, fatal bool
	// vary makes some stages give other rows each time, scarce makes outputs partial.
	vary, scarce                    bool
	cut                             bool // ways between executors, in one direction
	slow                            bool // some attempts take long
	bad                             bool // attempts fail at one place
	noise                           bool // ways between executors damage bytes
	full                            bool // disks fill up and empty again
	low                             bool // executors tell when they are low on disk space
	user, resource, transient, away int  // per thousand attempts
}

func randomFaults(r *rand.Rand) faults {
	on := func() bool { return r.IntN(2) == 0 }
	rate := func() int { return r.IntN(2) * (1 + r.IntN(100)) }
	return faults{
		crash: on(), lease: on(), drain: on(), dup: on(), delay: on(), link: on(), corrupt: on(), cancel: r.IntN(4) == 0,
		poison: r.IntN(8) == 0, fatal: r.IntN(10) == 0, vary: on(), scarce: on(), cut: on(), slow: on(), bad: r.IntN(4) == 0,
		noise: r.IntN(3) == 0, full: r.IntN(3) == 0, low: r.IntN(3) == 0,
		user: rate(), resource: rate(), transient: rate(), away: rate(),
	}
}

// world is executors, network and clock around one core. Everything happens in
// one goroutine in the order of a heap of moments.
type world struct {
	r      *rand.Rand
	core   *Core
	check  *checker
	faults faults
	healed bool
	now    time.Duration
	seq    int
	agenda heap[moment]
	cut    map[[2]*simExecutor]bool // reader and holder
	execs  []*simExecutor
	jobs   map[plan.JobID]*simJob
	over   int
	nextID plan.SessionID
	tickAt time.Duration
	events []Event
	err    error
}

type moment struct {
	at  time.Duration
	seq int
	do  func()
}

// simExecutor is one machine. stored is what is on its disk.
type simExecutor struct {
	id       plan.ExecutorID
	slots    int
	up       bool
	session  plan.SessionID
	draining plan.SessionID // that takes no more attempts
	full     bool           // there is no room on its disks
	low      bool           // there is little, and the core was told
	life     int            // grows with each crash
	seen     map[plan.AttemptID]bool
	canceled map[plan.AttemptID]bool
	stored   map[plan.OutputID]*simOutput
}

type simOutput struct {
	cells   []sum
	corrupt bool
	side    bool // of a join
}

func newWorld(seed uint64, p plant, without []string) *world {
	r := rand.New(rand.NewPCG(seed, 4))
	cfg := Config{SplitBytes: mib/4 + r.Int64N(mib), PartitionBytes: mib/4 + r.Int64N(mib), TasksPerSlot: 1 + r.IntN(4), BackupAfter: time.Duration(r.IntN(2)) * 200 * time.Millisecond}
	w := &world{r: r, core: New(cfg), faults: randomFaults(r), jobs: map[plan.JobID]*simJob{}, tickAt: -1, cut: map[[2]*simExecutor]bool{}}
	w.core.plant = p
	w.faults.leaveOut(without)
	w.check = newChecker(w)
	w.agenda = heap[moment]{
		less:  func(a, b moment) bool { return a.at < b.at || a.at == b.at && a.seq < b.seq },
		moved: func(moment, int) {},
	}
	for i := range 1 + r.IntN(4) {
		e := &simExecutor{id: plan.ExecutorID(fmt.Sprint("e", i)), slots: 1 + r.IntN(3)}
		w.execs = append(w.execs, e)
		w.after(w.span(300), func() { w.start(e) })
		w.after(w.span(1000), func() { w.mishap(e) })
	}
	for i := range 1 + r.IntN(3) {
		w.addJob(randomJob(r, i, w.faults.vary))
	}
	w.after(10*time.Second, w.heal)
	return w
}

func (w *world) addJob(j *simJob) {
	w.jobs[j.id] = j
	w.after(w.span(2000), func() { w.send(j.submit) })
	if w.faults.cancel {
		w.after(w.span(5000), func() { w.step(CancelRequested{Job: j.id, Reason: "simulated"}) })
	}
}

func (w *world) after(d time.Duration, do func()) {
	w.seq++
	w.agenda.push(moment{at: w.now + d, seq: w.seq, do: do})
}

// span is a random time up to ms milliseconds.
func (w *world) span(ms int) time.Duration {
	return time.Duration(w.r.IntN(ms+1)) * time.Millisecond
}

func (w *world) hit(perMille int) bool { return !w.healed && w.r.IntN(1000) < perMille }

// run plays until every job is over, or something is wrong.
func (w *world) run() error {
	for steps := 0; w.err == nil && (w.over < len(w.jobs) || !w.healed); steps++ {
		if w.agenda.len() == 0 || steps > 200_000 || w.now > time.Hour {
			w.fail("%d of %d jobs did not end by %v, step %d", len(w.jobs)-w.over, len(w.jobs), w.now, steps)
			break
		}
		m := w.agenda.pop()
		w.now = max(w.now, m.at)
		m.do()
	}
	if w.err == nil {
		w.check.quiet()
	}
	return w.err
}

func (w *world) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("at %v: %w", w.now, fmt.Errorf(format, args...))
	}
}

// heal ends all faults and brings all executors back.
func (w *world) heal() {
	w.healed = true
	clear(w.cut)
	for _, e := range w.execs {
		w.measure(e, false)
		e.full = false
		switch {
		case !e.up:
			w.start(e)
		case e.draining == e.session:
			w.register(e)
		}
	}
}

// delay is how long a message takes. A lost message is one that is sent again.
func (w *world) delay() time.Duration {
	d := w.span(5)
	if w.faults.delay && w.hit(100) {
		d += w.span(1500)
	}
	return d
}

// send delivers an event to the core after a while, perhaps twice.
func (w *world) send(ev Event) {
	w.after(w.delay(), func() { w.step(ev) })
	if w.faults.dup && w.hit(200) {
		w.after(w.delay()+w.span(1000), func() { w.step(ev) })
	}
}

// step gives an event to the core and its actions to the executors.
func (w *world) step(ev Event) {
	if w.err != nil {
		return
	}
	ev = stamp(ev, w.now)
	w.events = append(w.events, ev)
	w.check.event(ev)
	w.check.priority = math.MaxInt
	back := map[plan.ExecutorID]bool{}
	for _, a := range w.core.Step(ev) {
		w.check.action(a, back)
		w.perform(a)
	}
	if at, ok := w.core.NextTick(); ok && at != w.tickAt {
		w.tickAt = at
		w.after(max(at-w.now, 0), func() { w.step(Tick{}) })
	}
}

func stamp(ev Event, at time.Duration) Event {
	switch ev := ev.(type) {
	case JobSubmitted:
		ev.At = at
		return ev
	case ExecutorJoined:
		ev.At = at
		return ev
	case DiskLow:
		ev.At = at
		return ev
	case ExecutorDraining:
		ev.At = at
		return ev
	case ExecutorLost:
		ev.At = at
		return ev
	case AttemptFinished:
		ev.At = at
		return ev
	case AttemptFailed:
		ev.At = at
		return ev
	case CancelRequested:
		ev.At = at
		return ev
	}
	return Tick{At: at}
}

func (w *world) perform(a Action) {
	switch a := a.(type) {
	case Launch:
		if w.faults.cancel && a.Assignment.Work == plan.Publish && w.hit(300) {
			w.after(w.span(300), func() { w.step(CancelRequested{Job: a.Assignment.Attempt.Job, Reason: "too late"}) })
		}
		w.toExecutor(a.Executor, a.Session, func(e *simExecutor) { w.launch(e, a.Assignment) })
	case Cancel:
		w.toExecutor(a.Executor, a.Session, func(e *simExecutor) { e.canceled[a.Attempt] = true })
	case Release:
		w.toExecutor(a.Executor, a.Session, func(e *simExecutor) { e.release(a.Attempts) })
	case JobDone, JobFailed:
		w.over++
	}
}

// toExecutor delivers a message unless its session has ended by then.
func (w *world) toExecutor(id plan.ExecutorID, session plan.SessionID, do func(e *simExecutor)) {
	for _, e := range w.execs {
		if e.id != id {
			continue
		}
		deliver := func() {
			if e.up && e.session == session {
				do(e)
			}
		}
		w.after(w.delay(), deliver)
		if w.faults.dup && w.hit(200) {
			w.after(w.delay()+w.span(1000), deliver)
		}
	}
}

func (e *simExecutor) release(attempts []plan.AttemptID) {
	for id := range e.stored {
		for _, a := range attempts {
			if id.Attempt == a {
				delete(e.stored, id)
			}
		}
	}
}

// start brings an executor up and registers it.
func (w *world) start(e *simExecutor) {
	if e.up {
		return
	}
	e.up = true
	e.seen, e.canceled, e.stored = map[plan.AttemptID]bool{}, map[plan.AttemptID]bool{}, map[plan.OutputID]*simOutput{}
	w.register(e)
}

// register opens a new session. Registrations reach the core in order, as
// they go over one stream.
func (w *world) register(e *simExecutor) {
	w.nextID++
	e.session = w.nextID
	ev := ExecutorJoined{Executor: e.id, Session: e.session, Slots: e.slots, Low: e.low}
	w.step(ev)
	if w.faults.dup && w.hit(300) {
		w.after(w.span(2000), func() { w.step(ev) })
	}
}

// mishap lets something happen to a machine now and then.
func (w *world) mishap(e *simExecutor) {
	if w.healed {
		return
	}
	w.after(500*time.Millisecond+w.span(3000), func() { w.mishap(e) })
	if other := w.execs[w.r.IntN(len(w.execs))]; w.faults.cut && w.r.IntN(2) == 0 {
		way := [2]*simExecutor{e, other}
		w.cut[way] = !w.cut[way]
	}
	if w.faults.full {
		e.full = w.r.IntN(3) == 0
	}
	if w.faults.low {
		w.measure(e, w.r.IntN(3) == 0)
	}
	switch {
	case !e.up:
	case w.faults.crash && w.r.IntN(2) == 0:
		w.crash(e)
	case w.faults.drain && w.r.IntN(2) == 0:
		w.drain(e)
	case w.faults.lease && w.r.IntN(2) == 0:
		// The lease runs out, the machine does not know, its attempts run on.
		w.step(ExecutorLost{Executor: e.id, Session: e.session})
		life := e.life
		w.after(w.span(1000), func() {
			if e.up && e.life == life {
				w.register(e)
			}
		})
	}
}

// measure tells the core when there is little room on the disks of a machine, or
// enough again. What comes over one stream comes in order.
func (w *world) measure(e *simExecutor, low bool) {
	if e.low == low {
		return
	}
	e.low = low
	if e.up {
		w.step(DiskLow{Executor: e.id, Session: e.session, Low: low})
	}
}

// drain stops the use of a machine, which goes some time later and comes back.
func (w *world) drain(e *simExecutor) {
	e.draining = e.session
	w.step(ExecutorDraining{Executor: e.id, Session: e.session})
	life := e.life
	w.after(w.span(3000), func() {
		if e.up && e.life == life && e.draining == e.session {
			w.crash(e)
		}
	})
}

// crash takes a machine down with its disk; the core may hear of its return
// before it hears of its end.
func (w *world) crash(e *simExecutor) {
	e.up = false
	e.life++
	w.send(ExecutorLost{Executor: e.id, Session: e.session})
	w.after(w.span(2000), func() { w.start(e) })
}

// report sends the end of an attempt under the session that the executor has by then.
func (w *world) report(e *simExecutor, ev Event) {
	switch ev := ev.(type) {
	case AttemptFinished:
		ev.Executor, ev.Session = e.id, e.session
		w.send(ev)
	case AttemptFailed:
		ev.Executor, ev.Session = e.id, e.session
		w.send(ev)
	}
}

func (w *world) launch(e *simExecutor, a plan.Assignment) {
	if e.seen[a.Attempt] {
		return
	}
	e.seen[a.Attempt] = true
	life := e.life
	takes := 5*time.Millisecond + w.span(300)
	if w.faults.slow && w.hit(50) {
		takes += w.span(5000)
	}
	w.after(takes, func() {
		if !e.up || e.life != life {
			return
		}
		if e.canceled[a.Attempt] && w.r.IntN(4) > 0 {
			w.report(e, AttemptFailed{Attempt: a.Attempt, Failure: fault.Report{Kind: fault.Canceled, Message: "canceled"}})
			return
		}
		w.report(e, w.outcome(e, a))
	})
}

func encodeSum(s sum) [][]byte { return [][]byte{binary.LittleEndian.AppendUint64(nil, s)} }
