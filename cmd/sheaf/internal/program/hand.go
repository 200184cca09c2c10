package program

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os/exec"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// ErrRows says that the program failed with the rows that it collected, and has
// said why on stderr.
var ErrRows = errors.New("the program failed with the rows that the job collected; the job itself is done")

// Hand starts the program on this machine, with the arguments of its job, and
// gives it what the job collected.
func (p *Program) Hand(ctx context.Context, args []string, h *wire.Handover, stdout, stderr io.Writer) error {
	var rows bytes.Buffer
	if err := h.Write(&rows); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, p.native, args...)
	cmd.Env = environment(plan.ModeRows)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &rows, stdout, stderr
	gentle(cmd)
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return fault.New(fault.User, "%w (%v)", ErrRows, exit)
	}
	return err
}
