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
	args := []string{"build", "-trimpath", "-o", to, what}
	if dir := otherModule(what); dir != "" {
		args = []string{"-C", dir, "build", "-trimpath", "-o", to, "."}
	}
	cmd := exec.CommandContext(ctx, "go", args...)
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
		return fault.New(fault.Invalid, "build %s: there is no go command on the path: install Go, or give a program that is built", what)
	}
	if _, ok := errors.AsType[*exec.ExitError](err); ok {
		return fault.New(fault.Invalid, "build %s for %s: the compiler found errors", what, target)
	}
	return fault.New(fault.Invalid, "build %s: %w", what, err)
}

// otherModule returns the directory that a package is in if that belongs to
// another module than the working directory, from where the go command would not
// build it.
func otherModule(what string) string {
	if info, err := os.Stat(what); err != nil || !info.IsDir() {
		return ""
	}
	dir, err := filepath.Abs(what)
	if err != nil {
		return ""
	}
	here, err := os.Getwd()
	if err != nil || root(dir) == "" || root(dir) == root(here) {
		return ""
	}
	return dir
}

// root returns the directory of the module that a directory belongs to, empty for
// none.
func root(dir string) string {
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// gentle asks a process to end before it is killed, so that it removes its
// temporary files.
func gentle(cmd *exec.Cmd) {
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
}
