package coordinator

import (
	"context"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/coordinator/artifact"
	"github.com/sheafdata/sheaf/internal/wire"
)

// clusterService answers clients.
type clusterService struct{ c *Coordinator }

// inLoop runs do in the loop and returns what it gives.
func inLoop[T any](ctx context.Context, c *Coordinator, do func(l *loop) (T, error)) (T, error) {
	l, err := c.leader()
	if err != nil {
		var none T
		return none, err
	}
	return ask(ctx, l, func(l *loop, answer func(T, error)) { answer(do(l)) })
}

// GetVersion implements sheafv1connect.ClusterServiceHandler. Any coordinator
// answers it, leading or not.
func (s clusterService) GetVersion(context.Context, *connect.Request[pb.GetVersionRequest]) (*connect.Response[pb.GetVersionResponse], error) {
	v := &pb.GetVersionResponse{
		BuildVersion: s.c.cfg.BuildVersion, ClusterId: s.c.clusterID, GossipAddress: s.c.gossipAddress(),
		ProtocolMin: int32(wire.ExecutorProtocol.Min), ProtocolMax: int32(wire.ExecutorProtocol.Max),
	}
	if l := s.c.leads.Load(); l != nil {
		v.Term = l.term
	}
	return connect.NewResponse(v), nil
}

// StatArtifact implements sheafv1connect.ClusterServiceHandler.
func (s clusterService) StatArtifact(_ context.Context, req *connect.Request[pb.StatArtifactRequest]) (*connect.Response[pb.StatArtifactResponse], error) {
	if _, err := s.c.leader(); err != nil {
		return nil, s.c.answer(err)
	}
	bytes, complete, err := s.c.programs.Stat(req.Msg.GetSha256())
	if err != nil {
		return nil, s.c.answer(err)
	}
	return connect.NewResponse(&pb.StatArtifactResponse{Bytes: bytes, Complete: complete}), nil
}

// UploadArtifact implements sheafv1connect.ClusterServiceHandler.
func (s clusterService) UploadArtifact(_ context.Context, req *connect.Request[pb.UploadArtifactRequest]) (*connect.Response[pb.UploadArtifactResponse], error) {
	if _, err := s.c.leader(); err != nil {
		return nil, s.c.answer(err)
	}
	m := req.Msg
	chunk := artifact.Chunk{Name: m.GetSha256(), Total: m.GetTotalBytes(), Offset: m.GetOffset(), Data: m.GetData()}
	bytes, complete, err := s.c.programs.Write(chunk, s.c.keeps())
	if err != nil {
		return nil, s.c.answer(err)
	}
	return connect.NewResponse(&pb.UploadArtifactResponse{Bytes: bytes, Complete: complete}), nil
}
