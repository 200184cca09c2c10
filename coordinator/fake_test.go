package coordinator

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// fake is an executor that speaks the real protocol and runs nothing.
type fake struct {
	t       testing.TB
	name    plan.ExecutorID
	session uint64
	slots   int
	splits  int // files that its Enumerate finds
	data    string
	cluster string
	version wire.Versions

	// gate, when set, is asked before an attempt ends: it may wait, or say how
	// the attempt fails.
	gate func(ctx context.Context, a plan.Assignment) *fault.Report

	wiring  wiring
	client  *http.Client
	wake    chan struct{}
	changed *sync.Cond

	mu        sync.Mutex // guards the fields below
	address   string
	term      uint64
	commands  uint64 // the highest that arrived
	reports   []*pb.ConnectRequest
	acked     uint64
	next      uint64 // number of the next report
	running   map[plan.AttemptID]context.CancelFunc
	held      map[plan.OutputID]bool
	launched  map[plan.AttemptID]int
	specs     map[plan.JobID]bool
	peers     map[string]string
	fenced    string
	drained   bool
	diskLow   bool // it says that it is low on disk space
	drivers   map[plan.JobID]bool
	asks      []*pb.RunJob // to be sent
	pieces    map[int32]int32
	ended     map[int32]*pb.JobEnded // by step
	released  []plan.AttemptID
	over      []plan.JobID
	beats     uint64
	beatAcks  uint64
	connects  int
	refusal   error
	mute      bool // sends no heartbeats
	tasks     sync.WaitGroup
	ctx       context.Context
	kill      context.CancelFunc
	heartbeat time.Duration
}

var sessions struct {
	sync.Mutex
	last uint64
}

func newFake(t testing.TB, c *Coordinator, name string, slots, splits int) *fake {
	t.Helper()
	sessions.Lock()
	sessions.last++
	session := sessions.last
	sessions.Unlock()
	f := &fake{
		t: t, name: plan.ExecutorID(name), session: session, slots: slots, splits: splits, address: c.Address(), cluster: c.ClusterID(),
		data: "127.0.0.1:1", version: wire.ExecutorProtocol, wake: make(chan struct{}, 1),
		running: map[plan.AttemptID]context.CancelFunc{}, held: map[plan.OutputID]bool{}, launched: map[plan.AttemptID]int{},
		specs: map[plan.JobID]bool{}, peers: map[string]string{}, drivers: map[plan.JobID]bool{}, pieces: map[int32]int32{}, ended: map[int32]*pb.JobEnded{}, next: 1, heartbeat: 50 * time.Millisecond,
	}
	f.client = f.wiring.client(t)
	f.changed = sync.NewCond(&f.mu)
	f.ctx, f.kill = context.WithCancel(context.Background())
	t.Cleanup(f.stop)
	return f
}

// run connects, and connects again when a stream ends.
func (f *fake) run() *fake {
	f.tasks.Go(func() {
		for f.ctx.Err() == nil {
			f.connect(f.ctx)
			select {
			case <-f.ctx.Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	return f
}

// stop ends the executor as a power cut does.
func (f *fake) stop() {
	f.kill()
	f.wiring.cut()
	f.tasks.Wait()
}

// locked runs do under the executor's lock.
func (f *fake) locked(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
	f.changed.Broadcast()
}

// until waits for a condition.
func (f *fake) until(what string, ok func() bool) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { f.locked(func() {}) })
	defer stop()
	f.mu.Lock()
	defer f.mu.Unlock()
	for !ok() {
		if ctx.Err() != nil {
			f.t.Errorf("executor %s waited in vain for: %s", f.name, what)
			return
		}
		f.changed.Wait()
	}
}

func (f *fake) launch(m *pb.Launch) {
	a, err := wire.DecodeAssignment(m.GetAssignment())
	if err != nil {
		f.t.Error(err)
		return
	}
	if !f.specs[a.Attempt.Job] {
		f.t.Errorf("executor %s got attempt %v before its job", f.name, a.Attempt)
	}
	f.launched[a.Attempt]++
	if f.launched[a.Attempt] > 1 {
		return
	}
	ctx, cancel := context.WithCancel(f.ctx)
	f.running[a.Attempt] = cancel
	if f.gate == nil { // fast, for benchmarks
		f.finish(a, nil)
		return
	}
	f.tasks.Go(func() {
		failure := f.gate(ctx, a)
		if f.ctx.Err() != nil {
			return // gone with the machine
		}
		if failure == nil && ctx.Err() != nil {
			failure = &fault.Report{Kind: fault.Canceled, Message: "canceled"}
		}
		f.locked(func() { f.finish(a, failure) })
		f.poke()
	})
}

// finish reports the end of an attempt; the lock is held.
func (f *fake) finish(a plan.Assignment, failure *fault.Report) {
	cancel := f.running[a.Attempt]
	if cancel == nil {
		return
	}
	cancel()
	delete(f.running, a.Attempt)
	m := &pb.ConnectRequest{Session: f.session}
	if failure != nil {
		m.Message = &pb.ConnectRequest_AttemptFailed{AttemptFailed: &pb.AttemptFailed{
			Attempt: wire.EncodeAttemptID(a.Attempt), Failure: wire.EncodeReport(failure),
		}}
	} else {
		r := f.result(a)
		m.Message = &pb.ConnectRequest_AttemptFinished{AttemptFinished: &pb.AttemptFinished{
			Attempt: wire.EncodeAttemptID(a.Attempt), Result: wire.EncodeResult(&r),
		}}
	}
	f.report(m)
}

// report numbers a report and keeps it until it is acknowledged.
func (f *fake) report(m *pb.ConnectRequest) {
	m.Session, m.Sequence = f.session, f.next
	f.next++
	f.reports = append(f.reports, m)
}

func (f *fake) result(a plan.Assignment) plan.Result {
	id := a.Attempt
	r := plan.Result{Figures: plan.Figures{RowsIn: 10, BytesIn: 100}}
	switch {
	case a.Work == plan.Enumerate:
		for i := range f.splits {
			r.Splits = append(r.Splits, plan.Split{Path: fmt.Sprint("part-", i), Length: 64 << 20, Size: 64 << 20})
		}
	case f.drivers[id.Job]:
	case a.Work == plan.Run && id.Task.Stage == 0:
		o := plan.OutputID{Attempt: id}
		f.held[o] = true
		r.Outputs = []plan.MapOutput{{ID: o, Digest: digestOf(o), Bytes: 4, Rows: 4, BucketBytes: []int64{1, 1, 1, 1}, RowDigest: strings.Repeat("5", 32)}}
	case a.Work == plan.Run:
		r.Rows = []plan.CollectedRows{{Sink: 0, Blocks: [][]byte{[]byte(fmt.Sprintf("task %v of %d outputs", id.Task, len(a.Partition.Outputs)))}}}
	}
	return r
}

// open door: attempts end at once, in goroutines of their own.
func atOnce(context.Context, plan.Assignment) *fault.Report { return nil }

// barrier lets attempts of one work and stage wait until it is opened.
type barrier struct {
	stage plan.StageID
	gate  chan struct{}
}

func newBarrier(stage plan.StageID) *barrier { return &barrier{stage, make(chan struct{})} }

func (b *barrier) wait(ctx context.Context, a plan.Assignment) *fault.Report {
	if a.Attempt.Task.Stage == b.stage {
		select {
		case <-b.gate:
		case <-ctx.Done():
		}
	}
	return nil
}

// count returns how many attempts of a stage the executors got.
func count(stage plan.StageID, fakes ...*fake) int {
	n := 0
	for _, f := range fakes {
		f.mu.Lock()
		for id, times := range f.launched {
			if id.Task.Stage == stage {
				n += times
			}
		}
		f.mu.Unlock()
	}
	return n
}
