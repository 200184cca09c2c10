package worker_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/executor/worker"
	"github.com/sheafdata/sheaf/executor/worker/logs"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

func itoa(n int) string { return strconv.Itoa(n) }

// acting starts a worker whose rows act, and returns the job and its splits.
func acting(t *testing.T, h *home, lines []string, change ...func(*worker.Config)) (plan.JobSpec, []plan.Split) {
	t.Helper()
	dir := t.TempDir()
	var in []string
	for i, line := range lines {
		path := filepath.Join(dir, fmt.Sprintf("in%d.txt", i))
		if err := os.WriteFile(path, []byte(line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		in = append(in, path)
	}
	spec := job(t, "act", "--input", filepath.Join(dir, "in*.txt"), "--output", filepath.Join(dir, "out"))
	h.start("act", spec, change...)
	splits := h.splits(spec)
	if len(splits) != len(in) {
		t.Fatalf("%d splits, want %d", len(splits), len(in))
	}
	return spec, splits
}

// launch runs each split as an attempt of its own.
func launch(t *testing.T, h *home, spec plan.JobSpec, splits []plan.Split) []plan.AttemptID {
	t.Helper()
	var ids []plan.AttemptID
	for i, s := range splits {
		a := runOf(spec, i, []plan.Split{s})
		if err := h.worker.Launch(a); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, a.Attempt)
	}
	return ids
}

// TestUserFaults ends processes by what user code does, while another attempt
// runs beside the one at fault.
func TestUserFaults(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
		kinds []fault.Kind // of the attempts
		want  string       // in the message of the first
		exits bool
	}{
		{"panic", []string{"panic"}, []fault.Kind{fault.User}, "a row says panic", false},
		{"exit", []string{"exit"}, []fault.Kind{fault.User}, "exited with code 3", true},
		{"exit beside others", []string{"wait", "exit"}, []fault.Kind{fault.User, fault.User}, "2 attempts ran", true},
		{"panic of a goroutine", []string{"crash"}, []fault.Kind{fault.User}, "a goroutine says panic", true},
		{"panic of a goroutine beside others", []string{"wait", "crash"}, []fault.Kind{fault.Lost, fault.User}, "a goroutine says panic", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHome(t, "a")
			spec, splits := acting(t, h, test.lines)
			ids := launch(t, h, spec, splits)
			for range ids {
				e := h.next("failed")
				i := slices.Index(ids, e.attempt)
				if i < 0 || e.failure.Kind != test.kinds[i] || !strings.Contains(e.failure.Message, test.want) {
					t.Errorf("attempt %d failed as %v: %s\nwant kinds %v and %q", i, e.failure.Kind, e.failure.Message, test.kinds, test.want)
				}
			}
			if !test.exits {
				return
			}
			if err := h.exited(); fault.KindOf(err) != fault.User {
				t.Errorf("Exited(%v) of kind %v, want kind user", err, fault.KindOf(err))
			}
			if err := h.worker.Launch(runOf(spec, 9, splits)); fault.KindOf(err) != fault.Lost {
				t.Errorf("Launch after the end = %v, want kind lost", err)
			}
		})
	}
}

// TestExitSaysWhatWasPrinted has the last lines in the report.
func TestExitSaysWhatWasPrinted(t *testing.T) {
	h := newHome(t, "a")
	spec, splits := acting(t, h, []string{"exit"})
	launch(t, h, spec, splits)
	if e := h.next("failed"); !strings.Contains(e.failure.Detail, "the end is near") {
		t.Errorf("detail %q, want what user code printed", e.failure.Detail)
	}
	h.exited()
}

// TestStuck kills workers whose attempts do not stop: after a cancellation, and
// because they read nothing.
func TestStuck(t *testing.T) {
	t.Run("cancel", func(t *testing.T) {
		h := newHome(t, "a")
		loops := filepath.Join(t.TempDir(), "loops")
		spec, splits := acting(t, h, []string{"loop " + loops, "wait"}, func(c *worker.Config) { c.Limits.Cancel = 2 * time.Second })
		ids := launch(t, h, spec, splits)
		until(t, "the row loops", func() bool { _, err := os.Stat(loops); return err == nil })
		h.worker.Cancel(ids[1])
		if e := h.next("failed"); e.attempt != ids[1] || e.failure.Kind != fault.Canceled {
			t.Errorf("%v failed as %v: %s; want attempt 1 canceled", e.attempt, e.failure.Kind, e.failure.Message)
		}
		h.worker.Cancel(ids[0])
		if e := h.next("failed"); e.attempt != ids[0] || e.failure.Kind != fault.Canceled || !strings.Contains(e.failure.Message, "killed") {
			t.Errorf("%v failed as %v: %s; want attempt 0 canceled by a kill", e.attempt, e.failure.Kind, e.failure.Message)
		}
		if err := h.exited(); fault.KindOf(err) != fault.Lost {
			t.Errorf("Exited(%v) of kind %v, want kind lost", err, fault.KindOf(err))
		}
	})
	t.Run("stall", func(t *testing.T) {
		h := newHome(t, "a")
		loops := filepath.Join(t.TempDir(), "loops")
		spec, splits := acting(t, h, []string{"loop " + loops}, func(c *worker.Config) { c.Limits.Stall = 2 * time.Second })
		ids := launch(t, h, spec, splits)
		if e := h.next("failed"); e.attempt != ids[0] || e.failure.Kind != fault.User || !strings.Contains(e.failure.Message, "read nothing for 2s") {
			t.Errorf("%v failed as %v: %s; want kind user", e.attempt, e.failure.Kind, e.failure.Message)
		}
		h.exited()
		// The goroutines, with the one that loops.
		if text := logOf(t, filepath.Join(h.worker.LogDir(), "stderr"), 0); !strings.Contains(text, "worker_test.act(") {
			t.Errorf("the log has no dump of goroutines: %.2000s", text)
		}
	})
}

// TestShutdown ends a worker with a grace in which an attempt does not end.
func TestShutdown(t *testing.T) {
	h := newHome(t, "a")
	spec, splits := acting(t, h, []string{"wait"})
	launch(t, h, spec, splits)
	h.worker.Shutdown(50*time.Millisecond, "a test")
	if e := h.next("failed"); e.failure.Kind != fault.Canceled {
		t.Errorf("attempt failed as %v: %s; want canceled", e.failure.Kind, e.failure.Message)
	}
	if err := h.exited(); err != nil {
		t.Errorf("Exited(%v), want no error", err)
	}
}

// TestKill loses what runs, by Kill and by the end of the context.
func TestKill(t *testing.T) {
	for _, how := range []string{"kill", "context", "signal"} {
		t.Run(how, func(t *testing.T) {
			h := newHome(t, "a")
			spec, splits := acting(t, h, []string{"wait"})
			launch(t, h, spec, splits)
			switch how {
			case "kill":
				h.worker.Kill()
			case "signal":
				syscall.Kill(h.worker.Pid(), syscall.SIGKILL)
			case "context":
				h.stop()
			}
			if e := h.next("failed"); e.failure.Kind != fault.Lost {
				t.Errorf("attempt failed as %v: %s; want lost", e.failure.Kind, e.failure.Message)
			}
			if e := h.next("exited"); fault.KindOf(e.err) != fault.Lost {
				t.Errorf("Exited(%v), want kind lost", e.err)
			}
		})
	}
}

func TestContextEnds(t *testing.T) {
	h := newHome(t, "a")
	spec := job(t, "count", "--input", "/nothing", "--output", filepath.Join(t.TempDir(), "out"))
	ctx, cancel := context.WithCancel(t.Context())
	w, err := worker.Start(ctx, h.config("count", spec))
	if err != nil {
		t.Fatal(err)
	}
	h.worker = w
	h.next("ready")
	cancel()
	if err := h.exited(); fault.KindOf(err) != fault.Lost {
		t.Errorf("Exited(%v), want kind lost", err)
	}
}

// until waits for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("not so: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// TestBadPrograms starts what is no worker.
func TestBadPrograms(t *testing.T) {
	spec := job(t, "count", "--input", "/nothing", "--output", filepath.Join(t.TempDir(), "out"))
	tests := []struct {
		program string
		kind    fault.Kind
		want    string
	}{
		{"garbage", fault.User, "no message"},
		{"skewed", fault.Invalid, "built with Sheaf v99.1.0, speaks protocol 98 to 99"},
		{"silent", fault.Invalid, "said nothing for 300ms"},
		{"quits", fault.User, "exited with code 7"},
		{"closes", fault.User, "closed its socket"},
		{"act", fault.Invalid, "this program runs job act, not count"},
	}
	for _, test := range tests {
		t.Run(test.program, func(t *testing.T) {
			h := newHome(t, "a")
			h.start(test.program, spec, func(c *worker.Config) {
				c.Limits.Quit = 300 * time.Millisecond
				if test.program == "silent" {
					c.Limits.Hello = 300 * time.Millisecond
				}
			})
			id := enumerate(spec, 1)
			if err := h.worker.Launch(id); err == nil {
				if e := h.next("failed"); e.attempt != id.Attempt || e.failure.Kind != test.kind {
					t.Errorf("attempt failed as %v: %s; want kind %v", e.failure.Kind, e.failure.Message, test.kind)
				}
			}
			if err := h.exited(); fault.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Exited(%v) of kind %v, want kind %v and %q", err, fault.KindOf(err), test.kind, test.want)
			}
		})
	}
	t.Run("not executable", func(t *testing.T) {
		h := newHome(t, "a")
		path := filepath.Join(t.TempDir(), "program")
		if err := os.WriteFile(path, []byte("no program"), 0o700); err != nil {
			t.Fatal(err)
		}
		c := h.config("count", spec)
		c.Program = path
		if _, err := worker.Start(t.Context(), c); fault.KindOf(err) != fault.Invalid {
			t.Errorf("Start = %v of kind %v, want kind invalid", err, fault.KindOf(err))
		}
		h.space.Remove()
	})
}

// TestWrongGraph names what differs.
func TestWrongGraph(t *testing.T) {
	h := newHome(t, "a")
	spec := job(t, "shifty", "--input", "/nothing", "--output", filepath.Join(t.TempDir(), "out"))
	h.start("shifty", spec)
	err := h.exited()
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), `operator "1 Map at `) || !strings.Contains(err.Error(), "gives int") {
		t.Errorf("Exited(%v), want an invalid one that names operator 1", err)
	}
}

// TestRelativeElsewhere refuses to write into a directory that will be removed.
func TestRelativeElsewhere(t *testing.T) {
	h := newHome(t, "a")
	spec := job(t, "count", "--input", "/nothing", "--output", "out")
	spec.WorkingDirectory = "/not/on/this/machine"
	h.start("count", spec)
	if err := h.exited(); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), `"out" is relative to /not/on/this/machine`) {
		t.Errorf("Exited(%v), want an invalid one that names the output", err)
	}
}

// TestEnvironment looks at what user code gets of its executor.
func TestEnvironment(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("SHEAF_TOKEN", "secret")
	h := newHome(t, "a")
	spec, splits := acting(t, h, []string{"environ", "open"})
	ids := launch(t, h, spec, splits)
	h.next("finished")
	h.next("finished")
	stage := filepath.Join(filepath.Dir(splits[0].Path), ".sheaf-stage-out-"+spec.Job.String(), "files")
	var text string
	staged, err := os.ReadDir(stage)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range staged {
		b, err := os.ReadFile(filepath.Join(stage, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		text += string(b)
	}
	if len(ids) != 2 || strings.Contains(text, "secret") || strings.Contains(text, plan.ModeVariable) || !strings.Contains(text, "PATH=") {
		t.Errorf("user code sees %s", text)
	}
	// Its own socket, files and the runtime's, and none of this process's.
	if n := strings.Count(text, "=socket:"); n != 1 {
		t.Errorf("user code has %d sockets open, want its own: %s", n, text)
	}
}

// logOf returns what is still there of a log from an offset on.
func logOf(t *testing.T, dir string, offset int64) string {
	t.Helper()
	var b strings.Builder
	for buf := make([]byte, 64<<10); ; {
		n, next, err := logs.Read(dir, buf, offset)
		if err != nil {
			t.Fatal(err)
		}
		if next == offset {
			return b.String()
		}
		b.Write(buf[:n])
		offset = next
	}
}

// TestLog reads the part of the log that an attempt wrote, also after the worker.
func TestLog(t *testing.T) {
	h := newHome(t, "a")
	spec, splits := acting(t, h, []string{"say first", "say second", "say third"})
	var ids []plan.AttemptID
	for i, split := range splits {
		a := runOf(spec, i, []plan.Split{split})
		ids = append(ids, a.Attempt)
		if err := h.worker.Launch(a); err != nil {
			t.Fatal(err)
		}
		h.next("finished")
	}
	h.worker.Shutdown(0, "a test")
	h.exited()
	for i, word := range []string{"first", "second", "third"} {
		for stream, want := range map[string]string{"stdout": word + "\n", "stderr": "loud " + word + "\n"} {
			dir := filepath.Join(h.worker.LogDir(), stream)
			e, err := logs.Find(dir, ids[i])
			if err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, e.End-e.Begin)
			if _, _, err := logs.Read(dir, buf, e.Begin); err != nil {
				t.Fatal(err)
			}
			if e.Shared || string(buf) != want {
				t.Errorf("%s of attempt %d is %q (shared %v), want %q", stream, i, buf, e.Shared, want)
			}
		}
	}
}

// TestLogIsCapped prints much more than the log keeps.
func TestLogIsCapped(t *testing.T) {
	h := newHome(t, "a")
	spec, splits := acting(t, h, []string{"print 65536"}, func(c *worker.Config) {
		c.Logs = logs.Limits{FileBytes: 1 << 20, Files: 3}
	})
	ids := launch(t, h, spec, splits)
	h.next("finished")
	h.worker.Shutdown(0, "a test")
	h.exited()
	dir := filepath.Join(h.worker.LogDir(), "stdout")
	e, err := logs.Find(dir, ids[0])
	if err != nil || e.End-e.Begin < 64<<20 {
		t.Errorf("Find = %+v, %v, want a part of 64 MiB", e, err)
	}
	if n := len(logOf(t, dir, 0)); n < 2<<20 || n > 3<<20 {
		t.Errorf("%d bytes of the log are left, want 2 to 3 MiB", n)
	}
}
