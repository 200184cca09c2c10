package coordinator

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/coordinator/artifact"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/secure"
	"github.com/sheafdata/sheaf/internal/wire"
)

// executorService answers executors.
type executorService struct{ c *Coordinator }

type connection = connect.BidiStream[pb.ConnectRequest, pb.ConnectResponse]

// registerTimeout is how long a stream may take to register.
const registerTimeout = 10 * time.Second

// Connect implements sheafv1connect.ExecutorServiceHandler.
func (x executorService) Connect(ctx context.Context, conn *connection) error {
	c := x.c
	control, _ := ctx.Value(controlKey{}).(*http.ResponseController)
	if control == nil {
		return c.answer(fault.New(fault.Internal, "a stream without control"))
	}
	if err := control.SetReadDeadline(time.Now().Add(registerTimeout)); err != nil {
		return c.answer(fault.Wrap(fault.Internal, err))
	}
	r, err := receiveRegister(conn)
	if err != nil {
		return c.answer(err)
	}
	if err := c.certified(ctx, r); err != nil {
		return c.answer(err)
	}
	l, err := c.leader()
	if err != nil {
		return c.answer(err)
	}
	st := newStream(l.term, uint64(r.session))
	s, err := ask(ctx, l, func(l *loop, answer func(*session, error)) { l.register(st, r, answer) })
	if errors.Is(err, errFenced) {
		return conn.Send(&pb.ConnectResponse{
			Term: l.term, Session: uint64(r.session), Message: &pb.ConnectResponse_Fence{Fence: &pb.Fence{Reason: err.Error()}},
		})
	}
	if err != nil {
		c.log.Warn("executor refused", "executor", r.Executor, "err", err)
		return c.answer(err)
	}
	if err := control.SetReadDeadline(time.Time{}); err != nil {
		return c.answer(fault.Wrap(fault.Internal, err))
	}
	return c.answer(x.hold(ctx, l, s, st, conn, control))
}

// certified checks that an executor registers under the name and for the cluster
// in its certificate, where it shows one.
func (c *Coordinator) certified(ctx context.Context, r *registration) error {
	who := secure.IdentityOf(ctx)
	if who.Node == "" || who.Node == string(r.Executor) && who.Cluster == c.clusterID {
		return nil
	}
	return fault.New(fault.Invalid, "executor %q of cluster %s shows a certificate for executor %q of cluster %s: its --name and its certificate must agree, and be for this cluster",
		r.Executor, c.clusterID, who.Node, who.Cluster)
}

// receiveRegister reads the first message of a stream.
func receiveRegister(conn *connection) (*registration, error) {
	m, err := conn.Receive()
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err)
	}
	if err := wire.CheckRequest(m); err != nil {
		return nil, err
	}
	if m.GetRegister() == nil {
		return nil, fault.New(fault.Invalid, "the first message of a stream is no Register")
	}
	r, err := wire.DecodeRegistration(m.GetRegister())
	return &registration{Registration: r, term: m.GetTerm(), session: plan.SessionID(m.GetSession())}, err
}

// hold sends and receives until the stream ends.
func (x executorService) hold(ctx context.Context, l *loop, s *session, st *stream, conn *connection, control *http.ResponseController) error {
	received := make(chan struct{})
	go func() {
		defer close(received)
		st.end(x.receive(ctx, l, s, st, conn))
	}()
	err := x.send(ctx, l, s, st, conn, control)
	st.end(err)
	// What is under way in Receive ends by that.
	if stop := control.SetReadDeadline(time.Unix(1, 0)); stop != nil {
		x.c.log.Error("a stream cannot be stopped", "err", stop)
	}
	<-received
	// When the loop is over there is no session to detach from.
	_ = l.give(context.WithoutCancel(ctx), func(l *loop) {
		if s.stream == st {
			x.c.log.Info("executor disconnected", "executor", s.executor, "session", s.id)
		}
		s.detach(st, nil)
	})
	return err
}

// send sends what the loop wants sent until the stream ends.
func (x executorService) send(ctx context.Context, l *loop, s *session, st *stream, conn *connection, control *http.ResponseController) error {
	for {
		select {
		case <-st.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
		out := st.take()
		if err := control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return err
		}
		for _, message := range out.messages {
			if err := put(ctx, l, s, conn, message()); err != nil {
				return err
			}
		}
		if out.ack != nil {
			if err := conn.Send(st.ackMessage(out.ack)); err != nil {
				return err
			}
		}
		if out.ended {
			return out.why
		}
		if err := control.SetWriteDeadline(time.Time{}); err != nil {
			return err
		}
	}
}

// put sends a message. A launch that fits no message would end every stream that
// it is sent over: its number goes to a cancel, and its attempt fails.
func put(ctx context.Context, l *loop, s *session, conn *connection, m *pb.ConnectResponse) error {
	err := conn.Send(m)
	if err == nil || m.GetLaunch() == nil || fault.KindOf(err) != fault.Invalid {
		return err
	}
	id, bad := wire.DecodeAttemptID(m.GetLaunch().GetAssignment().GetAttempt())
	if bad != nil {
		return err
	}
	if gone := l.give(ctx, func(l *loop) { l.unfitLaunch(s, id, err) }); gone != nil {
		return gone
	}
	cancelCommand(id).fill(m)
	return conn.Send(m)
}

// receive gives what comes in to the loop until the stream ends.
func (x executorService) receive(ctx context.Context, l *loop, s *session, st *stream, conn *connection) error {
	for {
		m, err := conn.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fault.Wrap(fault.Transient, err)
		}
		in, err := read(s, st, m)
		if err != nil {
			return err
		}
		if in == nil {
			continue
		}
		if err := l.giveSized(ctx, in, proto.Size(m)); err != nil {
			return err
		}
	}
}

// FetchArtifact implements sheafv1connect.ExecutorServiceHandler.
func (x executorService) FetchArtifact(ctx context.Context, req *connect.Request[pb.FetchArtifactRequest], out *connect.ServerStream[pb.FetchArtifactResponse]) error {
	f, size, err := x.c.program(ctx, req.Msg.GetSha256())
	if err != nil {
		return x.c.answer(err)
	}
	defer f.Close()
	offset := req.Msg.GetOffset()
	if offset < 0 || offset > size {
		return x.c.answer(fault.New(fault.Invalid, "offset: is %d of %d bytes", offset, size))
	}
	for buf := make([]byte, artifact.MaxChunkBytes); ; {
		n, err := f.ReadAt(buf, offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return x.c.answer(fault.Wrap(fault.Transient, err))
		}
		// Also at the end one piece goes out: it tells the size.
		if err := patiently(ctx, out, &pb.FetchArtifactResponse{Offset: offset, Data: buf[:n], TotalBytes: size}); err != nil {
			return err
		}
		offset += int64(n)
		if offset >= size || n == 0 {
			return nil
		}
	}
}
