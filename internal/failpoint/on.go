//go:build failpoint

package failpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// Enabled says whether the program was built with failpoints.
const Enabled = true

// told is what the environment of the process says.
var told = read(os.Getenv)

// order is what to do where.
type order struct {
	point  Point
	nth    int64 // 0 for never
	action string
	once   string // file
	trace  string // file
	hits   [count]atomic.Int64
}

const (
	kill   = "kill"
	stop   = "stop"
	failed = "error"
)

// Hit says that the process is at a point. It returns an error when the
// environment asks for one here.
func Hit(p Point) error { return told.hit(p) }

// read panics where the environment is wrong: a test that asks for what does not
// exist must not pass.
func read(getenv func(string) string) *order {
	o := &order{once: getenv(OnceVariable), trace: getenv(TraceVariable)}
	text := getenv(Variable)
	if text == "" {
		return o
	}
	if err := o.parse(text); err != nil {
		panic(fmt.Sprintf("%s=%s: %v", Variable, text, err))
	}
	return o
}

func (o *order) parse(text string) error {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return errors.New("want NAME:N:ACTION")
	}
	i := slices.Index(names[:], parts[0])
	if i < 0 {
		return fmt.Errorf("there is no point %q", parts[0])
	}
	nth, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || nth < 1 {
		return fmt.Errorf("%q is no number of a hit, from 1", parts[1])
	}
	if !slices.Contains([]string{kill, stop, failed}, parts[2]) {
		return fmt.Errorf("there is no action %q", parts[2])
	}
	o.point, o.nth, o.action = Point(i), nth, parts[2]
	return nil
}

func (o *order) hit(p Point) error {
	n := o.hits[p].Add(1)
	if o.trace != "" {
		note(o.trace, os.O_APPEND, p, n)
	}
	if p != o.point || n != o.nth {
		return nil
	}
	if o.once != "" && !note(o.once, os.O_EXCL, p, n) {
		return nil
	}
	return act(o.action, p)
}

// note writes a line to a file and reports whether it is new, for O_EXCL.
func note(path string, how int, p Point, n int64) bool {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|how, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return false
	}
	if err == nil {
		_, err = fmt.Fprintf(f, "%s %d %d\n", p, os.Getpid(), n)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		panic(fmt.Sprintf("note a hit of failpoint %s: %v", p, err))
	}
	return true
}

func act(action string, p Point) error {
	switch action {
	case kill:
		if os.Getpid() == 1 {
			panic("the first process of a PID namespace cannot kill itself: run executors with --isolation none")
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // other threads may run for a moment: this one must not
	case stop:
		return syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	}
	return fmt.Errorf("failpoint %s: %w", p, syscall.EIO)
}
