package coordinator

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sheafdata/sheaf/coordinator/record"
	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// machine is the state that the journal keeps: the scheduler, and beside it what
// the scheduler need not know of jobs and executors. It depends on nothing but
// the records so far.
type machine struct {
	// mu guards all below. The loop holds it while it works, the journal while it
	// applies records, which the loop waits for.
	mu   sync.Mutex
	cfg  schedule.Config
	core *schedule.Core
	at   time.Duration // of the latest event
	err  error         // why nothing can be applied any more

	jobs  map[plan.JobID]*job
	order []*job // by submission
	keys  map[requestKey]plan.JobID
	steps map[plan.JobID][]*job // the jobs of drivers, by submission
	// finished are the jobs that are over, in the order of their ends, and may be
	// forgotten. Those of a driver that lives are not among them: when it begins
	// again it asks for them.
	finished      []*job
	finishedBytes int64

	nodes    map[plan.ExecutorID]*node
	nodeList []*node // in the order in which they were first seen

	added chan struct{} // holds a token when jobs were added since it was taken
}

// requestKey is an idempotency key of one owner.
type requestKey struct{ owner, key string }

// job is what is kept of a job beside what the scheduler knows.
type job struct {
	id            plan.JobID
	name          string
	submission    record.Submission
	priority      int
	maxRunning    int
	drives        bool // it is a driver
	submittedUnix int64
	submitted     time.Duration
	// attempts are the latest that were launched, oldest first.
	attempts []attemptRef

	ended    time.Duration
	done     *schedule.JobDone   // how it ended well
	failed   *schedule.JobFailed // how it ended badly
	bytes    int64               // about what is kept of it, once it is over
	returned int64               // of bytes, its rows
	awaited  chan struct{}       // closed at its end
}

func (j *job) over() bool { return j.done != nil || j.failed != nil }

// attemptRef says where an attempt ran. One job may have a million.
type attemptRef struct {
	Stage, Index, Number, Node int32
}

// maxAttemptRefs bounds the attempts of a job whose logs can be found.
const maxAttemptRefs = 1 << 20

// node is what is known of an executor, whether it has a session or not.
type node struct {
	id      plan.ExecutorID
	index   int
	session plan.SessionID // the latest
	details record.Details
	drain   *record.Drain // how the session is drained
	lost    bool          // the session has ended
}

func newMachine(cfg schedule.Config) *machine {
	return &machine{
		cfg: cfg, core: schedule.New(cfg), jobs: map[plan.JobID]*job{}, keys: map[requestKey]plan.JobID{}, steps: map[plan.JobID][]*job{},
		nodes: map[plan.ExecutorID]*node{}, added: make(chan struct{}, 1),
	}
}

// Apply implements journal.Machine. It returns the scheduler's actions, or the
// error for which the coordinator must end: a record that cannot be understood
// would make another state than the one that was.
func (m *machine) Apply(_ uint64, data []byte) any {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	r, err := record.Decode(data)
	if err != nil {
		m.err = fault.New(fault.Corrupt, "apply the journal: %w", err)
		return m.err
	}
	return m.apply(r)
}

func (m *machine) apply(r record.Record) []schedule.Action {
	m.at = max(m.at, schedule.When(r.Event))
	switch ev := r.Event.(type) {
	case schedule.JobSubmitted:
		m.submitted(ev, r)
	case schedule.JobForgotten:
		m.forget(ev.Job)
	case schedule.ExecutorJoined:
		m.joined(ev, r.Details)
	case schedule.ExecutorDraining:
		m.draining(ev, r.Drain)
	case schedule.ExecutorLost:
		if n := m.nodes[ev.Executor]; n != nil && n.session == ev.Session {
			n.lost = true
		}
	}
	actions := m.core.Step(r.Event)
	for _, a := range actions {
		m.follow(a)
	}
	return actions
}

func (m *machine) submitted(ev schedule.JobSubmitted, r record.Record) {
	if m.jobs[ev.Job] != nil {
		return
	}
	j := &job{
		id: ev.Job, name: ev.Plan.Name, priority: ev.Priority, maxRunning: ev.MaxRunning,
		drives: schedule.Drives(&ev.Plan), submittedUnix: r.UnixNanos, submitted: m.at, awaited: make(chan struct{}),
	}
	if r.Submission != nil {
		j.submission = *r.Submission
		if name := j.submission.Spec.Name; name != "" {
			j.name = name
		}
		if driver := m.jobs[j.submission.Driver]; driver != nil {
			j.name = fmt.Sprintf("%s/%s-%d", driver.name, j.name, j.submission.Step)
		}
	}
	m.add(j)
}

func (m *machine) add(j *job) {
	m.jobs[j.id] = j
	m.order = append(m.order, j)
	if driver := j.submission.Driver; driver != (plan.JobID{}) {
		m.steps[driver] = append(m.steps[driver], j)
	}
	if s := j.submission; s.IdempotencyKey != "" {
		m.keys[requestKey{s.Owner, s.IdempotencyKey}] = j.id
	}
	m.tellAdded()
}

func (m *machine) tellAdded() {
	select {
	case m.added <- struct{}{}:
	default:
	}
}

// follow keeps what an action says.
func (m *machine) follow(a schedule.Action) {
	switch a := a.(type) {
	case schedule.Launch:
		id := a.Assignment.Attempt
		j, n := m.jobs[id.Job], m.nodes[a.Executor]
		if j == nil || n == nil {
			return
		}
		if len(j.attempts) >= maxAttemptRefs {
			j.attempts = slices.Clone(j.attempts[maxAttemptRefs/2:])
		}
		j.attempts = append(j.attempts, attemptRef{
			Stage: int32(id.Task.Stage), Index: int32(id.Task.Index), Number: int32(id.Number), Node: int32(n.index),
		})
	case schedule.JobDone:
		m.end(a.Job, func(j *job) { j.done = &a })
	case schedule.JobFailed:
		m.end(a.Job, func(j *job) { j.failed = &a })
	}
}

func (m *machine) end(id plan.JobID, how func(*job)) {
	j := m.jobs[id]
	if j == nil || j.over() {
		return
	}
	how(j)
	j.ended = m.at
	j.measure()
	_ = failpoint.Hit(failpoint.JobEnded) // nothing here can fail
	close(j.awaited)
	m.retireSteps(id)
	if driver := m.jobs[j.submission.Driver]; driver == nil || driver.over() {
		m.retire(j)
	}
}

// retire lets a job that is over be forgotten when there are too many.
func (m *machine) retire(j *job) {
	m.finished = append(m.finished, j)
	m.finishedBytes += j.bytes
}

// retireSteps lets the jobs of a driver that is over be forgotten, before any that
// somebody submitted.
func (m *machine) retireSteps(driver plan.JobID) {
	var over []*job
	for _, step := range m.steps[driver] {
		if step.over() {
			over = append(over, step)
			m.finishedBytes += step.bytes
		}
	}
	m.finished = append(over, m.finished...)
}

// returnedBytes is what the jobs of a driver returned.
func (m *machine) returnedBytes(driver plan.JobID) (sum int64) {
	for _, j := range m.steps[driver] {
		sum += j.returned
	}
	return sum
}

// measure finds out about what a job that is over takes.
func (j *job) measure() {
	j.returned = 0
	if j.done != nil {
		for _, r := range j.done.Rows {
			for _, b := range r.Blocks {
				j.returned += int64(len(b))
			}
		}
	}
	j.bytes = j.size()
}

func (j *job) size() int64 {
	const fixed = 4 << 10
	n := int64(fixed + len(j.submission.Spec.Args) + 16*len(j.attempts))
	for _, line := range j.submission.Spec.Graph {
		n += int64(len(line))
	}
	n += j.returned
	if j.failed != nil {
		n += int64(len(j.failed.Failure.Message) + len(j.failed.Failure.Detail))
	}
	return n
}

// forget drops a job that is over.
func (m *machine) forget(id plan.JobID) {
	j := m.jobs[id]
	if j == nil || !j.over() {
		return
	}
	delete(m.jobs, id)
	key := requestKey{j.submission.Owner, j.submission.IdempotencyKey}
	if m.keys[key] == id {
		delete(m.keys, key)
	}
	same := func(o *job) bool { return o == j }
	m.order = slices.DeleteFunc(m.order, same)
	if driver := j.submission.Driver; driver != (plan.JobID{}) {
		if m.steps[driver] = slices.DeleteFunc(m.steps[driver], same); len(m.steps[driver]) == 0 {
			delete(m.steps, driver)
		}
	}
	m.finished = slices.DeleteFunc(m.finished, same)
	m.finishedBytes -= j.bytes
}

func (m *machine) joined(ev schedule.ExecutorJoined, details *record.Details) {
	n := m.nodes[ev.Executor]
	if n == nil {
		n = &node{id: ev.Executor}
		m.addNode(n)
	}
	if n.session == ev.Session {
		return
	}
	n.session, n.drain, n.lost = ev.Session, nil, false
	if details != nil {
		n.details = *details
	}
}

func (m *machine) draining(ev schedule.ExecutorDraining, how *record.Drain) {
	n := m.nodes[ev.Executor]
	if n == nil || n.session != ev.Session || n.drain != nil {
		return
	}
	n.drain = &record.Drain{}
	if how != nil {
		*n.drain = *how
	}
}

func (m *machine) addNode(n *node) {
	n.index = len(m.nodeList)
	m.nodes[n.id] = n
	m.nodeList = append(m.nodeList, n)
}

// programs names the programs that jobs which are not over need.
func (m *machine) programs() map[string]bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	needed := map[string]bool{}
	for _, j := range m.order {
		if !j.over() {
			needed[j.submission.Spec.ArtifactSHA256] = true
		}
	}
	return needed
}
