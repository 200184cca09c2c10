package coordinator

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
)

// maxListedNodes bounds a list of executors; those without a session are left
// out first.
const maxListedNodes = 1 << 13

// ListNodes implements sheafv1connect.ClusterServiceHandler.
func (s clusterService) ListNodes(ctx context.Context, _ *connect.Request[pb.ListNodesRequest]) (*connect.Response[pb.ListNodesResponse], error) {
	list, err := inLoop(ctx, s.c, func(l *loop) (*pb.ListNodesResponse, error) {
		list := &pb.ListNodesResponse{}
		for _, n := range l.machine.nodeList {
			if n.lost && len(l.machine.nodeList) > maxListedNodes {
				continue
			}
			list.Nodes = append(list.Nodes, l.describe(n))
		}
		slices.SortFunc(list.Nodes, func(a, b *pb.Node) int { return strings.Compare(a.GetId(), b.GetId()) })
		return list, nil
	})
	if err != nil {
		return nil, s.c.answer(err)
	}
	return connect.NewResponse(list), nil
}

// describe says how an executor is.
func (l *loop) describe(n *node) *pb.Node {
	d := &pb.Node{
		Id: string(n.id), Session: uint64(n.session), State: pb.NodeState_NODE_STATE_LOST, Reason: "its session has ended",
		DataAddress: n.details.DataAddress, MemoryBytes: n.details.MemoryBytes, BuildVersion: n.details.BuildVersion,
		Isolation: n.details.Isolation, Platform: &pb.Platform{Os: n.details.OS, Arch: n.details.Arch},
	}
	s := l.session(n.id, n.session)
	core, live := l.machine.core.Session(n.id)
	if s == nil || !live {
		return d
	}
	d.Slots, d.Running, d.DiskFreeBytes = int32(core.Slots), int32(core.Running), s.diskFree
	silent := time.Since(l.began)
	if !s.heard.IsZero() {
		silent = time.Since(s.heard)
	}
	d.SilentNanos = int64(silent)
	switch {
	case s.stream == nil && s.heard.IsZero():
		d.State, d.Reason = pb.NodeState_NODE_STATE_SUSPECT, "it has not come back since the coordinator began to lead"
	case s.stream == nil:
		d.State, d.Reason = pb.NodeState_NODE_STATE_SUSPECT, "it is not connected"
	case s.probed:
		d.State, d.Reason = pb.NodeState_NODE_STATE_SUSPECT, "other executors cannot reach it"
	case silent > 3*l.cfg.Heartbeat:
		d.State, d.Reason = pb.NodeState_NODE_STATE_SUSPECT, "heartbeats are missing"
	case n.drain != nil:
		d.State, d.Reason = pb.NodeState_NODE_STATE_DRAINING, n.drain.Reason
	case core.Low:
		d.State, d.Reason = pb.NodeState_NODE_STATE_SUSPECT, fmt.Sprintf("it is low on disk space, with %s free: it gets no tasks until it has more", memory.FormatSize(s.diskFree))
	case core.Aside > 0:
		d.State, d.Reason = pb.NodeState_NODE_STATE_SUSPECT, fmt.Sprintf("attempts of %d tasks in a row failed there: it is set aside for a while", core.Aside)
	default:
		d.State, d.Reason = pb.NodeState_NODE_STATE_READY, ""
	}
	return d
}

// DrainNode implements sheafv1connect.ClusterServiceHandler.
func (s clusterService) DrainNode(ctx context.Context, req *connect.Request[pb.DrainNodeRequest]) (*connect.Response[pb.DrainNodeResponse], error) {
	l, err := s.c.leader()
	if err != nil {
		return nil, s.c.answer(err)
	}
	node, err := ask(ctx, l, func(l *loop, answer func(*pb.Node, error)) { l.drainNode(req.Msg, answer) })
	if err != nil {
		return nil, s.c.answer(err)
	}
	return connect.NewResponse(&pb.DrainNodeResponse{Node: node}), nil
}

// defaultDrain is how long attempts of a drained executor may go on unless
// somebody says otherwise.
const defaultDrain = 10 * time.Minute

func (l *loop) drainNode(m *pb.DrainNodeRequest, answer func(*pb.Node, error)) {
	n := l.machine.nodes[plan.ExecutorID(m.GetNodeId())]
	if n == nil {
		answer(nil, notFound("executor %q is not known", m.GetNodeId()[:min(len(m.GetNodeId()), 64)]))
		return
	}
	how, err := readDrain(m.GetDeadlineMillis(), m.GetReason())
	s := l.session(n.id, n.session)
	if err != nil || s == nil || n.drain != nil {
		answer(l.describe(n), err) // nothing to do, or done already
		return
	}
	or(&how.Deadline, defaultDrain)
	l.drain(s, how, func(err error) { answer(l.describe(n), err) })
}
