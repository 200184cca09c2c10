package process

import (
	"runtime"
	"syscall"
)

// endWithParent has the system end a process with the thread that started it.
func endWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }

func lockThread() (unlock func()) {
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}
