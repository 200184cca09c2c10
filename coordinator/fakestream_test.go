package coordinator

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/api/sheaf/v1/sheafv1connect"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

type fakeStream = connect.BidiStreamForClient[pb.ConnectRequest, pb.ConnectResponse]

func (f *fake) open(ctx context.Context) *fakeStream {
	f.mu.Lock()
	address := f.address
	f.mu.Unlock()
	return sheafv1connect.NewExecutorServiceClient(f.client, "http://"+address, connect.WithCodec(wire.Codec{})).Connect(ctx)
}

// registration says what the executor is, and what it runs and holds.
func (f *fake) registration() *pb.ConnectRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := &wire.Registration{
		ClusterID: f.cluster, Executor: f.name, Protocol: f.version, BuildVersion: "v-fake", Slots: f.slots, MemoryBytes: 1 << 30,
		DataAddress: f.data, OS: "linux", Arch: "amd64", Isolation: "none",
		CommandsReceived: f.commands, FirstReport: f.acked + 1, DiskLow: f.diskLow,
	}
	listed := map[plan.AttemptID]bool{}
	for id := range f.running {
		listed[id] = true
	}
	for _, m := range f.reports {
		if m.GetSequence() > f.acked {
			if id := reported(f.t, m); id != nil {
				listed[*id] = true
			}
		}
	}
	for id := range listed {
		r.Running = append(r.Running, id)
	}
	for id := range f.held {
		r.Held = append(r.Held, wire.HeldOutput{ID: id, Digest: digestOf(id)})
	}
	return &pb.ConnectRequest{Term: f.term, Session: f.session, Message: &pb.ConnectRequest_Register{Register: wire.EncodeRegistration(r)}}
}

func reported(t testing.TB, m *pb.ConnectRequest) *plan.AttemptID {
	var id *pb.AttemptId
	switch m := m.GetMessage().(type) {
	case *pb.ConnectRequest_AttemptFinished:
		id = m.AttemptFinished.GetAttempt()
	case *pb.ConnectRequest_AttemptFailed:
		id = m.AttemptFailed.GetAttempt()
	default:
		return nil
	}
	got, err := wire.DecodeAttemptID(id)
	if err != nil {
		t.Error(err)
	}
	return &got
}

func digestOf(id plan.OutputID) string {
	return fmt.Sprintf("%032x", id.Attempt.Task.Index)
}

// connect holds one stream to its end.
func (f *fake) connect(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream := f.open(ctx)
	defer stream.CloseResponse()
	defer stream.CloseRequest()
	if err := stream.Send(f.registration()); err != nil {
		return
	}
	first, err := stream.Receive()
	if err != nil || first.GetRegistered() == nil {
		f.locked(func() {
			f.refusal = err
			if first.GetFence() != nil {
				f.fenced = first.GetFence().GetReason()
			}
		})
		return
	}
	f.locked(func() {
		f.connects++
		if first.GetTerm() > f.term {
			f.term, f.commands = first.GetTerm(), first.GetRegistered().GetFirstCommand()-1
		}
		f.acknowledge(first.GetRegistered().GetReportsReceived())
	})
	var sending sync.WaitGroup
	sending.Go(func() { f.send(ctx, stream) })
	for {
		m, err := stream.Receive()
		if err != nil {
			break
		}
		f.receive(m)
	}
	cancel()
	stream.CloseRequest() // else the transport waits for more of it
	sending.Wait()
}

func (f *fake) acknowledge(n uint64) {
	f.acked = max(f.acked, n)
	f.reports = slices.DeleteFunc(f.reports, func(m *pb.ConnectRequest) bool { return m.GetSequence() <= f.acked })
}

// send sends reports that were not sent over this stream, acks and heartbeats.
func (f *fake) send(ctx context.Context, stream *fakeStream) {
	f.mu.Lock()
	sent, acked := f.acked, uint64(0)
	f.mu.Unlock()
	tick := time.NewTicker(f.heartbeat)
	defer tick.Stop()
	for {
		f.mu.Lock()
		var out []*pb.ConnectRequest
		for _, m := range f.reports {
			if m.GetSequence() > sent {
				m.Term = f.term
				out = append(out, m)
				sent = m.GetSequence()
			}
		}
		if f.commands > acked {
			acked = f.commands
			out = append(out, &pb.ConnectRequest{Term: f.term, Session: f.session, Message: &pb.ConnectRequest_Ack{Ack: &pb.Ack{Sequence: acked}}})
		}
		for _, ask := range f.asks {
			out = append(out, &pb.ConnectRequest{Term: f.term, Session: f.session, Message: &pb.ConnectRequest_RunJob{RunJob: ask}})
		}
		f.asks = nil
		f.mu.Unlock()
		for _, m := range out {
			if stream.Send(m) != nil {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		case <-tick.C:
			if m := f.beat(); m != nil && stream.Send(m) != nil {
				return
			}
		}
	}
}

func (f *fake) beat() *pb.ConnectRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mute {
		return nil
	}
	f.beats++
	var attempts []wire.AttemptProgress
	for id := range f.running {
		attempts = append(attempts, wire.AttemptProgress{Attempt: id, Rows: 7, Bytes: 70})
	}
	return &pb.ConnectRequest{Term: f.term, Session: f.session, Message: &pb.ConnectRequest_Heartbeat{Heartbeat: &pb.Heartbeat{
		Beat: f.beats, Attempts: wire.EncodeAttemptProgress(attempts), DiskFreeBytes: 99, DiskLow: f.diskLow,
	}}}
}

func (f *fake) poke() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// receive does what the coordinator says.
func (f *fake) receive(m *pb.ConnectResponse) {
	if err := wire.CheckResponse(m); err != nil {
		f.t.Errorf("executor %s got %v: %v", f.name, m, err)
		return
	}
	defer f.poke()
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.changed.Broadcast()
	if n := m.GetSequence(); n != 0 {
		switch {
		case n <= f.commands:
			return // seen
		case n != f.commands+1:
			f.t.Errorf("executor %s got command %d after %d", f.name, n, f.commands)
		}
		f.commands = n
	}
	f.obey(m)
}

func (f *fake) obey(m *pb.ConnectResponse) {
	switch v := m.GetMessage().(type) {
	case *pb.ConnectResponse_Ack:
		f.acknowledge(v.Ack.GetSequence())
		f.beatAcks = max(f.beatAcks, v.Ack.GetBeat())
	case *pb.ConnectResponse_Fence:
		f.fenced = v.Fence.GetReason()
	case *pb.ConnectResponse_Executors:
		for _, e := range v.Executors.GetExecutors() {
			f.peers[e.GetExecutor()] = e.GetDataAddress()
		}
	case *pb.ConnectResponse_JobSpec:
		spec, err := wire.DecodeJobSpec(v.JobSpec)
		if err != nil {
			f.t.Error(err)
		}
		f.specs[spec.Job] = true
		f.drivers[spec.Job] = spec.Name == "driver"
	case *pb.ConnectResponse_JobRows:
		f.pieces[v.JobRows.GetStep()]++
	case *pb.ConnectResponse_JobEnded:
		f.ended[v.JobEnded.GetStep()] = v.JobEnded
	case *pb.ConnectResponse_Launch:
		f.launch(v.Launch)
	case *pb.ConnectResponse_Cancel:
		id, err := wire.DecodeAttemptID(v.Cancel.GetAttempt())
		if err != nil {
			f.t.Error(err)
		}
		if cancel := f.running[id]; cancel != nil {
			cancel()
		}
	case *pb.ConnectResponse_Release:
		ids, err := wire.DecodeAttemptIDs(v.Release.GetAttempts())
		if err != nil {
			f.t.Error(err)
		}
		f.released = append(f.released, ids...)
		for id := range f.held {
			if slices.Contains(ids, id.Attempt) {
				delete(f.held, id)
			}
		}
	case *pb.ConnectResponse_ReleaseJob:
		job, err := wire.DecodeJobID("job", v.ReleaseJob.GetJob())
		if err != nil {
			f.t.Error(err)
		}
		f.over = append(f.over, job)
		for id := range f.held {
			if id.Attempt.Job == job {
				delete(f.held, id)
			}
		}
	case *pb.ConnectResponse_Drain:
		f.drained = true
	}
}
