package program

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"go.uber.org/goleak"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
	"github.com/sheafdata/sheaf/shuffle/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listing is a source whose listing is what a test does.
type listing func(ctx context.Context) ([]plan.Split, error)

func (listing) Name() string          { return "listing" }
func (listing) Schema() *arrow.Schema { return nil }
func (l listing) Enumerate(ctx context.Context) ([]plan.Split, error) {
	return l(ctx)
}
func (listing) Open(context.Context, plan.Split, graph.ReadOptions) (graph.BatchReader, error) {
	return nil, errors.New("nothing to read")
}

// compile makes a graph that lists a source.
func compile(l listing, args, dest string) (*graph.Compiled, error) {
	typ, err := column.For[string]()
	if err != nil {
		return nil, err
	}
	g := &graph.Graph{Name: "test"}
	at := graph.Position{File: "/src/test/main.go", Line: 7}
	in := g.Add(&graph.Node{Role: graph.Input, Op: "Read", At: at, Type: typ, Impl: &operator.Input{Source: l, Edge: operator.EdgeOf[string](typ)}})
	out := &graph.Node{Role: graph.Output, Op: "Collect", At: at, Inputs: []*graph.Node{in}, Impl: operator.Collect(typ, func([]string) error { return nil })}
	out.Destination = dest
	g.Add(out)
	return graph.Compile(g, args)
}

// executor is the other end of a worker that runs in this process.
type executor struct {
	t    testing.TB
	conn net.Conn
	in   *wire.Reader
	out  *wire.Writer
	done chan error
	spec plan.JobSpec
	dirs []string
}

// serve runs a worker whose source lists by l.
func serve(t testing.TB, l listing, change ...func(*Config)) *executor {
	t.Helper()
	st, err := store.Open(store.Config{Dirs: []string{t.TempDir()}, Owner: "here"})
	if err != nil {
		t.Fatal(err)
	}
	planned, err := compile(l, "{}", "")
	if err != nil {
		t.Fatal(err)
	}
	e := &executor{t: t, done: make(chan error, 1), spec: plan.JobSpec{
		Job: plan.JobID{1}, Name: "test", ArtifactSHA256: strings.Repeat("0", 64), Args: "{}",
		Fingerprint: planned.Plan.Fingerprint, Graph: planned.Describe(),
	}}
	space, err := st.NewWorkspace(e.spec.Job)
	if err != nil {
		t.Fatal(err)
	}
	e.dirs = space.Dirs()
	t.Cleanup(func() {
		if err := errors.Join(space.Remove(), st.Close()); err != nil {
			t.Error(err)
		}
	})
	c := Config{BuildVersion: "v0", Build: func(spec *plan.JobSpec) (*graph.Compiled, error) { return compile(l, spec.Args, "") }}
	for _, f := range change {
		f(&c)
	}
	ours, theirs := net.Pipe()
	e.conn, e.in, e.out = ours, wire.NewReader(ours), wire.NewWriter(ours)
	go func() { e.done <- Serve(theirs, c) }()
	return e
}

func (e *executor) say(m wire.Message) {
	e.t.Helper()
	if err := e.out.Write(m); err != nil {
		e.t.Fatalf("say %T: %v", m, err)
	}
}

// hear returns the next message but progress, which must be a T.
func hear[T wire.Message](e *executor) T {
	e.t.Helper()
	for {
		m, err := e.in.Read()
		if err != nil {
			e.t.Fatalf("hear: %v", err)
		}
		if _, ok := m.(wire.Progress); ok {
			continue
		}
		got, ok := m.(T)
		if !ok {
			e.t.Fatalf("heard %+v, want %T", m, got)
		}
		return got
	}
}

// start begins the job. The attempts of its source are launched by launch.
func (e *executor) start(slots int) wire.Ready {
	e.t.Helper()
	if h := hear[wire.Hello](e); h.Protocol != wire.WorkerProtocol || h.BuildVersion != "v0" {
		e.t.Errorf("hello %+v, want %v of v0", h, wire.WorkerProtocol)
	}
	e.say(wire.Start{
		Protocol: wire.WorkerProtocol.Max, Executor: "here", Job: e.spec, Directories: e.dirs,
		MemoryBytes: 1 << 30, Slots: slots, Progress: time.Second,
	})
	return hear[wire.Ready](e)
}

func (e *executor) launch(number int) plan.AttemptID {
	e.t.Helper()
	id := plan.AttemptID{Job: e.spec.Job, Task: plan.TaskID{Stage: plan.EnumerateStage}, Number: number}
	e.say(wire.Launch{Assignment: plan.Assignment{Attempt: id, Work: plan.Enumerate}})
	return id
}

// end waits for Serve, which must not fail otherwise than want says.
func (e *executor) end(want string) {
	e.t.Helper()
	err := <-e.done
	if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		e.t.Errorf("Serve = %v, want %q", err, want)
	}
	e.conn.Close()
}

// hangUntil lists when ctx ends.
func hangUntil(ctx context.Context) ([]plan.Split, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := serve(t, func(context.Context) ([]plan.Split, error) { return []plan.Split{{Path: "a", Length: 3}}, nil })
		if r := e.start(1); r.Failure != nil || r.Fingerprint != e.spec.Fingerprint {
			t.Fatalf("ready %+v, want fingerprint %s", r, e.spec.Fingerprint)
		}
		id := e.launch(1)
		if f := hear[wire.Finished](e); f.Attempt != id || len(f.Result.Splits) != 1 {
			t.Errorf("finished %+v, want one split of %v", f, id)
		}
		e.say(wire.Executors{Addresses: []wire.ExecutorAddress{{Executor: "there", Address: "127.0.0.1:1"}}})
		e.say(wire.Release{Attempts: []plan.AttemptID{id}})
		e.say(wire.CancelAttempt{Attempt: id})
		e.say(wire.Shutdown{Grace: time.Minute})
		e.end("")
	})
}

// TestSlots lets attempts wait for a slot, also to be canceled there.
func TestSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := serve(t, hangUntil)
		e.start(1)
		first, second, third := e.launch(1), e.launch(2), e.launch(3)
		for _, id := range []plan.AttemptID{second, first, third} {
			e.say(wire.CancelAttempt{Attempt: id})
			if f := hear[wire.Failed](e); f.Attempt != id || f.Failure.Kind != fault.Canceled {
				t.Errorf("failed %+v, want %v canceled", f, id)
			}
		}
		e.say(wire.Shutdown{})
		e.end("")
	})
}

// TestShutdown cancels what runs after the grace and refuses what comes.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := serve(t, hangUntil)
		e.start(1)
		runs, waits := e.launch(1), e.launch(2)
		e.say(wire.Shutdown{Grace: time.Minute})
		began := time.Now()
		if f := hear[wire.Failed](e); f.Attempt != waits || f.Failure.Kind != fault.Lost {
			t.Errorf("failed %+v, want %v lost", f, waits)
		}
		late := e.launch(3)
		if f := hear[wire.Failed](e); f.Attempt != late || f.Failure.Kind != fault.Lost {
			t.Errorf("failed %+v, want %v lost", f, late)
		}
		if f := hear[wire.Failed](e); f.Attempt != runs || f.Failure.Kind != fault.Canceled || time.Since(began) != time.Minute {
			t.Errorf("failed %+v after %v, want %v canceled after a minute", f, time.Since(began), runs)
		}
		e.end("")
	})
}

// TestExecutorGone ends within 5 s of the end of the stream, whatever user code
// does at that time.
func TestExecutorGone(t *testing.T) {
	tests := []struct {
		name  string
		when  func(e *executor)
		stuck bool // user code does not return
		want  string
	}{
		{"before the start", func(e *executor) { hear[wire.Hello](e) }, false, "wait for the executor"},
		{"idle", func(e *executor) { e.start(1) }, false, "the executor is gone"},
		{"an attempt that obeys", func(e *executor) { e.start(1); e.launch(1) }, false, "the executor is gone"},
		{"an attempt that does not", func(e *executor) { e.start(1); e.launch(1) }, true, "did not stop within"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				defer close(release)
				e := serve(t, func(ctx context.Context) ([]plan.Split, error) {
					if test.stuck {
						<-release
						return nil, nil
					}
					return hangUntil(ctx)
				})
				test.when(e)
				synctest.Wait()
				began := time.Now()
				e.conn.Close()
				e.end(test.want)
				if took := time.Since(began); took >= 5*time.Second {
					t.Errorf("Serve took %v to end", took)
				}
			})
		})
	}
}

// TestBuildHangs ends while the build function does not.
func TestBuildHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		e := serve(t, hangUntil, func(c *Config) {
			c.Build = func(*plan.JobSpec) (*graph.Compiled, error) { <-release; return nil, errors.New("late") }
		})
		hear[wire.Hello](e)
		e.say(wire.Start{Protocol: 1, Executor: "here", Job: e.spec})
		e.launch(1)
		e.conn.Close()
		e.end("the executor is gone")
	})
}

// TestNotReady refuses to work.
func TestNotReady(t *testing.T) {
	relative := func(c *Config) {
		c.Build = func(spec *plan.JobSpec) (*graph.Compiled, error) { return compile(hangUntil, spec.Args, "out") }
	}
	planned, err := compile(hangUntil, "{}", "out")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(*Config)
		spec   func(*plan.JobSpec)
		kind   fault.Kind
		want   string
	}{
		{"the build fails", func(c *Config) {
			c.Build = func(*plan.JobSpec) (*graph.Compiled, error) { return nil, fault.New(fault.Invalid, "no such verb") }
		}, nil, fault.Invalid, "no such verb"},
		{"other arguments", nil, func(s *plan.JobSpec) { s.Args, s.Fingerprint = `{"a":1}`, strings.Repeat("1", 32) }, fault.Invalid, "the plan was made from graph 1111"},
		{"another operator", nil, func(s *plan.JobSpec) {
			s.Fingerprint, s.Graph = strings.Repeat("1", 32), []string{s.Graph[0], "1 Write at test/main.go:9 <0"}
		}, fault.Invalid, `operator "1 Write at test/main.go:9 <0" is "1 Collect at test/main.go:7 <0" here`},
		{"another name", nil, func(s *plan.JobSpec) { s.Fingerprint, s.Name = strings.Repeat("1", 32), "other" }, fault.Invalid, `called "other", and "test" here`},
		{"no such codec", nil, func(s *plan.JobSpec) { s.Options.Codec = "lzma" }, fault.Invalid, "lzma"},
		{"relative to nothing", relative, func(s *plan.JobSpec) { s.Fingerprint = planned.Plan.Fingerprint }, fault.Invalid, `"out" is relative and nobody says to what`},
		{"relative to elsewhere", relative, func(s *plan.JobSpec) {
			s.Fingerprint, s.WorkingDirectory = planned.Plan.Fingerprint, "/no/such/directory"
		}, fault.Invalid, "this machine has no such directory"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := serve(t, hangUntil, func(c *Config) {
				if test.change != nil {
					test.change(c)
				}
			})
			if test.spec != nil {
				test.spec(&e.spec)
			}
			r := e.start(1)
			if r.Failure == nil || r.Failure.Kind != test.kind || !strings.Contains(r.Failure.Message, test.want) {
				t.Errorf("ready with %+v, want a failure of kind %v with %q", r.Failure, test.kind, test.want)
			}
			e.end(test.want)
		})
	}
}

// TestResultTooLarge fails an attempt whose result no frame takes.
func TestResultTooLarge(t *testing.T) {
	splits := make([]plan.Split, 1<<20+1) // one more than a list may have
	e := serve(t, func(context.Context) ([]plan.Split, error) { return splits, nil })
	e.start(1)
	id := e.launch(1)
	if f := hear[wire.Failed](e); f.Attempt != id || f.Failure.Kind != fault.Invalid || !strings.Contains(f.Failure.Message, "cannot be sent") {
		t.Errorf("failed %+v, want an invalid one", f)
	}
	e.say(wire.Shutdown{})
	e.end("")
}

// TestWrongTurn ends the worker for messages that do not belong there.
func TestWrongTurn(t *testing.T) {
	e := serve(t, hangUntil)
	hear[wire.Hello](e)
	e.say(wire.Shutdown{})
	e.end("the executor began with")

	e = serve(t, hangUntil)
	hear[wire.Hello](e)
	e.say(wire.Start{Protocol: 99, Executor: "here", Job: e.spec})
	e.end("the executor speaks protocol 99")

	e = serve(t, hangUntil)
	e.start(1)
	e.say(wire.Ready{})
	e.end("wire.Ready")
}

// FuzzServe feeds a worker whatever bytes after a true start: it must end.
func FuzzServe(f *testing.F) {
	frames := func(m ...wire.Message) []byte {
		var b strings.Builder
		w := wire.NewWriter(&b)
		for _, m := range m {
			if err := w.Write(m); err != nil {
				f.Fatal(err)
			}
		}
		return []byte(b.String())
	}
	id := plan.AttemptID{Job: plan.JobID{1}, Task: plan.TaskID{Stage: plan.EnumerateStage}, Number: 1}
	f.Add(frames(wire.Launch{Assignment: plan.Assignment{Attempt: id, Work: plan.Enumerate}}, wire.CancelAttempt{Attempt: id}, wire.Shutdown{}))
	f.Add(frames(wire.Launch{Assignment: plan.Assignment{Attempt: id, Work: plan.Run, Partition: &plan.Partition{Exchange: 5}}}, wire.Release{Attempts: []plan.AttemptID{id}}))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		e := serve(t, func(context.Context) ([]plan.Split, error) { return nil, nil })
		e.start(1)
		told := make(chan struct{})
		go func() {
			defer close(told)
			io.Copy(io.Discard, e.conn)
		}()
		e.conn.Write(data) // fails when Serve has ended
		e.conn.Close()
		<-told
		<-e.done
	})
}

// TestAlone lets an attempt that tries suspected rows wait until nothing else runs,
// and all others until it has ended.
func TestAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := serve(t, hangUntil)
		e.start(2)
		suspect := func(number int) plan.AttemptID {
			id := plan.AttemptID{Job: e.spec.Job, Task: plan.TaskID{Stage: plan.EnumerateStage}, Number: number}
			e.say(wire.Launch{Assignment: plan.Assignment{Attempt: id, Work: plan.Enumerate, Suspect: &plan.RowRange{Rows: 3}}})
			return id
		}
		running := func(want ...plan.AttemptID) {
			t.Helper()
			synctest.Wait()
			m, err := e.in.Read()
			p, ok := m.(wire.Progress)
			if err != nil || !ok {
				t.Fatalf("heard %+v, %v, want progress", m, err)
			}
			got := map[plan.AttemptID]bool{}
			for _, a := range p.Attempts {
				got[a.Attempt] = true
			}
			if len(got) != len(want) {
				t.Errorf("%v run, want %v", got, want)
			}
			for _, id := range want {
				if !got[id] {
					t.Errorf("%v run, want %v among them", got, id)
				}
			}
		}
		end := func(id plan.AttemptID) {
			t.Helper()
			e.say(wire.CancelAttempt{Attempt: id})
			if f := hear[wire.Failed](e); f.Attempt != id {
				t.Errorf("failed %+v, want %v", f, id)
			}
		}
		first := e.launch(1)
		second, third, fourth := suspect(2), e.launch(3), suspect(4)
		running(first)
		end(first)
		running(second)
		end(second)
		running(third)
		end(third)
		running(fourth)
		fifth, sixth := e.launch(5), e.launch(6)
		running(fourth)
		end(fourth)
		running(fifth, sixth)
		e.say(wire.Shutdown{})
		hear[wire.Failed](e)
		hear[wire.Failed](e)
		e.end("")
	})
}
