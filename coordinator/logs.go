package coordinator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

const (
	// logBytes bounds a piece of a log.
	logBytes = 1 << 20
	// logTimeout bounds one request for a piece.
	logTimeout = 10 * time.Second
	// followInterval is how often a log that is followed is asked for more.
	followInterval = 500 * time.Millisecond

	// Headers of an executor's answer: where the piece begins, and how many bytes
	// before it are lost because the log has a cap.
	logOffsetHeader = "X-Sheaf-Log-Offset"
	logLostHeader   = "X-Sheaf-Log-Lost"
)

// logStreams are the streams of a log by the names that executors serve them under.
var logStreams = []struct {
	stream pb.LogStream
	name   string
}{
	{pb.LogStream_LOG_STREAM_STDOUT, "stdout"},
	{pb.LogStream_LOG_STREAM_STDERR, "stderr"},
	{pb.LogStream_LOG_STREAM_ENGINE, "engine"},
}

// plainClient asks data ports that are not encrypted. It goes to no proxy and
// follows no redirect: addresses are those that executors registered.
func plainClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy: nil, MaxConnsPerHost: 8, MaxIdleConns: 64, MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second,
			ResponseHeaderTimeout: logTimeout, MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// logSource is one attempt whose logs are read.
type logSource struct {
	attempt plan.AttemptID
	node    plan.ExecutorID
	address string // empty when the executor is gone
	runs    bool
}

// logReader reads the logs that one call asked for.
type logReader struct {
	c       *Coordinator
	request *pb.ReadLogsRequest
	task    *plan.TaskID
	out     *connect.ServerStream[pb.ReadLogsResponse]
	read    map[logKey]*logPlace
}

type logKey struct {
	attempt plan.AttemptID
	stream  pb.LogStream
}

// logPlace is how far a log was read.
type logPlace struct {
	offset int64
	done   bool
}

// ReadLogs implements sheafv1connect.ClusterServiceHandler.
func (s clusterService) ReadLogs(ctx context.Context, req *connect.Request[pb.ReadLogsRequest], out *connect.ServerStream[pb.ReadLogsResponse]) error {
	leave, err := s.c.watcher()
	if err != nil {
		return s.c.answer(err)
	}
	defer leave()
	r, err := newLogReader(s.c, req.Msg, out)
	if err != nil {
		return s.c.answer(err)
	}
	return s.c.answer(r.run(ctx))
}

func newLogReader(c *Coordinator, m *pb.ReadLogsRequest, out *connect.ServerStream[pb.ReadLogsResponse]) (*logReader, error) {
	r := &logReader{c: c, request: m, out: out, read: map[logKey]*logPlace{}}
	if m.GetTask() != nil {
		id, err := wire.DecodeTaskID(m.GetTask())
		if err != nil {
			return nil, err
		}
		r.task = &id
	}
	switch {
	case m.Attempt != nil && r.task == nil:
		return nil, fault.New(fault.Invalid, "attempt: is given without its task")
	case m.GetOffset() != 0 && (m.Attempt == nil || m.GetStream() == pb.LogStream_LOG_STREAM_UNSPECIFIED):
		return nil, fault.New(fault.Invalid, "offset: is %d, which needs an attempt and a stream", m.GetOffset())
	case pb.LogStream_name[int32(m.GetStream())] == "":
		return nil, fault.New(fault.Invalid, "stream: %d is not known", m.GetStream())
	}
	return r, nil
}

// run reads what is there, and what comes until the job ends if that is wanted.
func (r *logReader) run(ctx context.Context) error {
	for {
		sources, over, err := r.sources(ctx)
		if err != nil {
			return err
		}
		for _, source := range sources {
			if err := r.attempt(ctx, source); err != nil {
				return err
			}
		}
		if !r.request.GetFollow() || over {
			return nil
		}
		select {
		case <-time.After(followInterval):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// sources lists the attempts that were asked for and are not read to their ends.
func (r *logReader) sources(ctx context.Context) ([]logSource, bool, error) {
	var over bool
	list, err := inLoop(ctx, r.c, func(l *loop) ([]logSource, error) {
		j, err := l.machine.find(r.request.GetJobId())
		if err != nil {
			return nil, err
		}
		over = j.over()
		var list []logSource
		for _, ref := range j.attempts {
			id := plan.AttemptID{Job: j.id, Task: plan.TaskID{Stage: plan.StageID(ref.Stage), Index: int(ref.Index)}, Number: int(ref.Number)}
			if r.task != nil && id.Task != *r.task || r.request.Attempt != nil && id.Number != int(r.request.GetAttempt()) {
				continue
			}
			n := l.machine.nodeList[ref.Node]
			source := logSource{attempt: id, node: n.id, runs: l.machine.core.Runs(n.id, n.session, id)}
			if l.session(n.id, n.session) != nil {
				source.address = n.details.DataAddress
			}
			list = append(list, source)
		}
		return list, nil
	})
	return list, over, err
}

// attempt reads the logs of one attempt as far as they are there.
func (r *logReader) attempt(ctx context.Context, source logSource) error {
	for _, s := range logStreams {
		if want := r.request.GetStream(); want != pb.LogStream_LOG_STREAM_UNSPECIFIED && want != s.stream {
			continue
		}
		place := r.read[logKey{source.attempt, s.stream}]
		if place == nil {
			place = &logPlace{offset: r.request.GetOffset()}
			r.read[logKey{source.attempt, s.stream}] = place
		}
		if place.done || source.address == "" {
			continue
		}
		if err := r.stream(ctx, source, s.stream, s.name, place); err != nil {
			return err
		}
		place.done = !source.runs
	}
	return nil
}

// stream reads one log from a place on.
func (r *logReader) stream(ctx context.Context, source logSource, stream pb.LogStream, name string, place *logPlace) error {
	for {
		piece, err := r.c.fetchLog(ctx, source, name, place.offset)
		if errors.Is(err, errNotFound) || ctx.Err() == nil && err != nil && r.request.Attempt == nil {
			// Among many logs one that is gone or out of reach hides no others.
			return nil
		}
		if err != nil {
			return err
		}
		if len(piece.data) == 0 && piece.lost == 0 {
			return nil
		}
		place.offset = piece.offset + int64(len(piece.data))
		if err := patiently(ctx, r.out, &pb.ReadLogsResponse{
			Attempt: wire.EncodeAttemptID(source.attempt), Executor: string(source.node), Stream: stream,
			Offset: piece.offset, Data: piece.data, LostBytes: piece.lost,
		}); err != nil {
			return err
		}
		if len(piece.data) < logBytes {
			return nil
		}
	}
}

type logPiece struct {
	offset, lost int64
	data         []byte
}

// fetchLog asks an executor for a piece of a log.
func (c *Coordinator) fetchLog(ctx context.Context, source logSource, name string, offset int64) (logPiece, error) {
	ctx, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	a := source.attempt
	u := url.URL{
		Scheme: c.cfg.DataScheme, Host: source.address,
		Path:     fmt.Sprintf("/v1/logs/%s/%d/%d/%d/%d/%s", a.Job, a.Task.Stage, a.Task.Index, a.Epoch, a.Number, name),
		RawQuery: url.Values{"offset": {strconv.FormatInt(offset, 10)}}.Encode(),
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return logPiece{}, fault.Wrap(fault.Invalid, err)
	}
	resp, err := c.data.Do(req)
	if err != nil {
		return logPiece{}, fault.Wrap(fault.Transient, fmt.Errorf("log of %v on %s: %w", a, source.node, err))
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return logPiece{}, notFound("log of %v: executor %s does not have it", a, source.node)
	case resp.StatusCode != http.StatusOK:
		return logPiece{}, fault.New(fault.Transient, "log of %v: executor %s answers %s", a, source.node, resp.Status)
	}
	return readPiece(resp, offset)
}

// readPiece reads at most logBytes of an answer.
func readPiece(resp *http.Response, asked int64) (p logPiece, err error) {
	p.offset = max(asked, 0)
	for _, h := range []struct {
		name string
		to   *int64
	}{{logOffsetHeader, &p.offset}, {logLostHeader, &p.lost}} {
		text := resp.Header.Get(h.name)
		if text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n > 1<<60 {
			return p, fault.New(fault.Transient, "%s: %q is no number of bytes", h.name, text[:min(len(text), 64)])
		}
		*h.to = n
	}
	p.data, err = io.ReadAll(io.LimitReader(resp.Body, logBytes))
	return p, fault.Wrap(fault.Transient, err)
}
