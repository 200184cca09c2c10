package sdk

import (
	"context"
	"io"

	"github.com/sheafdata/sheaf/sdk/internal/args"
)

// Program is what Main runs: a *Job or a *Driver.
type Program interface {
	// Name returns the name given to Define or Drive.
	Name() string

	// read reads the command line.
	read(argv []string, stdout io.Writer) (*command, error)
	// find builds the graph of a job of the program from its arguments as JSON.
	find(job, text string) (*compiled, error)
}

// command is a program with the arguments of its command line.
type command struct {
	engine  args.Engine
	compile func() (*compiled, error)
	run     func(ctx context.Context, c *compiled, o Options) (*Result, error)
}
