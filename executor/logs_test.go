package executor

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/executor/worker"
	"github.com/sheafdata/sheaf/executor/worker/logs"
	"github.com/sheafdata/sheaf/internal/plan"
)

func anAttempt() plan.AttemptID {
	return plan.AttemptID{Job: plan.JobID{0xab, 1}, Task: plan.TaskID{Stage: plan.EnumerateStage, Index: 7}, Epoch: 1<<32 - 1, Number: 3}
}

// logged makes an executor with the log of an attempt that wrote a text.
func logged(t *testing.T, id plan.AttemptID, text string, limits logs.Limits) *Executor {
	t.Helper()
	e := &Executor{dir: t.TempDir(), cfg: Config{Limits: Limits{LogJobs: 2}}}
	dir := filepath.Join(worker.LogDir(filepath.Join(e.dir, jobsDir, id.Job.String(), "0")), "stdout")
	l, err := logs.Create(dir, limits)
	if err != nil {
		t.Fatal(err)
	}
	l.Append([]byte("of nobody\n"))
	l.Begin(id, 0)
	l.Append([]byte(text))
	l.Finish(id, 0)
	l.Append([]byte("of others\n"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestLogHandler(t *testing.T) {
	id := anAttempt()
	e := logged(t, id, "first\nsecond\n", logs.Limits{})
	path := logPath(id, "stdout")
	for _, tc := range []struct {
		name, target string
		code         int
		offset, body string
	}{
		{"from the beginning", path, 200, "0", "first\nsecond\n"},
		{"from an offset", path + "?offset=6", 200, "6", "second\n"},
		{"at the end", path + "?offset=13", 200, "13", ""},
		{"behind the end", path + "?offset=99", 200, "99", ""},
		{"no number", path + "?offset=x", 400, "", "no number of bytes"},
		{"below zero", path + "?offset=-1", 400, "", "no number of bytes"},
		{"a stream without a log", logPath(id, "stderr"), 404, "", "no such log"},
		{"an unknown stream", logPath(id, "core"), 404, "", "no such log"},
		{"another attempt", logPath(plan.AttemptID{Job: id.Job}, "stdout"), 404, "", "no such log"},
		{"another way to write it", strings.Replace(path, "/7/", "/07/", 1), 404, "", "no such log"},
		{"a path", "/v1/logs/../../etc/0/0/0/stdout", 404, "", "no such log"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			logHandler{e}.ServeHTTP(w, httptest.NewRequest(http.MethodGet, tc.target, nil))
			body, _ := io.ReadAll(w.Body)
			if w.Code != tc.code || w.Header().Get(logOffsetHeader) != tc.offset || tc.code == 200 && string(body) != tc.body || !strings.Contains(string(body), tc.body) {
				t.Errorf("%d, offset %q, %q; want %d, %q, %q", w.Code, w.Header().Get(logOffsetHeader), body, tc.code, tc.offset, tc.body)
			}
		})
	}
}

// TestLogHandlerLost reads a log whose first files are gone.
func TestLogHandlerLost(t *testing.T) {
	id := anAttempt()
	var text strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&text, "%09d\n", i)
	}
	e := logged(t, id, text.String(), logs.Limits{FileBytes: 64 << 10, Files: 2})
	dir, extent, err := e.findLog(id, "stdout")
	if err != nil {
		t.Fatal(err)
	}
	p, err := readLog(dir, extent, 10)
	if err != nil || p.lost == 0 || p.offset != 10+p.lost || len(p.data) == 0 {
		t.Fatalf("readLog = offset %d, lost %d, %d bytes, %v; want what is left behind what is lost", p.offset, p.lost, len(p.data), err)
	}
	if want := text.String()[p.offset:][:len(p.data)]; string(p.data) != want {
		t.Errorf("the piece begins with %.20q, want %.20q", p.data, want)
	}
	if end, err := readLog(dir, extent, p.offset+int64(len(p.data))); err != nil || len(end.data) != 0 {
		t.Errorf("at the end there are %d bytes, %v, want none", len(end.data), err)
	}
}

// TestPruneLogs keeps the logs of the jobs that were worked for last, and of
// those that live.
func TestPruneLogs(t *testing.T) {
	e := logged(t, anAttempt(), "", logs.Limits{})
	old := time.Now().Add(-time.Hour)
	var ids []plan.JobID
	for i := range 5 {
		id := plan.JobID{byte(i)}
		ids = append(ids, id)
		dir := filepath.Join(e.dir, jobsDir, id.String())
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(dir, old, old.Add(time.Duration(i)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(e.dir, jobsDir, "not a job"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := e.pruneLogs(e.cfg.Limits.LogJobs, func(id plan.JobID) bool { return id == ids[0] }); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Join(e.dir, jobsDir))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range left {
		names = append(names, entry.Name())
	}
	want := []string{ids[0].String(), ids[4].String(), anAttempt().Job.String(), "not a job"}
	if fmt.Sprint(names) != fmt.Sprint(want) {
		t.Errorf("left are %v, want %v", names, want)
	}
}

func FuzzLogPath(f *testing.F) {
	f.Add(logPath(anAttempt(), "stderr"))
	f.Add("/v1/logs/ab/0/0/0/0/stdout")
	f.Fuzz(func(t *testing.T, path string) {
		id, stream, err := parseLogPath(path)
		if err == nil && logPath(id, stream) != path {
			t.Fatalf("parseLogPath(%q) = %v, %q, which is another path", path, id, stream)
		}
	})
}
