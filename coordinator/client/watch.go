package client

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/api/sheaf/v1/sheafv1connect"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// Watcher gets what is said of a job.
type Watcher struct {
	// Interval is the least time between two snapshots.
	Interval time.Duration
	// Snapshot gets the states of the job.
	Snapshot func(*pb.JobSnapshot)
	// Rows, when set, gets what the job collected, once, before Watch returns its
	// end.
	Rows func([]plan.CollectedRows)
	// Lost gets the reason when a connection broke that is tried again; it may be
	// nil.
	Lost func(reason string)
}

// Watch follows a job to its end, over broken connections and coordinators that
// start again.
func (c *Client) Watch(ctx context.Context, job string, w Watcher) (*pb.JobEnd, error) {
	again, lost := c.newRetry(), false
	for {
		address, stub := c.stub()
		end, err := watchOnce(ctx, stub, job, w, func() { again.reset(); lost = false })
		if err == nil {
			return end, nil
		}
		if _, follower := Leader(err); !lost && !follower && unreachable(err) && ctx.Err() == nil && w.Lost != nil {
			lost = true
			w.Lost(reason(address, err))
		}
		if !again.after(ctx, address, err) {
			return nil, c.explain(ctx, address, err)
		}
	}
}

// maxSilence is after how long without a snapshot a coordinator is given up that was
// to send one every interval: its machine may be gone without a word.
const maxSilence = 10 * time.Second

// errSilent ends a stream on which nothing comes.
var errSilent = connect.NewError(connect.CodeUnavailable, errors.New("nothing was heard of it for too long"))

// watchOnce follows a job over one connection.
func watchOnce(ctx context.Context, stub sheafv1connect.ClusterServiceClient, job string, w Watcher, arrived func()) (*pb.JobEnd, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(maxSilence+w.Interval, func() { cancel(errSilent) })
	defer silence.Stop()
	end, err := watchStream(ctx, stub, job, w, func() {
		silence.Reset(maxSilence + w.Interval)
		arrived()
	})
	if err != nil && context.Cause(ctx) == error(errSilent) {
		return nil, errSilent
	}
	return end, err
}

func watchStream(ctx context.Context, stub sheafv1connect.ClusterServiceClient, job string, w Watcher, arrived func()) (*pb.JobEnd, error) {
	stream, err := stub.WatchJob(ctx, connect.NewRequest(&pb.WatchJobRequest{
		JobId: job, IntervalMillis: int32(w.Interval.Milliseconds()), Rows: w.Rows != nil,
	}))
	if err != nil {
		return nil, err
	}
	defer stream.Close() // its error says nothing that Err does not
	var rows []plan.CollectedRows
	for stream.Receive() {
		arrived()
		if m := stream.Msg().GetRows(); m != nil {
			r, err := wire.DecodeRows(m)
			if err != nil {
				return nil, err
			}
			rows = append(rows, r)
		}
		if s := stream.Msg().GetSnapshot(); s != nil {
			w.Snapshot(s)
		}
		if end := stream.Msg().GetEnd(); end != nil {
			if w.Rows != nil {
				if int(end.GetRowMessages()) != len(rows) {
					return nil, errEarly
				}
				w.Rows(rows)
			}
			return end, nil
		}
	}
	if err := stream.Err(); err != nil {
		return nil, err
	}
	return nil, errEarly
}
