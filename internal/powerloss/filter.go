//go:build linux && (amd64 || arm64)

package powerloss

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socketVariable tells a process that it is watched, and by which descriptor.
const socketVariable = "SHEAF_POWERLOSS_SOCKET"

// watched are the system calls that change files or make them safe. What Go and
// the libraries use on Linux is here; the last ones, which Go uses to copy, are
// refused in the watched directory, since their bytes are not seen.
var watched = []uint32{
	unix.SYS_OPENAT, unix.SYS_WRITE, unix.SYS_PWRITE64, unix.SYS_FTRUNCATE, unix.SYS_FALLOCATE, unix.SYS_FSYNC, unix.SYS_FDATASYNC,
	unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2, unix.SYS_UNLINKAT, unix.SYS_MKDIRAT, unix.SYS_LINKAT,
	unix.SYS_WRITEV, unix.SYS_PWRITEV, unix.SYS_PWRITEV2, unix.SYS_COPY_FILE_RANGE, unix.SYS_SPLICE, unix.SYS_SENDFILE,
}

// Join lets a process that Watch has started be watched from here on. In any
// other process it does nothing.
func Join() error {
	if os.Getenv(socketVariable) == "" {
		return nil
	}
	listener, err := filter()
	if err != nil {
		return fmt.Errorf("watch system calls: %w", err)
	}
	return errors.Join(unix.Sendmsg(socketDescriptor, []byte{1}, unix.UnixRights(listener), nil, 0), unix.Close(listener), unix.Close(socketDescriptor))
}

// socketDescriptor is where the socket is in a watched process: behind the
// standard ones.
const socketDescriptor = 3

// filter has the kernel report the calls of all threads, and returns where.
func filter() (listener int, err error) {
	// The two calls must be those of one thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return 0, err
	}
	program := instructions()
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	const flags = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH
	// A signal does not make a call begin anew that was reported already; kernels
	// before 5.19 lack that, and a call is reported twice at times.
	for _, extra := range []uintptr{unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, 0} {
		fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags|extra, uintptr(unsafe.Pointer(&prog)))
		if errno == 0 {
			return int(fd), nil
		}
		err = errno
		if errno != unix.EINVAL {
			break
		}
	}
	return 0, err
}

// instructions are the filter: report what is watched, allow the rest.
func instructions() []unix.SockFilter {
	list := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}} // the number of the call
	for _, number := range watched {
		list = append(list,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: number},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF})
	}
	return append(list, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
}
