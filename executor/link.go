package executor

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/coordinator/client"
	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/wire"
)

const (
	goos   = runtime.GOOS
	goarch = runtime.GOARCH

	firstPause = 50 * time.Millisecond
	// maxPause is short: a coordinator that comes back waits for its executors.
	maxPause = 2 * time.Second
	// registerTimeout is how long an answer to a Register may take.
	registerTimeout = 10 * time.Second
	// maxHints bounds how often in a row a coordinator names another one as the
	// leader before there is a pause.
	maxHints = 4
	// silenceBeats is after how many heartbeats without any answer a stream is
	// given up: long before the lease runs out.
	silenceBeats = 4
)

type stream = connect.BidiStreamForClient[pb.ConnectRequest, pb.ConnectResponse]

// link holds a stream with the coordinator that leads, and finds it again when
// it is lost. It runs beside the session's goroutine.
func (s *session) link(ctx context.Context) {
	pause, told := firstPause, ""
	hint, hints := "", 0
	for ctx.Err() == nil {
		held, next, err := s.connect(ctx, hint)
		hint = next
		if ctx.Err() != nil {
			return
		}
		if held {
			pause, told = firstPause, ""
		}
		if fatal(err) {
			s.give(func() { s.broken(fault.Invalid, "join the cluster: %w", err) })
			return
		}
		if text := err.Error(); text != told {
			// Once, and not twice a second while a coordinator is away.
			s.log.Warn("no connection with a coordinator: trying again", "err", err)
			told = text
		}
		if hints++; hint != "" && hints%maxHints != 0 {
			continue // the leader was named
		}
		wait(ctx, pause/2+rand.N(pause/2))
		pause = min(2*pause, maxPause)
	}
}

// fatal reports whether trying again is of no use: what the coordinator refuses
// is how this executor was configured.
func fatal(err error) bool {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return e.Reason == client.Refused
	}
	return fault.KindOf(err) == fault.Invalid
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// connect finds a coordinator and holds a stream with it to its end. held says
// that the executor was registered, hint is the address of a coordinator that
// was named instead.
func (s *session) connect(ctx context.Context, hint string) (held bool, next string, err error) {
	c, err := s.e.find(ctx, hint)
	if err != nil {
		return false, "", err
	}
	defer c.Close()
	address, cluster := c.Address(), c.Version().GetClusterId()
	if err := s.e.belong(cluster); err != nil {
		return false, "", err
	}
	s.e.joinGossip(ctx, cluster, c.Version().GetGossipAddress())
	service, cut := s.e.dialer.service(address)
	defer cut()
	stop := context.AfterFunc(ctx, cut)
	defer stop()
	silence := time.AfterFunc(registerTimeout, cut)
	defer silence.Stop()
	st := service.Connect(ctx)
	defer st.CloseResponse()
	registered, out, err := s.register(ctx, st, cluster)
	if err != nil {
		if to, other := client.Leader(err); other && to != address {
			next = to
		}
		return false, next, explain(address, err)
	}
	beat := time.Duration(registered.GetHeartbeatMillis()) * time.Millisecond
	s.log.Info("joined the cluster", "executor", s.e.name, "cluster", cluster, "coordinator", address)
	var sending sync.WaitGroup
	sending.Go(func() {
		if err := out.send(st); err != nil {
			cut()
		}
	})
	silence.Reset(silenceBeats * max(beat, defaultHeartbeat))
	err = s.receive(st, func() { silence.Reset(silenceBeats * max(beat, defaultHeartbeat)) })
	out.end()
	st.CloseRequest() // else the transport waits for more of it
	cut()
	sending.Wait()
	s.give(func() {
		if s.out == out {
			s.out = nil
		}
	})
	return true, "", explain(address, err)
}

// explain makes an error of a stream, which is one of the service if it came
// from a coordinator.
func explain(address string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return fault.New(fault.Transient, "coordinator at %s: it ended the stream", address)
	}
	if client.Broken(err) {
		return fault.New(fault.Transient, "coordinator at %s: the connection broke", address)
	}
	report, said := client.ReportOf(err)
	if !said {
		return fault.New(fault.Transient, "coordinator at %s: %w", address, err)
	}
	return fault.New(report.Kind, "coordinator at %s: %s", address, report.Message)
}

// register opens a session or takes it up again.
func (s *session) register(ctx context.Context, st *stream, cluster string) (*pb.Registered, *outbox, error) {
	m, ok := ask(ctx, s, func() *pb.ConnectRequest { return s.registration(cluster) })
	if !ok {
		return nil, nil, context.Canceled
	}
	if err := failpoint.Hit(failpoint.ExecutorRegister); err != nil {
		return nil, nil, err
	}
	// A stream that was refused fails in Send with io.EOF, and Receive says why.
	if err := st.Send(m); err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	first, err := st.Receive()
	if err != nil {
		return nil, nil, err
	}
	if err := wire.CheckResponse(first); err != nil {
		return nil, nil, fault.Wrap(fault.Transient, err)
	}
	if f := first.GetFence(); f != nil {
		s.give(func() { s.fenced = orText(f.GetReason(), "it gave no reason") })
		return nil, nil, fault.New(fault.Transient, "the session is over: %s", f.GetReason())
	}
	if first.GetRegistered() == nil {
		return nil, nil, fault.New(fault.Transient, "the answer to a registration is none")
	}
	if err := failpoint.Hit(failpoint.ExecutorRegistered); err != nil {
		return nil, nil, err
	}
	out, ok := ask(ctx, s, func() *outbox { return s.registered(first) })
	if !ok || out == nil {
		return nil, nil, fault.New(fault.Transient, "the coordinator's term %d is older than one that was seen", first.GetTerm())
	}
	return first.GetRegistered(), out, nil
}

// registered begins a stream: it returns what sends, or nil when the coordinator
// does not lead any more.
func (s *session) registered(m *pb.ConnectResponse) *outbox {
	r := m.GetRegistered()
	switch {
	case m.GetTerm() < s.term:
		return nil
	case m.GetTerm() > s.term:
		s.term, s.commands = m.GetTerm(), r.GetFirstCommand()-1
	}
	s.acknowledged(r.GetReportsReceived())
	s.out = newOutbox(s.term, uint64(s.id))
	for _, m := range s.reports.kept {
		s.out.report(s.stamp(m))
	}
	for _, at := range s.running {
		s.ask(at)
	}
	if beat := time.Duration(r.GetHeartbeatMillis()) * time.Millisecond; beat > 0 {
		s.reports.beats.Reset(beat)
	}
	return s.out
}

// receive hands on what comes until the stream ends.
func (s *session) receive(st *stream, heard func()) error {
	for {
		m, err := st.Receive()
		if err != nil {
			return err
		}
		heard()
		if err := wire.CheckResponse(m); err != nil {
			return fault.Wrap(fault.Transient, err)
		}
		failure, ok := ask(context.Background(), s, func() error { return s.obey(m) })
		if !ok {
			return context.Canceled
		}
		if failure != nil {
			return fault.Wrap(fault.Transient, failure)
		}
	}
}

func orText(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}
