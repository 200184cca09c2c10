package worker

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sheafdata/sheaf/executor/worker/cgroup"
)

// Isolation is how far workers are kept apart from the machine and from each
// other. It hardens; it is no border against hostile code. The zero value is
// what always works: a session of its own, limits of the process, and an end
// with the daemon.
type Isolation struct {
	// PIDNamespace puts each worker into a PID namespace: all that it started
	// ends with it.
	PIDNamespace bool
	// Groups is where the control groups of workers are made; nil for none.
	Groups *cgroup.Parent
}

// Probe finds out what the system permits.
func Probe() Isolation {
	var i Isolation
	i.PIDNamespace = canMakePIDNamespace()
	if parent, err := cgroup.Find(); err == nil {
		i.Groups = parent
	}
	return i
}

// canMakePIDNamespace tries it, for the children of a thread that ends at once:
// capabilities, seccomp and the limits of namespaces all have a say.
func canMakePIDNamespace() bool {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // not unlocked: the thread ends with the goroutine
		done <- unix.Unshare(unix.CLONE_NEWPID)
	}()
	return <-done == nil
}

// String says it for people: "pid namespace, cgroup v2 (memory, pids), rlimits".
func (i Isolation) String() string {
	var parts []string
	if i.PIDNamespace {
		parts = append(parts, "pid namespace")
	}
	if i.Groups != nil {
		parts = append(parts, i.Groups.String())
	}
	return strings.Join(append(parts, "rlimits"), ", ")
}

// newGroup makes the control group of a worker, or nil where there is none.
func (i Isolation) newGroup(c *Config) *cgroup.Group {
	if i.Groups == nil {
		return nil
	}
	g, err := i.Groups.New(cgroup.Limits{MemoryBytes: c.LimitBytes, Processes: c.Limits.Processes})
	if err != nil {
		c.Log.Warn("no control group for a worker: its memory is bounded by RLIMIT_DATA", "job", c.Job.Job, "err", err)
		return nil
	}
	return g
}

// isolation says what the process really has.
func (p *process) isolation() string {
	i := p.config.Isolation
	if p.group == nil {
		i.Groups = nil
	}
	return i.String()
}

// attributes say how the process is made.
func attributes(pidNS bool, g *cgroup.Group) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if pidNS {
		a.Cloneflags |= unix.CLONE_NEWPID
	}
	if g != nil {
		a.CgroupFD, a.UseCgroupFD = g.FD()
	}
	return a
}

// dataHeadroom is what RLIMIT_DATA allows beyond the limit of a worker: it
// counts addresses, of which Go's heap and the stacks of threads take more than
// memory.
const dataHeadroom = 256 << 20

// limit sets the limits of a process that has just begun.
func limit(pid int, c *Config, g *cgroup.Group) error {
	set := func(resource int, n uint64) error {
		return unix.Prlimit(pid, resource, &unix.Rlimit{Cur: n, Max: n}, nil)
	}
	errs := []error{set(unix.RLIMIT_CORE, 0), set(unix.RLIMIT_NOFILE, descriptors(c.Limits.Descriptors))}
	if c.Limits.FileBytes > 0 {
		errs = append(errs, set(unix.RLIMIT_FSIZE, c.Limits.FileBytes))
	}
	if boundsAddresses(g) {
		errs = append(errs, set(unix.RLIMIT_DATA, uint64(c.LimitBytes)+dataHeadroom))
	}
	return errors.Join(errs...)
}

// boundsAddresses says that a process's memory is bounded by RLIMIT_DATA.
func boundsAddresses(g *cgroup.Group) bool { return g == nil || !g.LimitsMemory() }

// descriptors returns n, or what this process may have if that is less: only
// root may give more.
func descriptors(n uint64) uint64 {
	var own unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &own); err != nil {
		return n
	}
	return min(n, own.Max)
}

// awaitZombie waits until a child has ended, and leaves it to be waited for. It
// reports whether it did.
func awaitZombie(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err == nil
		}
	}
}

func peakRSS(s *os.ProcessState) int64 {
	if usage, ok := s.SysUsage().(*syscall.Rusage); ok {
		return usage.Maxrss << 10
	}
	return 0
}

// waiting returns how many bytes a pipe holds: FIONREAD by its other name.
func waiting(fd int) (int, error) { return unix.IoctlGetInt(fd, unix.TIOCINQ) }
