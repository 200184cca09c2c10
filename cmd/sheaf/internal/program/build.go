package program

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
)

// stopTimeout is how long a process that was asked to end may take.
const stopTimeout = 5 * time.Second

// build compiles a package into a program. The user's own flags (GOFLAGS) count;
// only what decides where the program runs is set here.
func build(ctx context.Context, what string, target Platform, to string, stderr io.Writer) error {
	if local := filepath.IsAbs(what) || strings.HasPrefix(what, "."); local && !strings.Contains(what, "...") {
		if _, err := os.Stat(what); errors.Is(err, fs.ErrNotExist) {
			return fault.New(fault.Invalid, "%s is not there: give the path of a program or of a package's directory", what)
		}
	}
	// Paths of this machine do not belong into a program that others run.
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", to, what)
	cmd.Env = append(os.Environ(), "GOOS="+target.OS, "GOARCH="+target.Arch, "CGO_ENABLED=0")
	cmd.Stdout, cmd.Stderr = stderr, stderr
	gentle(cmd)
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		return fault.New(fault.Invalid, "build %s: there is no go command on the path: install Go, or submit a program that is built", what)
	}
	if _, ok := errors.AsType[*exec.ExitError](err); ok {
		return fault.New(fault.Invalid, "build %s for %s: the compiler found errors", what, target)
	}
	return fault.New(fault.Invalid, "build %s: %w", what, err)
}

// gentle asks a process to end before it is killed, so that it removes its
// temporary files.
func gentle(cmd *exec.Cmd) {
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
}
