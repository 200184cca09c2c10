package coordinator

import (
	"context"
	"slices"
	"strings"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/coordinator/record"
	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

const (
	maxPage     = 500
	defaultPage = 100
	// leastDigits of a job's id name it, where they are unique.
	leastDigits = 4
)

// find returns the job of an id or of its first digits.
func (m *machine) find(digits string) (*job, error) {
	if len(digits) < leastDigits || len(digits) > 2*len(plan.JobID{}) || strings.Trim(digits, "0123456789abcdef") != "" {
		return nil, fault.New(fault.Invalid, "job_id: %q is not %d to %d hexadecimal digits", digits[:min(len(digits), 64)], leastDigits, 2*len(plan.JobID{}))
	}
	var id plan.JobID
	if id.UnmarshalText([]byte(digits)) == nil { // all digits: what watchers ask for
		if j := m.jobs[id]; j != nil {
			return j, nil
		}
	}
	var found *job
	for _, j := range m.order {
		if !strings.HasPrefix(j.id.String(), digits) {
			continue
		}
		if found != nil {
			return nil, fault.New(fault.Invalid, "job_id: several jobs begin with %s: give more digits", digits)
		}
		found = j
	}
	if found == nil {
		return nil, notFound("job %s is not known: it never was, or it ended long ago", digits)
	}
	return found, nil
}

// GetJob implements sheafv1connect.ClusterServiceHandler.
func (s clusterService) GetJob(ctx context.Context, req *connect.Request[pb.GetJobRequest]) (*connect.Response[pb.GetJobResponse], error) {
	snap, err := inLoop(ctx, s.c, func(l *loop) (*pb.JobSnapshot, error) {
		j, err := l.machine.find(req.Msg.GetJobId())
		if err != nil {
			return nil, err
		}
		return l.snapshot(j), nil
	})
	if err != nil {
		return nil, s.c.answer(err)
	}
	return connect.NewResponse(&pb.GetJobResponse{Job: snap}), nil
}

// ListJobs implements sheafv1connect.ClusterServiceHandler.
func (s clusterService) ListJobs(ctx context.Context, req *connect.Request[pb.ListJobsRequest]) (*connect.Response[pb.ListJobsResponse], error) {
	page, err := inLoop(ctx, s.c, func(l *loop) (*pb.ListJobsResponse, error) { return l.list(req.Msg) })
	if err != nil {
		return nil, s.c.answer(err)
	}
	return connect.NewResponse(page), nil
}

// list returns a page of jobs, the newest first.
func (l *loop) list(m *pb.ListJobsRequest) (*pb.ListJobsResponse, error) {
	limit := int(m.GetLimit())
	switch {
	case limit < 0:
		return nil, fault.New(fault.Invalid, "limit: is %d, want 0 or more", limit)
	case limit == 0:
		limit = defaultPage
	}
	limit = min(limit, maxPage)
	end := len(l.machine.order)
	if after := m.GetAfterJobId(); after != "" {
		j, err := l.machine.find(after)
		if err != nil {
			return nil, err
		}
		end = slices.Index(l.machine.order, j)
	}
	page := &pb.ListJobsResponse{}
	for _, j := range slices.Backward(l.machine.order[:end]) {
		state := l.state(j)
		if len(m.GetStates()) > 0 && !slices.Contains(m.GetStates(), state) {
			continue
		}
		if len(page.Jobs) == limit {
			page.More = true
			break
		}
		snap := l.snapshot(j)
		snap.Stages = nil
		page.Jobs = append(page.Jobs, snap)
	}
	return page, nil
}

// CancelJob implements sheafv1connect.ClusterServiceHandler.
func (s clusterService) CancelJob(ctx context.Context, req *connect.Request[pb.CancelJobRequest]) (*connect.Response[pb.CancelJobResponse], error) {
	l, err := s.c.leader()
	if err != nil {
		return nil, s.c.answer(err)
	}
	got, err := ask(ctx, l, func(l *loop, answer func(*pb.CancelJobResponse, error)) { l.cancel(req.Msg, answer) })
	if err != nil {
		return nil, s.c.answer(err)
	}
	return connect.NewResponse(got), nil
}

// cancel asks for the end of a job; the order of the journal decides whether it
// comes too late.
func (l *loop) cancel(m *pb.CancelJobRequest, answer func(*pb.CancelJobResponse, error)) {
	if len(m.GetReason()) > maxReason {
		answer(nil, fault.New(fault.Invalid, "reason: %d bytes, at most %d", len(m.GetReason()), maxReason))
		return
	}
	j, err := l.machine.find(m.GetJobId())
	if err != nil {
		answer(nil, err)
		return
	}
	said := func() *pb.CancelJobResponse {
		state := l.state(j)
		return &pb.CancelJobResponse{Canceled: l.machine.core.Canceling(j.id) || state == pb.JobState_JOB_STATE_CANCELED, State: state}
	}
	if j.over() {
		answer(said(), nil)
		return
	}
	ev := schedule.CancelRequested{At: l.now(), Job: j.id, Reason: m.GetReason()}
	l.propose(record.Record{Event: ev}, func(err error) {
		if err != nil {
			answer(nil, err)
			return
		}
		answer(said(), nil)
	})
}

// state says how far a job is.
func (l *loop) state(j *job) pb.JobState {
	switch {
	case j.done != nil:
		return pb.JobState_JOB_STATE_DONE
	case j.failed != nil && j.failed.Canceled:
		return pb.JobState_JOB_STATE_CANCELED
	case j.failed != nil:
		return pb.JobState_JOB_STATE_FAILED
	}
	p, _ := l.machine.core.Progress(j.id)
	known := func(s schedule.StageProgress) bool { return s.Known }
	switch {
	case p.State == schedule.Publishing:
		return pb.JobState_JOB_STATE_COMMITTING
	case len(j.attempts) == 0:
		return pb.JobState_JOB_STATE_QUEUED
	case !slices.ContainsFunc(p.Stages, known):
		return pb.JobState_JOB_STATE_PLANNING
	}
	return pb.JobState_JOB_STATE_RUNNING
}

// snapshot says all about a job but its rows.
func (l *loop) snapshot(j *job) *pb.JobSnapshot {
	until := l.now()
	if j.over() {
		until = j.ended
	}
	snap := &pb.JobSnapshot{
		JobId: j.id.String(), Name: j.name, State: l.state(j), Waiting: l.machine.core.Waiting(j.id),
		ElapsedNanos: int64(max(until-j.submitted, 0)), Owner: j.submission.Owner,
		Priority: int32(j.priority), MaxRunning: int32(j.maxRunning), SubmittedUnixNanos: j.submittedUnix, Drives: j.drives,
	}
	p, _ := l.machine.core.Progress(j.id)
	var figures plan.Figures
	for _, s := range p.Stages {
		figures.Add(s.Figures)
		snap.Stages = append(snap.Stages, &pb.StageProgress{
			Id: int32(s.ID), Name: s.Name, Known: s.Known, Tasks: int32(s.Tasks), Running: int32(s.Running), Done: int32(s.Done),
			Failed: int32(s.Failed), BytesTotal: s.Bytes, Bytes: s.Figures.BytesIn, Rows: s.Figures.RowsIn,
			Started: s.Done+s.Running+s.Failed > 0, Ended: s.Known && s.Done == s.Tasks, Figures: wire.EncodeFigures(&s.Figures),
		})
	}
	for id, at := range l.progress[j.id] {
		if i := int(id.Task.Stage); i >= 0 && i < len(snap.Stages) {
			snap.Stages[i].Bytes += at.Bytes
			snap.Stages[i].Rows += at.Rows
		}
	}
	counters, hot := l.addSteps(snap, j, &figures)
	if !j.drives {
		counters, hot = p.Counters, p.HotKeys
	}
	snap.HotKeys = wire.EncodeHotKeys(hot)
	figures.Counters = nil // a snapshot names them
	snap.Figures, snap.Counters = wire.EncodeFigures(&figures), wire.EncodeCounters(counters)
	snap.Joins = wire.EncodeJoins(p.Joins)
	if f := j.failed; f != nil {
		snap.Failure = &pb.JobFailure{Fault: wire.EncodeReport(&f.Failure), Attempts: int32(f.Attempts)}
		if f.Attempts > 0 {
			snap.Failure.Task = wire.EncodeTaskID(f.Task)
		}
	}
	return snap
}
