package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/api/sheaf/v1/sheafv1connect"
)

// method is one of the service's.
type method[Req, Res any] func(sheafv1connect.ClusterServiceClient, context.Context, *connect.Request[Req]) (*connect.Response[Res], error)

// call makes one call, again where its answer is lost: the service promises that
// every call may be.
func call[Req, Res any](ctx context.Context, c *Client, do method[Req, Res], request *Req) (*Res, error) {
	again := c.newRetry()
	for {
		address, stub := c.stub()
		response, err := once(ctx, stub, do, request)
		if err == nil {
			return response, nil
		}
		if !again.after(ctx, address, err) {
			return nil, c.explain(ctx, address, err)
		}
	}
}

func once[Req, Res any](ctx context.Context, stub sheafv1connect.ClusterServiceClient, do method[Req, Res], request *Req) (*Res, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	response, err := do(stub, ctx, connect.NewRequest(request))
	if err != nil {
		return nil, err
	}
	return response.Msg, nil
}

const (
	firstPause = 50 * time.Millisecond
	maxPause   = 3 * time.Second
)

// retry decides whether something is tried again, and waits until then.
type retry struct {
	c         *Client
	deadline  time.Time
	pause     time.Duration
	redirects int
}

func (c *Client) newRetry() *retry {
	return &retry{c: c, deadline: time.Now().Add(c.patience), pause: firstPause}
}

// reset forgets failures, because something arrived.
func (r *retry) reset() {
	r.deadline, r.pause, r.redirects = time.Now().Add(r.c.patience), firstPause, 0
}

// after waits after a failure and reports whether to try again.
func (r *retry) after(ctx context.Context, address string, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	if to, follower := Leader(err); follower && to != address && r.redirects < maxRedirects && r.c.lead(to) {
		r.redirects++
		return true
	}
	if !unreachable(err) || time.Now().Add(r.pause).After(r.deadline) {
		return false
	}
	r.c.rotate(address)
	// Half of the pause is left to chance, so that many clients do not come back
	// in one moment.
	timer := time.NewTimer(r.pause/2 + rand.N(r.pause/2))
	defer timer.Stop()
	r.pause = min(2*r.pause, maxPause)
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Submit starts a job.
func (c *Client) Submit(ctx context.Context, request *pb.SubmitRequest) (*pb.SubmitResponse, error) {
	return call(ctx, c, sheafv1connect.ClusterServiceClient.Submit, request)
}

// GetJob returns the state of a job.
func (c *Client) GetJob(ctx context.Context, job string) (*pb.JobSnapshot, error) {
	response, err := call(ctx, c, sheafv1connect.ClusterServiceClient.GetJob, &pb.GetJobRequest{JobId: job})
	if err != nil {
		return nil, err
	}
	if response.GetJob() == nil {
		return nil, refused(Failed, "coordinator at %s: its answer holds no job", c.Address())
	}
	return response.GetJob(), nil
}

// CancelJob asks for the end of a job.
func (c *Client) CancelJob(ctx context.Context, job, why string) (*pb.CancelJobResponse, error) {
	return call(ctx, c, sheafv1connect.ClusterServiceClient.CancelJob, &pb.CancelJobRequest{JobId: job, Reason: why})
}

// ListNodes returns the executors, by name.
func (c *Client) ListNodes(ctx context.Context) ([]*pb.Node, error) {
	response, err := call(ctx, c, sheafv1connect.ClusterServiceClient.ListNodes, &pb.ListNodesRequest{})
	return response.GetNodes(), err
}

// DrainNode ends the use of an executor.
func (c *Client) DrainNode(ctx context.Context, request *pb.DrainNodeRequest) (*pb.Node, error) {
	response, err := call(ctx, c, sheafv1connect.ClusterServiceClient.DrainNode, request)
	return response.GetNode(), err
}

// pageJobs is how many jobs are asked for at once.
const pageJobs = 200

// ListJobs hands jobs to use, the newest first, until there are no more, limit
// of them were used (0 for all), or use fails.
func (c *Client) ListJobs(ctx context.Context, states []pb.JobState, limit int, use func(*pb.JobSnapshot) error) error {
	request := &pb.ListJobsRequest{States: states}
	for used := 0; limit == 0 || used < limit; {
		request.Limit = pageJobs
		if limit > 0 {
			request.Limit = int32(min(limit-used, pageJobs))
		}
		response, err := call(ctx, c, sheafv1connect.ClusterServiceClient.ListJobs, request)
		if err != nil {
			return err
		}
		for _, job := range response.GetJobs() {
			if limit > 0 && used == limit {
				return nil
			}
			if err := use(job); err != nil {
				return err
			}
			used++
			request.AfterJobId = job.GetJobId()
		}
		if !response.GetMore() || len(response.GetJobs()) == 0 {
			return nil
		}
	}
	return nil
}

// errEarly ends a stream that ended before its end.
var errEarly = connect.NewError(connect.CodeUnavailable, errors.New("the connection ended early"))
