package coordinator

import (
	"context"
	"math"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/coordinator/record"
	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/secure"
	"github.com/sheafdata/sheaf/internal/wire"
)

const (
	maxKeyBytes  = 128
	maxNameBytes = 1 << 10
)

// request is a Submit that was checked.
type request struct {
	event      schedule.JobSubmitted
	submission record.Submission
}

// submitted says which job a Submit gave.
type submitted struct {
	id      plan.JobID
	existed bool
}

// Submit implements sheafv1connect.ClusterServiceHandler.
func (s clusterService) Submit(ctx context.Context, req *connect.Request[pb.SubmitRequest]) (*connect.Response[pb.SubmitResponse], error) {
	l, err := s.c.leader()
	if err != nil {
		return nil, s.c.answer(err)
	}
	r, release, err := s.c.readSubmit(req.Msg)
	if err != nil {
		return nil, s.c.answer(err)
	}
	defer release()
	if err := s.c.share(ctx, r.submission.Spec.ArtifactSHA256); err != nil {
		return nil, s.c.answer(err)
	}
	r.submission.Owner = secure.IdentityOf(ctx).Name
	// The program is held until the job is known, so a client that goes away does
	// not end the wait.
	got, err := ask(context.WithoutCancel(ctx), l, func(l *loop, answer func(submitted, error)) { l.submit(r, answer) })
	if err != nil {
		return nil, s.c.answer(err)
	}
	return connect.NewResponse(&pb.SubmitResponse{JobId: got.id.String(), Existed: got.existed}), nil
}

// readSubmit checks a Submit as far as that needs no state but the programs. The
// job's program stays there until release is called.
func (c *Coordinator) readSubmit(m *pb.SubmitRequest) (r request, release func(), err error) {
	switch {
	case len(m.GetIdempotencyKey()) > maxKeyBytes:
		return r, nil, fault.New(fault.Invalid, "idempotency_key: %d bytes, at most %d", len(m.GetIdempotencyKey()), maxKeyBytes)
	case len(m.GetName()) > maxNameBytes:
		return r, nil, fault.New(fault.Invalid, "name: %d bytes, at most %d", len(m.GetName()), maxNameBytes)
	case m.GetMaxRunning() < 0:
		return r, nil, fault.New(fault.Invalid, "max_running: is %d, want 0 or more", m.GetMaxRunning())
	case m.GetPriority() == math.MinInt32:
		return r, nil, fault.New(fault.Invalid, "priority: is %d, want more", m.GetPriority())
	}
	p, err := wire.DecodePlan(m.GetPlan())
	if err != nil {
		return r, nil, err
	}
	if err := schedule.CheckPlan(&p); err != nil {
		return r, nil, err
	}
	options, err := wire.DecodeOptions(m.GetOptions())
	if err != nil {
		return r, nil, err
	}
	bytes, release, there, err := c.programs.Hold(m.GetArtifactSha256())
	if err == nil && !there {
		err = notFound("artifact_sha256: the program %s is not there: upload it first", m.GetArtifactSha256())
	}
	if err != nil {
		return r, nil, err
	}
	id := plan.NewJobID()
	r.event = schedule.JobSubmitted{Job: id, Plan: p, Priority: int(m.GetPriority()), MaxRunning: int(m.GetMaxRunning())}
	r.submission = record.Submission{IdempotencyKey: m.GetIdempotencyKey(), Spec: plan.JobSpec{
		Job: id, Name: m.GetName(), ArtifactSHA256: m.GetArtifactSha256(), ArtifactBytes: bytes, Args: m.GetArgs(),
		Fingerprint: p.Fingerprint, Overwrite: m.GetOverwrite(), Options: options,
		WorkingDirectory: m.GetWorkingDirectory(), Graph: m.GetGraph(),
	}}
	return r, release, nil
}

// underway is a job whose event is in the batch, with those who wait for it.
type underway struct {
	request request
	waiters []func(submitted, error)
}

// submit starts a job, or finds the one that an earlier request started.
func (l *loop) submit(r request, answer func(submitted, error)) {
	m := l.machine
	key := requestKey{r.submission.Owner, r.submission.IdempotencyKey}
	if key.key != "" {
		if id, ok := m.keys[key]; ok {
			j := m.jobs[id]
			answer(submitted{id, true}, sameRequest(j.submission.Spec, r.submission.Spec))
			return
		}
		if u := l.keys[key]; u != nil {
			if err := sameRequest(u.request.submission.Spec, r.submission.Spec); err != nil {
				answer(submitted{}, err)
				return
			}
			u.waiters = append(u.waiters, func(s submitted, err error) { answer(submitted{s.id, true}, err) })
			return
		}
	}
	if m.core.LiveJobs()+l.submitting >= l.cfg.Limits.Jobs {
		answer(submitted{}, fault.New(fault.Resource, "%d jobs wait or run, which is the limit: try again when some have ended", l.cfg.Limits.Jobs))
		return
	}
	if err := failpoint.Hit(failpoint.SubmitTaken); err != nil {
		answer(submitted{}, err)
		return
	}
	u := &underway{request: r, waiters: []func(submitted, error){answer}}
	if key.key != "" {
		l.keys[key] = u
	}
	l.submitting++
	r.event.At = l.now()
	l.propose(record.Record{Event: r.event, Submission: &r.submission}, func(err error) {
		if err != nil {
			delete(l.keys, key)
		} else {
			l.log.Info("job submitted", "job", r.event.Job.Short(), "name", r.submission.Spec.Name, "owner", r.submission.Owner)
		}
		if err == nil {
			err = failpoint.Hit(failpoint.SubmitRecorded)
		}
		for _, answer := range u.waiters {
			answer(submitted{id: r.event.Job}, err)
		}
	})
}

// sameRequest refuses a key that was used for something else.
func sameRequest(a, b plan.JobSpec) error {
	if a.ArtifactSHA256 != b.ArtifactSHA256 || a.Args != b.Args || a.Fingerprint != b.Fingerprint || a.Name != b.Name {
		return fault.New(fault.Invalid, "idempotency_key: it was used for another job, %v", a.Job)
	}
	return nil
}
