//go:build linux && (amd64 || arm64)

package powerloss

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrUnsupported says that this system does not let a process be watched.
var ErrUnsupported = errors.New("the system does not report system calls")

// Watch runs a command, which must call Join, to its end, and adds what it does
// to the trace. Before operation number stop the process is killed; a negative
// one is never reached. The error is that of the command, a kill included; an
// error is also what was written in a way that is not modelled.
func (t *Trace) Watch(cmd *exec.Cmd, stop int) error {
	ours, theirs, err := socketPair()
	if err != nil {
		return err
	}
	defer ours.Close()
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Env = append(cmd.Environ(), fmt.Sprintf("%s=%d", socketVariable, socketDescriptor), "GODEBUG=asyncpreemptoff=1")
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	listener, err := receive(ours)
	if err != nil {
		cmd.Process.Kill()
		return errors.Join(fmt.Errorf("%w: %w", ErrUnsupported, err), <-ended)
	}
	defer unix.Close(listener)
	w := &watcher{trace: t, listener: listener, stop: stop, kill: cmd.Process.Kill}
	err = w.serve(ended)
	if err != nil {
		cmd.Process.Kill()
		return errors.Join(err, <-ended)
	}
	if w.over != nil {
		return w.over
	}
	var last *Disk
	for _, last = range t.Crashes() {
	}
	return last.compare(t.root)
}

// socketPair is by which the watched process hands over its listener.
func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "watcher"), os.NewFile(uintptr(fds[1]), "watched"), nil
}

// receive gets the listener.
func receive(socket *os.File) (int, error) {
	// A process that never joins must not be waited for without end.
	if err := unix.SetsockoptTimeval(int(socket.Fd()), unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 60}); err != nil {
		return 0, err
	}
	room := make([]byte, unix.CmsgSpace(4))
	n, control, _, _, err := unix.Recvmsg(int(socket.Fd()), make([]byte, 1), room, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, errors.New("the process ended before it could be watched: what it wrote to its standard error says why")
	}
	messages, err := unix.ParseSocketControlMessage(room[:control])
	if err != nil || len(messages) != 1 {
		return 0, fmt.Errorf("%d messages: %w", len(messages), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return 0, fmt.Errorf("%d descriptors: %w", len(fds), err)
	}
	return fds[0], nil
}

// watcher answers the calls of one process.
type watcher struct {
	trace    *Trace
	listener int
	stop     int
	kill     func() error
	over     error // of the process
}

// call and answer are the kernel's struct seccomp_notif and seccomp_notif_resp.
type call struct {
	id     uint64
	thread uint32
	flags  uint32
	number int32
	arch   uint32
	ip     uint64
	args   [6]uint64
}

type answer struct {
	id    uint64
	value int64
	err   int32
	flags uint32
}

// lookEvery bounds how late the end of a process is seen where the kernel does
// not report it.
const lookEvery = 100 * time.Millisecond

// serve answers calls until the process has ended.
func (w *watcher) serve(ended <-chan error) error {
	for {
		fds := []unix.PollFd{{Fd: int32(w.listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, int(lookEvery.Milliseconds())); err != nil && err != unix.EINTR {
			return err
		}
		if fds[0].Revents&unix.POLLIN != 0 {
			if err := w.answer(); err != nil {
				return err
			}
			continue
		}
		if fds[0].Revents != 0 {
			w.over = <-ended
			return nil
		}
		select {
		case w.over = <-ended:
			return nil
		default:
		}
	}
}

// answer takes one call, notes it and lets it go on.
func (w *watcher) answer() error {
	var c call
	if err := w.control(unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&c)); err != nil {
		return gone(err)
	}
	o, err := (&reader{&c, w.trace.root}).op()
	if err != nil {
		return err
	}
	if o != nil && len(w.trace.ops) == w.stop {
		return w.kill()
	}
	a := answer{id: c.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	if err := w.control(unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&a)); err != nil {
		return gone(err) // the call is reported again, or its thread has ended
	}
	if o != nil {
		w.trace.ops = append(w.trace.ops, *o)
	}
	return nil
}

func gone(err error) error {
	if err == unix.ENOENT || err == unix.EINTR {
		return nil
	}
	return err
}

func (w *watcher) control(request uintptr, argument unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(w.listener), request, uintptr(argument)); errno != 0 {
		return errno
	}
	return nil
}
