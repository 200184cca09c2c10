package minicluster

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/coordinator/client"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/internal/erased"
)

// Running is a job that was submitted. Its methods may be called from any
// goroutine while the test runs.
type Running struct {
	cluster *Cluster
	id      string
	graph   *erased.Compiled
	over    chan struct{} // closed when what follows the job has ended

	mu   sync.Mutex // guards what follows
	last *pb.JobSnapshot
	news chan struct{} // closed when there is another snapshot
	end  *pb.JobEnd
	rows []plan.CollectedRows
	once sync.Once // hands out rows
	err  error     // why there is no end, or that of the functions which took rows
}

const (
	// snapshotInterval is the shortest that a coordinator grants.
	snapshotInterval = 50 * time.Millisecond
	// cancelLimit bounds what is still asked for when a test is over.
	cancelLimit = 10 * time.Second
)

// follow follows a job from now on until its end, or that of the test.
func follow(t testing.TB, c *Cluster, id string, g *erased.Compiled) *Running {
	r := &Running{cluster: c, id: id, graph: g, over: make(chan struct{}), news: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(r.over)
		err := c.within(ctx, r.watch)
		if err == nil {
			c.showPrinted(ctx, id, t.Output())
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.err = err
	}()
	t.Cleanup(func() {
		cancel()
		<-r.over
		r.abandon()
	})
	return r
}

func (r *Running) watch(ctx context.Context) error {
	var rows []plan.CollectedRows
	end, err := r.cluster.api.Watch(ctx, r.id, client.Watcher{
		Interval: snapshotInterval, Snapshot: r.show, Rows: func(all []plan.CollectedRows) { rows = all },
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end, r.rows = end, rows
	return err
}

// show keeps the state of the job and wakes those who wait for it.
func (r *Running) show(s *pb.JobSnapshot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = s
	close(r.news)
	r.news = make(chan struct{})
}

// abandon cancels a job whose end nobody knows.
func (r *Running) abandon() {
	r.mu.Lock()
	known := r.end != nil
	r.mu.Unlock()
	if known {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), cancelLimit)
	defer cancel()
	// The cluster, which may have ended, is the test's own: it ends the job at last.
	if _, err := r.cluster.api.CancelJob(ctx, r.id, "the test is over"); err != nil {
		r.cluster.log.Warn("a job was not canceled", "job", r.id, "err", err)
	}
}

// ID returns the job's id.
func (r *Running) ID() string { return r.id }

// Ended reports whether Wait returns at once.
func (r *Running) Ended() bool {
	select {
	case <-r.over:
		return true
	default:
		return false
	}
}

// AwaitTasks waits until n tasks of the job are done, of all stages together, and
// reports whether they are: a job may end before. It sees their number up to a
// twentieth of a second late; with 0 it waits for any word about the job.
func (r *Running) AwaitTasks(n int) bool {
	for over := false; ; {
		r.mu.Lock()
		last, news := r.last, r.news
		if r.end != nil {
			last = r.end.GetJob()
		}
		r.mu.Unlock()
		if last != nil && doneTasks(last) >= n {
			return true
		}
		if over {
			return false
		}
		select {
		case <-news:
		case <-r.over:
			over = true // and one more look
		}
	}
}

func doneTasks(s *pb.JobSnapshot) (done int) {
	for _, stage := range s.GetStages() {
		done += int(stage.GetDone())
	}
	return done
}

// Wait waits for the end of the job, hands what it collected to the functions
// that were given to sdk.Collect, once, and returns what it did.
func (r *Running) Wait() (*sdk.Result, error) {
	<-r.over
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.end == nil {
		return nil, r.unfinished()
	}
	j := r.end.GetJob()
	if j.GetState() != pb.JobState_JOB_STATE_DONE {
		report, err := wire.DecodeReport(j.GetFailure().GetFault())
		if err != nil {
			return nil, fault.New(fault.Internal, "job %s did not succeed, and the coordinator does not say why: %w", r.id, err)
		}
		return nil, report.Err()
	}
	r.once.Do(func() { r.err = erased.Hand(r.graph.Compiled, r.rows) })
	if r.err != nil {
		return nil, r.err
	}
	return r.result(j)
}

// unfinished says why the end of the job is not known, and what it did at last.
func (r *Running) unfinished() error {
	state := "nothing is known of it"
	if r.last != nil {
		state = fmt.Sprintf("tasks done: %d", doneTasks(r.last))
		if why := r.last.GetWaiting(); why != "" {
			state += "; it waits: " + why
		}
	}
	return fmt.Errorf("wait for job %s: %w (%s)", r.id, r.err, state)
}

// result is what sdk.Run returns, as far as a cluster knows it.
func (r *Running) result(j *pb.JobSnapshot) (*sdk.Result, error) {
	var id plan.JobID
	if err := id.UnmarshalText([]byte(j.GetJobId())); err != nil {
		return nil, err
	}
	figures, err := wire.DecodeFigures(j.GetFigures())
	if err != nil {
		return nil, err
	}
	tasks := 0
	for _, s := range j.GetStages() {
		tasks += int(s.GetTasks())
	}
	res := r.graph.Result(id, figures, tasks, time.Duration(j.GetElapsedNanos())).(*sdk.Result)
	// The figures leave out what a driver's jobs counted; here all have names.
	res.Counters = nil
	for _, n := range j.GetCounters() {
		if res.Counters == nil {
			res.Counters = map[string]int64{}
		}
		res.Counters[n.GetName()] = n.GetValue()
	}
	for _, x := range j.GetJoins() {
		res.Joins = append(res.Joins, sdk.JoinForm{Name: x.GetName(), Broadcast: x.GetBroadcast(), Pinned: x.GetPinned(), Rows: x.GetRows(), Bytes: x.GetBytes()})
	}
	if res.HotKeys, err = wire.DecodeHotKeys(j.GetHotKeys()); err != nil {
		return nil, err
	}
	if j.GetDrives() { // its stages are jobs, and their tasks the runs of those
		res.Jobs, res.Tasks, res.Destinations = tasks, 0, nil
	}
	return res, nil
}
