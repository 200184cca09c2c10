//go:build !linux

package worker

import (
	"os"
	"syscall"

	"github.com/sheafdata/sheaf/executor/worker/cgroup"
)

// Isolation is how far workers are kept apart; on this system they have a
// session of their own and nothing else.
type Isolation struct {
	PIDNamespace bool           // always false
	Groups       *cgroup.Parent // always nil
}

// Probe returns the zero value.
func Probe() Isolation { return Isolation{} }

// String says it for people.
func (Isolation) String() string { return "sessions" }

func (Isolation) newGroup(*Config) *cgroup.Group { return nil }

func (p *process) isolation() string { return p.config.Isolation.String() }

func attributes(bool, *cgroup.Group) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

func limit(int, *Config, *cgroup.Group) error { return nil }

func boundsAddresses(*cgroup.Group) bool { return false }

// awaitZombie returns false: there is no portable way to wait and leave the
// process's id in use.
func awaitZombie(int) bool { return false }

func peakRSS(*os.ProcessState) int64 { return 0 }

// waiting is not known: what was printed last may seem to belong to the next attempt.
func waiting(int) (int, error) { return 0, nil }
