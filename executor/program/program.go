// Package program is the end of the worker protocol that runs inside the user's
// program: it builds the job's graph again, refuses to work when that is not
// the graph of the plan, and runs the attempts that its executor sends, by the
// task runtime and in goroutines of their own. sdk.Main calls it in a worker.
//
// Map outputs go into the workspace that the executor made and are its own as
// soon as they are reported; those of the same machine are read as files, others
// over HTTP from their executors.
//
// Serve owns a goroutine that reads the socket, one for each attempt and one for
// the build function. The end of the stream ends it within endLimit, whatever
// user code does; goroutines of user code that does not return are left behind,
// and the caller ends the process.
package program

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// Config is the program's part of a worker.
type Config struct {
	// Build makes the graph of a job from its specification. It may call code of
	// the user.
	Build        func(spec *plan.JobSpec) (*graph.Compiled, error)
	BuildVersion string // of Sheaf, for messages about versions; may be empty
}

// endLimit is how long attempts may take to clear up after the executor has
// gone. The process shall be gone within 5 s.
const endLimit = 4 * time.Second

// Serve runs attempts for the executor at the other end of conn, until that says
// to end or is gone, and closes conn. It returns nil when it was told to end and
// all attempts have. It is called once in a process, of which it may change the
// working directory.
func Serve(conn io.ReadWriteCloser, c Config) (err error) {
	s := newServer(conn, c)
	defer func() { err = errors.Join(err, s.close()) }()
	if err := failpoint.Hit(failpoint.WorkerBegan); err != nil {
		return err
	}
	if err := s.greet(); err != nil {
		return err
	}
	if err := s.begin(); err != nil {
		return err
	}
	return s.loop()
}

// received is a message, or the end of the stream.
type received struct {
	message wire.Message
	err     error
}

// greet says hello and waits for the start.
func (s *server) greet() error {
	if err := s.out.Write(wire.Hello{Protocol: wire.WorkerProtocol, BuildVersion: s.config.BuildVersion}); err != nil {
		return fmt.Errorf("greet the executor: %w", err)
	}
	go s.read()
	r := <-s.in
	if r.err != nil {
		return fmt.Errorf("wait for the executor: %w", r.err)
	}
	start, ok := r.message.(wire.Start)
	if !ok {
		return fault.New(fault.Internal, "the executor began with %T", r.message)
	}
	if p := wire.WorkerProtocol; start.Protocol < p.Min || start.Protocol > p.Max {
		return fault.New(fault.Invalid, "the executor speaks protocol %d and this program %v", start.Protocol, p)
	}
	s.start = start
	return nil
}

// read hands on messages until the end of the stream.
func (s *server) read() {
	in := wire.NewReader(s.conn)
	for {
		m, err := in.Read()
		select {
		case s.in <- received{m, err}:
		case <-s.over:
			return
		}
		if err != nil {
			return
		}
	}
}

// begin builds the graph, while the stream is watched, and says whether it is
// the right one. Messages that come meanwhile wait.
func (s *server) begin() error {
	built := make(chan error, 1)
	go func() {
		// User code may end its goroutine.
		err := fault.New(fault.User, "the build function ended its goroutine (runtime.Goexit)")
		defer func() { built <- err }()
		err = s.prepare()
	}()
	var early []wire.Message
	for {
		select {
		case r := <-s.in:
			if r.err != nil {
				return gone(r.err)
			}
			if early = append(early, r.message); len(early) > maxWaiting {
				return fault.New(fault.Internal, "the executor sent %d messages before this program was ready", len(early))
			}
		case err := <-built:
			if err := s.ready(err); err != nil {
				return err
			}
			for _, m := range early {
				if err := s.handle(m); err != nil {
					return err
				}
			}
			return nil
		}
	}
}

// maxWaiting bounds messages and attempts that wait: many more than an executor
// has slots.
const maxWaiting = 16 << 10

// ready says that attempts may come, or why they may not: then the executor
// ends the stream.
func (s *server) ready(failure error) error {
	m := wire.Ready{}
	if s.graph != nil {
		m.Fingerprint = s.graph.Plan.Fingerprint
	}
	if failure != nil {
		report := fault.ReportOf(failure)
		m.Failure = &report
	}
	if err := failpoint.Hit(failpoint.WorkerReady); err != nil {
		return err
	}
	if err := s.out.Write(m); err != nil {
		return err
	}
	if failure != nil {
		return fmt.Errorf("begin the job: %w", failure)
	}
	return nil
}

// prepare builds the graph and opens what attempts need.
func (s *server) prepare() error {
	spec := &s.start.Job
	here, err := enter(spec.WorkingDirectory)
	if err != nil {
		return err
	}
	g, err := s.config.Build(spec)
	if err != nil {
		return err
	}
	if err := check(spec, g); err != nil {
		s.graph = g
		return err
	}
	if !here {
		if err := refuseRelative(g, spec.WorkingDirectory); err != nil {
			return err
		}
	}
	s.graph = g
	return s.open()
}

// enter goes to the directory where the job was submitted, if this machine has it.
func enter(dir string) (bool, error) {
	if dir == "" {
		return false, nil
	}
	err := os.Chdir(dir)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, os.ErrNotExist), errors.Is(err, os.ErrPermission):
		return false, nil
	}
	return false, fault.Wrap(fault.Transient, fmt.Errorf("go where the job was submitted: %w", err))
}

// gone is the error of a stream that ended.
func gone(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.New(fault.Lost, "the executor is gone: %w", err)
	}
	return fmt.Errorf("read from the executor: %w", err)
}
