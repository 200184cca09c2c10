package coordinator

import (
	"context"
	"net/http"
	"time"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

const (
	defaultInterval = 250 * time.Millisecond
	leastInterval   = 50 * time.Millisecond
	mostInterval    = time.Minute
	// writeTimeout is how long a client may take to read a message.
	writeTimeout = 30 * time.Second
	// rowBytes is about how much goes into one message of rows; a block is not cut.
	rowBytes = 1 << 20
	// rowBlocks bounds the blocks of one.
	rowBlocks = 1 << 15
)

// watcher takes one of the places for calls that follow something.
func (c *Coordinator) watcher() (leave func(), err error) {
	select {
	case c.watchers <- struct{}{}:
		return func() { <-c.watchers }, nil
	default:
		return nil, fault.New(fault.Resource, "%d calls follow jobs and logs already, which is the limit", cap(c.watchers))
	}
}

// patiently sends a message to a client, which may take its time, but not for ever.
func patiently[T any](ctx context.Context, out *connect.ServerStream[T], message *T) error {
	control, _ := ctx.Value(controlKey{}).(*http.ResponseController)
	if control == nil {
		return out.Send(message)
	}
	if err := control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if err := out.Send(message); err != nil {
		return err
	}
	return control.SetWriteDeadline(time.Time{})
}

// watched is what a watcher learns of a job at a time.
type watched struct {
	id      plan.JobID
	snap    *pb.JobSnapshot
	over    bool
	rows    []plan.CollectedRows
	awaited <-chan struct{}
}

// WatchJob implements sheafv1connect.ClusterServiceHandler. The watcher asks for
// each snapshot when it has sent the one before: a slow one misses some.
func (s clusterService) WatchJob(ctx context.Context, req *connect.Request[pb.WatchJobRequest], out *connect.ServerStream[pb.WatchJobResponse]) error {
	leave, err := s.c.watcher()
	if err != nil {
		return s.c.answer(err)
	}
	defer leave()
	interval := defaultInterval
	if ms := req.Msg.GetIntervalMillis(); ms != 0 {
		interval = min(max(time.Duration(ms)*time.Millisecond, leastInterval), mostInterval)
	}
	digits := req.Msg.GetJobId()
	for {
		w, err := s.look(ctx, digits, req.Msg.GetRows())
		if err != nil {
			return s.c.answer(err)
		}
		if w.over {
			return s.c.answer(sendEnd(ctx, out, w))
		}
		digits = w.id.String() // others may come to begin with the same digits
		if err := patiently(ctx, out, &pb.WatchJobResponse{Message: &pb.WatchJobResponse_Snapshot{Snapshot: w.snap}}); err != nil {
			return err
		}
		select {
		case <-time.After(interval):
		case <-w.awaited:
		case <-ctx.Done():
			return s.c.answer(ctx.Err())
		}
	}
}

func (s clusterService) look(ctx context.Context, digits string, rows bool) (watched, error) {
	return inLoop(ctx, s.c, func(l *loop) (watched, error) {
		j, err := l.machine.find(digits)
		if err != nil {
			return watched{}, err
		}
		w := watched{id: j.id, snap: l.snapshot(j), over: j.over(), awaited: j.awaited}
		if rows && j.done != nil {
			w.rows = j.done.Rows
		}
		return w, nil
	})
}

// sendEnd sends the rows and the end of a job that is over.
func sendEnd(ctx context.Context, out *connect.ServerStream[pb.WatchJobResponse], w watched) error {
	messages := cutRows(w.rows)
	for _, m := range messages {
		if err := patiently(ctx, out, &pb.WatchJobResponse{Message: &pb.WatchJobResponse_Rows{Rows: m}}); err != nil {
			return err
		}
	}
	end := &pb.JobEnd{Job: w.snap, ExitCode: exitCodes[w.snap.GetState()], RowMessages: int32(len(messages))}
	return patiently(ctx, out, &pb.WatchJobResponse{Message: &pb.WatchJobResponse_End{End: end}})
}

var exitCodes = map[pb.JobState]int32{
	pb.JobState_JOB_STATE_DONE: 0, pb.JobState_JOB_STATE_FAILED: 1, pb.JobState_JOB_STATE_CANCELED: 4,
}

// cutRows cuts collected rows into messages of about rowBytes, in order. Each task
// collected some; many of them go into one message.
func cutRows(rows []plan.CollectedRows) []*pb.CollectedRows {
	var out []*pb.CollectedRows
	var m *pb.CollectedRows
	size := 0
	for _, r := range rows {
		for _, b := range r.Blocks {
			if m == nil || m.GetSink() != int32(r.Sink) || size+len(b) > rowBytes || len(m.GetBlocks()) >= rowBlocks {
				m = &pb.CollectedRows{Sink: int32(r.Sink)}
				out = append(out, m)
				size = 0
			}
			m.Blocks = append(m.Blocks, b)
			size += len(b)
		}
	}
	return out
}
