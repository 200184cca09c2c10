package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/api/sheaf/v1/sheafv1connect"
	"github.com/sheafdata/sheaf/internal/secure"
	"github.com/sheafdata/sheaf/internal/wire"
)

// jobID is that of the job that a scripted coordinator runs.
const jobID = "3f2a91c0d4e5f60718293a4b5c6d7e8f"

// coordinator is a scripted coordinator behind a real listener. What a test does
// not set, it answers as one with one executor and no jobs.
type fakeCoordinator struct {
	sheafv1connect.UnimplementedClusterServiceHandler

	version *pb.GetVersionResponse
	jobs    []*pb.JobSnapshot
	nodes   []*pb.Node
	logs    []*pb.ReadLogsResponse
	cancel  *pb.CancelJobResponse
	// snapshots are what a watcher sees before the end; hold keeps a watcher
	// waiting after them, until it goes away or the job is canceled.
	snapshots []*pb.JobSnapshot
	end       *pb.JobEnd
	hold      bool
	// broken is how many streams and uploads break off before one goes well.
	broken int
	// fail answers a procedure with an error, by the last part of its name.
	fail map[string]error
	// have is what was uploaded before.
	have []byte
	// forgets is how many chunks and submissions meet another coordinator, which
	// has nothing of the program.
	forgets int
	// givesUp is how many submissions end with a coordinator that ends.
	givesUp int
	// onUpload is called by each chunk; it may be nil.
	onUpload func()

	mu        sync.Mutex // guards what follows
	watched   chan struct{}
	canceled  chan struct{}
	submitted []*pb.SubmitRequest
	artifact  []byte
	complete  string // the sha256 of what is complete
	chunks    int
	drained   []*pb.DrainNodeRequest
	logAsked  []*pb.ReadLogsRequest
	calls     map[string]int
}

func newCoordinator() *fakeCoordinator {
	return &fakeCoordinator{
		version:  &pb.GetVersionResponse{BuildVersion: "v1.2.3", ProtocolMin: 1, ProtocolMax: 1, ClusterId: "00112233445566778899aabbccddeeff", Term: 7},
		nodes:    []*pb.Node{{Id: "e1", State: pb.NodeState_NODE_STATE_READY, Slots: 2, Platform: nativePlatform()}},
		watched:  make(chan struct{}, 64),
		canceled: make(chan struct{}),
		calls:    make(map[string]int),
	}
}

// serve puts a coordinator behind a listener and returns its address.
func (s *fakeCoordinator) serve(t testing.TB, guard *secure.Authorizer, config *tls.Config) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle(sheafv1connect.NewClusterServiceHandler(s, connect.WithCodec(wire.Codec{}), connect.WithInterceptors(s)))
	var handler http.Handler = mux
	if guard != nil {
		handler = guard.Guard(mux)
	}
	server := httptest.NewUnstartedServer(handler)
	server.Config.ReadHeaderTimeout = 10 * time.Second
	// Refused handshakes are what tests ask for.
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if config != nil {
		server.TLS = config
		server.EnableHTTP2 = true
		server.StartTLS()
		// The certificate of httptest itself, which it would show to clients that
		// name no host.
		server.TLS.Certificates = nil
	} else {
		server.Start()
	}
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.Listener.Addr().String()
}

// WrapUnary implements connect.Interceptor: calls are counted and may fail.
func (s *fakeCoordinator) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
		if err := s.entered(r.Spec().Procedure); err != nil {
			return nil, err
		}
		return next(ctx, r)
	}
}

// WrapStreamingClient implements connect.Interceptor.
func (s *fakeCoordinator) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// WrapStreamingHandler implements connect.Interceptor.
func (s *fakeCoordinator) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, c connect.StreamingHandlerConn) error {
		if err := s.entered(c.Spec().Procedure); err != nil {
			return err
		}
		return next(ctx, c)
	}
}

func (s *fakeCoordinator) entered(procedure string) error {
	name := procedure[len("/sheaf.v1.ClusterService/"):]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[name]++
	return s.fail[name]
}

// called returns how often each call was made.
func (s *fakeCoordinator) called() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// breaks reports whether a call is to break off, as often as was set: by turns
// with an error, and as a coordinator does that is killed.
func (s *fakeCoordinator) breaks() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken--
	if s.broken >= 0 && s.broken%2 == 0 {
		panic(http.ErrAbortHandler)
	}
	return s.broken >= 0
}

var errBroken = connect.NewError(connect.CodeUnavailable, errors.New("the coordinator stops"))

// failure returns an error as coordinators make them.
func failure(code connect.Code, kind pb.FaultKind, message string) error {
	e := connect.NewError(code, errors.New("in other words"))
	d, err := connect.NewErrorDetail(&pb.FaultReport{Kind: kind, Message: message})
	if err != nil {
		panic(err)
	}
	e.AddDetail(d)
	return e
}

func notLeader(address string) error {
	e := connect.NewError(connect.CodeUnavailable, errors.New("not the leader"))
	d, err := connect.NewErrorDetail(&pb.NotLeader{LeaderAddress: address})
	if err != nil {
		panic(err)
	}
	e.AddDetail(d)
	return e
}

func (s *fakeCoordinator) GetVersion(context.Context, *connect.Request[pb.GetVersionRequest]) (*connect.Response[pb.GetVersionResponse], error) {
	return connect.NewResponse(s.version), nil
}

func (s *fakeCoordinator) StatArtifact(_ context.Context, r *connect.Request[pb.StatArtifactRequest]) (*connect.Response[pb.StatArtifactResponse], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.artifact == nil {
		s.artifact = bytes.Clone(s.have)
	}
	return connect.NewResponse(&pb.StatArtifactResponse{Bytes: int64(len(s.artifact)), Complete: s.complete == r.Msg.GetSha256()}), nil
}

func (s *fakeCoordinator) UploadArtifact(_ context.Context, r *connect.Request[pb.UploadArtifactRequest]) (*connect.Response[pb.UploadArtifactResponse], error) {
	if s.breaks() {
		return nil, errBroken
	}
	if s.onUpload != nil {
		s.onUpload()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chunks++
	s.forget(s.complete != "" || len(s.artifact) > 0)
	m := r.Msg
	if m.GetOffset() > int64(len(s.artifact)) || len(m.GetData()) > 1<<20 {
		return nil, failure(connect.CodeInvalidArgument, pb.FaultKind_FAULT_KIND_INVALID, "a chunk in the wrong place or too large")
	}
	if end := m.GetOffset() + int64(len(m.GetData())); end > int64(len(s.artifact)) {
		s.artifact = append(s.artifact[:m.GetOffset()], m.GetData()...)
	}
	if int64(len(s.artifact)) == m.GetTotalBytes() {
		sum := sha256.Sum256(s.artifact)
		if hex.EncodeToString(sum[:]) != m.GetSha256() {
			s.artifact = []byte{}
			return nil, failure(connect.CodeInvalidArgument, pb.FaultKind_FAULT_KIND_INVALID, "the program has another sha256")
		}
		s.complete = m.GetSha256()
	}
	return connect.NewResponse(&pb.UploadArtifactResponse{Bytes: int64(len(s.artifact)), Complete: s.complete != ""}), nil
}

// forget makes the coordinator another one, as often as the test wants.
func (s *fakeCoordinator) forget(now bool) {
	if now && s.forgets > 0 {
		s.forgets--
		s.artifact, s.complete = []byte{}, ""
	}
}

func (s *fakeCoordinator) Submit(_ context.Context, r *connect.Request[pb.SubmitRequest]) (*connect.Response[pb.SubmitResponse], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.givesUp > 0 {
		s.givesUp--
		return nil, connect.NewError(connect.CodeCanceled, context.Canceled)
	}
	s.forget(true)
	if s.complete != r.Msg.GetArtifactSha256() {
		return nil, failure(connect.CodeNotFound, pb.FaultKind_FAULT_KIND_INVALID, "the program is not there")
	}
	existed := false
	for _, old := range s.submitted {
		existed = existed || old.GetIdempotencyKey() == r.Msg.GetIdempotencyKey()
	}
	s.submitted = append(s.submitted, proto.Clone(r.Msg).(*pb.SubmitRequest))
	return connect.NewResponse(&pb.SubmitResponse{JobId: jobID, Existed: existed}), nil
}

func (s *fakeCoordinator) ListJobs(_ context.Context, r *connect.Request[pb.ListJobsRequest]) (*connect.Response[pb.ListJobsResponse], error) {
	from := 0
	for i, j := range s.jobs {
		if j.GetJobId() == r.Msg.GetAfterJobId() {
			from = i + 1
		}
	}
	page := &pb.ListJobsResponse{}
	for _, j := range s.jobs[from:] {
		if page.More = len(page.GetJobs()) == int(r.Msg.GetLimit()); page.GetMore() {
			break
		}
		wanted := len(r.Msg.GetStates()) == 0
		for _, state := range r.Msg.GetStates() {
			wanted = wanted || state == j.GetState()
		}
		if wanted {
			page.Jobs = append(page.Jobs, j)
		}
	}
	return connect.NewResponse(page), nil
}

func (s *fakeCoordinator) GetJob(_ context.Context, r *connect.Request[pb.GetJobRequest]) (*connect.Response[pb.GetJobResponse], error) {
	for _, j := range s.jobs {
		if len(r.Msg.GetJobId()) >= 4 && len(j.GetJobId()) >= len(r.Msg.GetJobId()) && j.GetJobId()[:len(r.Msg.GetJobId())] == r.Msg.GetJobId() {
			return connect.NewResponse(&pb.GetJobResponse{Job: j}), nil
		}
	}
	return nil, failure(connect.CodeNotFound, pb.FaultKind_FAULT_KIND_INVALID, "there is no job "+r.Msg.GetJobId())
}

func (s *fakeCoordinator) WatchJob(ctx context.Context, _ *connect.Request[pb.WatchJobRequest], stream *connect.ServerStream[pb.WatchJobResponse]) error {
	for i, shot := range s.snapshots {
		if i == len(s.snapshots)-1 && s.breaks() {
			return errBroken
		}
		if err := stream.Send(&pb.WatchJobResponse{Message: &pb.WatchJobResponse_Snapshot{Snapshot: shot}}); err != nil {
			return err
		}
	}
	s.watched <- struct{}{}
	end := s.end
	if s.hold {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.canceled:
			end = &pb.JobEnd{ExitCode: 4, Job: canceledJob()}
		}
	}
	return stream.Send(&pb.WatchJobResponse{Message: &pb.WatchJobResponse_End{End: end}})
}

func (s *fakeCoordinator) CancelJob(context.Context, *connect.Request[pb.CancelJobRequest]) (*connect.Response[pb.CancelJobResponse], error) {
	if s.hold {
		close(s.canceled)
	}
	return connect.NewResponse(s.cancel), nil
}

func (s *fakeCoordinator) ReadLogs(_ context.Context, r *connect.Request[pb.ReadLogsRequest], stream *connect.ServerStream[pb.ReadLogsResponse]) error {
	s.mu.Lock()
	s.logAsked = append(s.logAsked, proto.Clone(r.Msg).(*pb.ReadLogsRequest))
	s.mu.Unlock()
	for i, piece := range s.logs {
		if i == len(s.logs)-1 && s.breaks() {
			return errBroken
		}
		if err := stream.Send(piece); err != nil {
			return err
		}
	}
	return nil
}

func (s *fakeCoordinator) ListNodes(context.Context, *connect.Request[pb.ListNodesRequest]) (*connect.Response[pb.ListNodesResponse], error) {
	return connect.NewResponse(&pb.ListNodesResponse{Nodes: s.nodes}), nil
}

func (s *fakeCoordinator) DrainNode(_ context.Context, r *connect.Request[pb.DrainNodeRequest]) (*connect.Response[pb.DrainNodeResponse], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drained = append(s.drained, proto.Clone(r.Msg).(*pb.DrainNodeRequest))
	node := proto.Clone(s.nodes[0]).(*pb.Node)
	node.State = pb.NodeState_NODE_STATE_DRAINING
	return connect.NewResponse(&pb.DrainNodeResponse{Node: node}), nil
}

// closedAddress is one at which nobody listens.
func closedAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
