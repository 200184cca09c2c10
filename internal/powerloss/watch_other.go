//go:build !(linux && (amd64 || arm64))

package powerloss

import (
	"errors"
	"os/exec"
)

// ErrUnsupported says that this system does not let a process be watched.
var ErrUnsupported = errors.New("the system does not report system calls")

// Join does nothing here.
func Join() error { return nil }

// Watch cannot watch here.
func (t *Trace) Watch(*exec.Cmd, int) error { return ErrUnsupported }
