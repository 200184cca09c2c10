package coordinator

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
)

// logServer serves logs as an executor's data port does.
func logServer(t *testing.T) (address string, logs *sync.Map) {
	logs = new(sync.Map)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := logs.Load(strings.TrimPrefix(r.URL.Path, "/v1/logs/"))
		if !ok {
			http.NotFound(w, r)
			return
		}
		var offset int
		fmt.Sscan(r.URL.Query().Get("offset"), &offset)
		data := text.(string)
		if offset < 0 {
			offset = max(len(data)+offset, 0)
		}
		offset = min(offset, len(data))
		w.Header().Set(logOffsetHeader, fmt.Sprint(offset))
		w.Header().Set(logLostHeader, "0")
		io.WriteString(w, data[offset:])
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), logs
}

func TestLogs(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	cluster := calls(t, c.Address())
	upload(t, cluster)
	gate := newBarrier(0)
	f := newFake(t, c, "a", 2, 2)
	address, logs := logServer(t)
	f.gate, f.data = gate.wait, address
	f.run()
	id := submit(t, cluster, shape("words"))
	f.until("attempts", func() bool { return count0(f) == 2 })
	path := func(task int, stream string) string { return fmt.Sprintf("%s/0/%d/0/1/%s", id, task, stream) }
	logs.Store(path(0, "stdout"), strings.Repeat("x", 5<<20/2))
	logs.Store(path(0, "stderr"), "warning")
	logs.Store(path(1, "stdout"), "hello ")
	read := func(r *pb.ReadLogsRequest) (string, error) {
		r.JobId = id
		stream, err := cluster.ReadLogs(within(t), connect.NewRequest(r))
		if err != nil {
			return "", err
		}
		defer stream.Close()
		var text strings.Builder
		for stream.Receive() {
			if r.GetFollow() && stream.Msg().GetAttempt().GetTask().GetIndex() == 1 && stream.Msg().GetOffset() == 0 {
				logs.Store(path(1, "stdout"), "hello world")
				close(gate.gate)
			}
			text.Write(stream.Msg().GetData())
		}
		return text.String(), stream.Err()
	}
	first := int32(1)
	for _, tc := range []struct {
		name string
		r    *pb.ReadLogsRequest
		want string
	}{
		{"large", &pb.ReadLogsRequest{Task: &pb.TaskId{}, Stream: pb.LogStream_LOG_STREAM_STDOUT}, strings.Repeat("x", 5<<20/2)},
		{"one attempt", &pb.ReadLogsRequest{Task: &pb.TaskId{Index: 1}, Attempt: &first, Stream: pb.LogStream_LOG_STREAM_STDOUT, Offset: 2}, "llo "},
		{"the end", &pb.ReadLogsRequest{Task: &pb.TaskId{}, Attempt: &first, Stream: pb.LogStream_LOG_STREAM_STDERR, Offset: -4}, "ning"},
		{"all of a stream", &pb.ReadLogsRequest{Stream: pb.LogStream_LOG_STREAM_STDERR}, "warning"},
		{"none", &pb.ReadLogsRequest{Task: &pb.TaskId{Index: 7}}, ""},
		{"follow", &pb.ReadLogsRequest{Task: &pb.TaskId{Index: 1}, Follow: true}, "hello world"},
	} {
		got, err := read(tc.r)
		if err != nil || got != tc.want {
			t.Errorf("ReadLogs(%s) = %d bytes %.40q, %v, want %d bytes %.40q", tc.name, len(got), got, err, len(tc.want), tc.want)
		}
	}
	wantDone(t, cluster, id)
	for name, r := range map[string]*pb.ReadLogsRequest{
		"offset of many":       {Offset: 1},
		"attempt without task": {Attempt: &first},
		"odd stream":           {Stream: 99},
		"removed stream":       {Stream: 3},
		"odd task":             {Task: &pb.TaskId{Stage: -9}},
	} {
		if _, err := read(r); connect.CodeOf(err) != connect.CodeInvalidArgument {
			t.Errorf("ReadLogs(%s) = %v, want an invalid argument", name, err)
		}
	}
}
