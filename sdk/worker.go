package sdk

import (
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"

	"github.com/sheafdata/sheaf/executor/program"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/sdk/internal/args"
)

// workerExit serves the executor at the other end of an inherited socket.
func workerExit[A any](job *Job[A], stderr io.Writer) int {
	err := serve(job)
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(stderr, "%s: worker: %v\n", job.name, err)
	return exitFailed
}

func serve[A any](job *Job[A]) error {
	conn, err := inherited()
	if err != nil {
		return err
	}
	return program.Serve(conn, program.Config{
		BuildVersion: buildVersion(),
		Build: func(spec *plan.JobSpec) (*graph.Compiled, error) {
			if spec.Name != job.name {
				return nil, fault.New(fault.Invalid, "this program runs job %s, not %s", job.name, spec.Name)
			}
			var a A
			if err := args.Set(&a, spec.Args); err != nil {
				return nil, fmt.Errorf("arguments of job %s: %w", job.name, err)
			}
			return job.compile(a)
		},
	})
}

// inherited returns the socket to the executor.
func inherited() (net.Conn, error) {
	text := os.Getenv(plan.SocketVariable)
	os.Unsetenv(plan.SocketVariable)
	fd, err := strconv.Atoi(text)
	if err != nil || fd <= 2 {
		return nil, fault.New(fault.Invalid, "%s=%q names no descriptor: only an executor starts a worker", plan.SocketVariable, text)
	}
	// Processes that user code starts must neither speak there nor keep it open.
	syscall.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), "executor")
	if f == nil {
		return nil, fault.New(fault.Invalid, "%s=%q is not open", plan.SocketVariable, text)
	}
	defer f.Close() // FileConn makes a descriptor of its own
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, fault.New(fault.Invalid, "%s=%q: %w", plan.SocketVariable, text, err)
	}
	return conn, nil
}
