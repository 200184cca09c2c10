package coordinator

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
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

	// sourceWindow is how many attempts are looked up at once.
	sourceWindow = 1 << 10
	// maxFollowed bounds the logs whose places a call remembers.
	maxFollowed = 1 << 17

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
}

// dataClient asks the data ports of executors. It goes to no proxy and follows no
// redirect: addresses are those that executors registered.
func dataClient(config *tls.Config) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy: nil, TLSClientConfig: config.Clone(), MaxConnsPerHost: 8, MaxIdleConns: 64, MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second,
			ResponseHeaderTimeout: logTimeout, MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (c *Coordinator) dataScheme() string {
	if c.cfg.DataTLS != nil {
		return "https"
	}
	return "http"
}

// logSource is one attempt whose logs are read.
type logSource struct {
	attempt plan.AttemptID
	index   int // of the node
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
		job, refs, over, err := r.attempts(ctx)
		if err != nil {
			return err
		}
		for part := range slices.Chunk(r.wanted(job, refs), sourceWindow) {
			if err := r.some(ctx, part); err != nil {
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

// attempts returns the attempts of the job, which nobody changes any more, and
// whether there will be no others.
func (r *logReader) attempts(ctx context.Context) (id plan.JobID, refs []attemptRef, over bool, err error) {
	_, err = inLoop(ctx, r.c, func(l *loop) (struct{}, error) {
		j, err := l.machine.find(r.request.GetJobId())
		if err == nil {
			id, refs, over = j.id, j.attempts, j.over()
		}
		return struct{}{}, err
	})
	return id, refs, over, err
}

// wanted picks the attempts that were asked for and are not read to their ends.
// There may be a million to look at: that is no work for the loop.
func (r *logReader) wanted(job plan.JobID, refs []attemptRef) []logSource {
	var list []logSource
	for _, ref := range refs {
		id := plan.AttemptID{Job: job, Task: plan.TaskID{Stage: plan.StageID(ref.Stage), Index: int(ref.Index)}, Number: int(ref.Number)}
		switch {
		case r.task != nil && id.Task != *r.task, r.request.Attempt != nil && id.Number != int(r.request.GetAttempt()):
		case !r.finished(id):
			list = append(list, logSource{attempt: id, index: int(ref.Node)})
		}
	}
	return list
}

// finished reports whether all logs of an attempt were read to their ends.
func (r *logReader) finished(id plan.AttemptID) bool {
	for _, s := range logStreams {
		if !r.wants(s.stream) {
			continue
		}
		if place := r.read[logKey{id, s.stream}]; place == nil || !place.done {
			return false
		}
	}
	return true
}

func (r *logReader) wants(s pb.LogStream) bool {
	want := r.request.GetStream()
	return want == pb.LogStream_LOG_STREAM_UNSPECIFIED || want == s
}

// some reads the logs of a few attempts.
func (r *logReader) some(ctx context.Context, sources []logSource) error {
	_, err := inLoop(ctx, r.c, func(l *loop) (struct{}, error) {
		for i := range sources {
			l.locate(&sources[i])
		}
		return struct{}{}, nil
	})
	for _, source := range sources {
		if err == nil {
			err = r.attempt(ctx, source)
		}
	}
	switch {
	case err != nil:
		return err
	case !r.request.GetFollow():
		clear(r.read) // each is looked at once
	case len(r.read) > maxFollowed:
		return fault.New(fault.Resource, "%d logs are followed, which is the limit: name a task", len(r.read))
	}
	return nil
}

// locate says where an attempt ran and whether it runs still.
func (l *loop) locate(source *logSource) {
	n := l.machine.nodeList[source.index]
	source.node, source.runs = n.id, l.machine.core.Runs(n.id, n.session, source.attempt)
	if l.session(n.id, n.session) != nil {
		source.address = n.details.DataAddress
	}
}

// attempt reads the logs of one attempt as far as they are there.
func (r *logReader) attempt(ctx context.Context, source logSource) error {
	for _, s := range logStreams {
		if !r.wants(s.stream) {
			continue
		}
		place := r.read[logKey{source.attempt, s.stream}]
		if place == nil {
			place = &logPlace{offset: r.request.GetOffset()}
			r.read[logKey{source.attempt, s.stream}] = place
		}
		if place.done {
			continue
		}
		if source.address != "" {
			if err := r.stream(ctx, source, s.stream, s.name, place); err != nil {
				return err
			}
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
		Scheme: c.dataScheme(), Host: source.address,
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
