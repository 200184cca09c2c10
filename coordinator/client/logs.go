package client

import (
	"context"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/api/sheaf/v1/sheafv1connect"
)

// logKey names one log.
type logKey struct {
	attempt  string // its message's bytes
	executor string
	stream   pb.LogStream
}

// maxLogs bounds how many logs are remembered for a connection that breaks; the
// pieces of others would come again.
const maxLogs = 1 << 16

// ReadLogs hands pieces of logs to use, each once even where a connection broke,
// until all were used or use fails.
func (c *Client) ReadLogs(ctx context.Context, request *pb.ReadLogsRequest, use func(*pb.ReadLogsResponse) error) error {
	again, seen := c.newRetry(), make(map[logKey]int64)
	for {
		address, stub := c.stub()
		err, useErr := readLogsOnce(ctx, stub, request, func(p *pb.ReadLogsResponse) error {
			again.reset()
			return useNew(seen, p, use)
		})
		switch {
		case useErr != nil:
			return useErr
		case err == nil:
			return nil
		case !again.after(ctx, address, err):
			return c.explain(ctx, address, err)
		}
	}
}

func readLogsOnce(ctx context.Context, stub sheafv1connect.ClusterServiceClient, request *pb.ReadLogsRequest, use func(*pb.ReadLogsResponse) error) (err, useErr error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := stub.ReadLogs(ctx, connect.NewRequest(request))
	if err != nil {
		return err, nil
	}
	defer stream.Close() // its error says nothing that Err does not
	for stream.Receive() {
		if err := use(stream.Msg()); err != nil {
			return nil, err
		}
	}
	return stream.Err(), nil
}

// useNew hands on what was not handed on before.
func useNew(seen map[logKey]int64, p *pb.ReadLogsResponse, use func(*pb.ReadLogsResponse) error) error {
	attempt, err := proto.MarshalOptions{Deterministic: true}.Marshal(p.GetAttempt())
	if err != nil {
		return err
	}
	key := logKey{string(attempt), p.GetExecutor(), p.GetStream()}
	next, end := seen[key], p.GetOffset()+int64(len(p.GetData()))
	if end <= next && len(p.GetData()) > 0 {
		return nil
	}
	if begin := p.GetOffset(); begin < next {
		p = &pb.ReadLogsResponse{
			Attempt: p.GetAttempt(), Executor: p.GetExecutor(), Stream: p.GetStream(),
			Offset: next, Data: p.GetData()[next-begin:],
		}
	}
	if _, known := seen[key]; known || len(seen) < maxLogs {
		seen[key] = end
	}
	return use(p)
}
