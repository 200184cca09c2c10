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
)

// workerExit serves the executor at the other end of an inherited socket.
func workerExit(p Program, stderr io.Writer) int {
	err := serve(p)
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(stderr, "%s: worker: %v\n", p.Name(), err)
	return exitFailed
}

func serve(p Program) error {
	return serveExecutor(func(spec *plan.JobSpec) (*graph.Compiled, error) {
		c, err := p.find(spec.Name, spec.Args)
		if err != nil {
			return nil, err
		}
		return c.Compiled, nil
	})
}

// serveExecutor works for the executor at the other end of an inherited socket
// with the jobs that build makes.
func serveExecutor(build func(spec *plan.JobSpec) (*graph.Compiled, error)) error {
	conn, err := inherited()
	if err != nil {
		return err
	}
	defer program.DumpOnQuit()()
	return program.Serve(conn, program.Config{BuildVersion: buildVersion(), Build: build})
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
