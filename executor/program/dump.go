package program

import (
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
)

// DumpOnQuit makes SIGQUIT print all goroutines and end the process, until stop is
// called. By itself the runtime prints those that run on other threads without
// their stacks, which hides just the one that loops. A second signal is left to
// the runtime: code that cannot be interrupted holds up the first.
func DumpOnQuit() (stop func()) {
	quit, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(quit, syscall.SIGQUIT)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-quit:
		case <-done:
			return
		}
		signal.Reset(syscall.SIGQUIT)
		fmt.Fprintln(os.Stderr, "SIGQUIT: all goroutines follow")
		_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 2) // the process ends whatever comes of it
		os.Exit(2)
	}()
	return func() {
		signal.Stop(quit)
		close(done)
		<-ended
	}
}
