package worker

import (
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/sheafdata/sheaf/executor/worker/logs"
)

const (
	// pumpBytes is what is read at once: a pipe holds as much.
	pumpBytes = 64 << 10
	// keepBytes is how much of standard error is kept to find a crash in it: a
	// crash may print thousands of goroutines, of which the first counts.
	keepBytes = 1 << 20
)

// output moves what a process prints through a pipe into its log.
type output struct {
	log  *logs.Log
	pipe *os.File
	keep bool // standard error

	mu   sync.Mutex // held from reading to appending, so that unread misses nothing
	tail []byte
}

// pump reads to the end of the pipe.
func (o *output) pump() {
	raw, err := o.pipe.SyscallConn()
	if err != nil {
		return
	}
	buf := make([]byte, pumpBytes)
	for end := false; !end; {
		err := raw.Read(func(fd uintptr) bool {
			var ready bool
			ready, end = o.move(int(fd), buf)
			return ready
		})
		if err != nil {
			return // closed
		}
	}
}

// move reads once. It returns false when there is nothing yet.
func (o *output) move(fd int, buf []byte) (ready, end bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := unix.Read(fd, buf)
	switch {
	case errors.Is(err, unix.EAGAIN):
		return false, false
	case errors.Is(err, unix.EINTR):
		return true, false
	case err != nil || n <= 0:
		return true, true
	}
	o.log.Append(buf[:n])
	if o.keep {
		o.remember(buf[:n])
	}
	return true, false
}

// remember keeps the end of what was printed.
func (o *output) remember(text []byte) {
	if len(o.tail)+len(text) > 2*keepBytes {
		o.tail = append(o.tail[:0], o.tail[len(o.tail)-keepBytes:]...)
	}
	o.tail = append(o.tail, text...)
}

// unread returns how many bytes were printed and are not in the log yet. The
// caller holds mu.
func (o *output) unread() int64 {
	raw, err := o.pipe.SyscallConn()
	if err != nil {
		return 0
	}
	var n int
	if err := raw.Control(func(fd uintptr) { n, err = waiting(int(fd)) }); err != nil {
		return 0
	}
	if err != nil {
		return 0
	}
	return int64(n)
}

// text returns the end of what was printed.
func (o *output) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.tail)
}
