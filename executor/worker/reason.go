package worker

import (
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
)

// reason is why a process was killed, or ended by itself.
type reason struct {
	kind    fault.Kind
	text    string
	detail  string
	attempt *plan.AttemptID // the one to blame: all others are lost
	all     bool            // the job cannot run here: each attempt ends with this
	killed  bool            // by a signal that may have come from inside as well
}

// garbled is the reason of a worker that breaks the protocol: only the user's
// code can write to that socket what Sheaf's does not.
func garbled(err error) *reason {
	return &reason{kind: fault.User, text: fmt.Sprintf("the worker said what is no message, so it was killed: %v; user code must leave descriptors alone that it did not open", err)}
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// kill ends the process for a reason; the first one counts.
func (w *Worker) kill(r *reason) {
	w.blame(r)
	w.process.kill()
}

// dump makes the process print its goroutines, which ends it, and kills it when
// it does not.
func (w *Worker) dump(r *reason) {
	w.blame(r)
	quit := func() { w.process.signal(syscall.SIGQUIT) }
	quit()
	w.after(w.config.Limits.Quit/2, quit) // for code that the program cannot interrupt
	w.after(w.config.Limits.Quit, w.process.kill)
}

func (w *Worker) blame(r *reason) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reason == nil {
		w.reason = r
	}
}

// exit is how a process ended.
type exit struct {
	state       *os.ProcessState
	outOfMem    bool  // the kernel killed for the group's limit
	outOfProcs  bool  // the kernel refused a process or thread for the group's limit
	byAddresses bool  // memory is bounded by the addresses that the process has
	peakBytes   int64 // of the group, or of the process
	stderr      string
}

// conclude reports the attempts that still ran, and returns what Exited says.
func (w *Worker) conclude(end exit) error {
	w.mu.Lock()
	r, orderly := w.reason, w.shutdown
	left := make(map[plan.AttemptID]bool, len(w.running)) // to canceled
	working := make(map[plan.AttemptID]*plan.RowRange, len(w.running))
	var alone *plan.AttemptID
	for id, at := range w.running {
		left[id], working[id] = at.canceled, at.working
		if at.suspect != nil && at.working != nil && !at.working.Behind(*at.suspect) {
			alone = &id
		}
	}
	clear(w.running)
	w.mu.Unlock()
	if r == nil {
		r = w.diagnose(end, left)
	}
	if r.attempt == nil {
		r.attempt = alone // the others wait for it
	}
	ids := make([]plan.AttemptID, 0, len(left))
	for id := range left {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b plan.AttemptID) int { return strings.Compare(a.String(), b.String()) })
	for _, id := range ids {
		w.log.finish(id, [len(Streams)]int64{})
		report := r.report(id, left[id])
		if !r.guilty(report.Kind) || r.attempt != nil && *r.attempt != id {
			working[id] = nil
		}
		w.config.Events.Failed(id, report, nil, working[id])
	}
	if r.text == "" || r.kind == fault.Lost && orderly && len(left) == 0 && end.state.Success() {
		return nil
	}
	return &fault.Error{Kind: r.kind, Detail: r.detail, Err: errors.New(r.text)}
}

// report is how the end of the process ended an attempt.
func (r *reason) report(id plan.AttemptID, canceled bool) fault.Report {
	report := fault.Report{Kind: r.kind, Message: r.text, Detail: r.detail}
	switch {
	case r.all:
	case canceled:
		report.Kind = fault.Canceled
	case r.attempt != nil && *r.attempt != id:
		report.Kind, report.Detail = fault.Lost, ""
	}
	return report
}

// guilty reports whether a process that ended for this reason, and an attempt with
// it in such a way, may have ended by the rows on which the attempt worked.
func (r *reason) guilty(attempt fault.Kind) bool {
	return !r.all && attempt == r.kind && (r.kind == fault.User || r.kind == fault.Resource || r.killed)
}

// diagnose tells from a process's remains why it ended: by its own fault (User),
// for lack of memory (Resource), or because somebody outside ended it (Lost).
func (w *Worker) diagnose(end exit, left map[plan.AttemptID]bool) *reason {
	w.mu.Lock()
	orderly := w.shutdown
	w.mu.Unlock()
	if orderly && end.state.Success() && len(left) == 0 {
		return &reason{}
	}
	status, _ := end.state.Sys().(syscall.WaitStatus)
	cause := lastWords(end.stderr)
	noThread, noMemory := threadCause(cause)
	memoryOut := end.outOfMem || memoryCause(cause) || noMemory || status.Signaled() && status.Signal() == syscall.SIGKILL && end.peakBytes >= w.config.LimitBytes
	switch {
	case memoryOut:
		return &reason{
			kind: fault.Resource, detail: cause, attempt: culprit(cause, left),
			text: fmt.Sprintf("out of memory: the worker was ended at its memory limit of %s, peak %s", memory.FormatSize(w.config.LimitBytes), memory.FormatSize(end.peakBytes)),
		}
	case noThread:
		// Whoever wanted the last thread is not to blame more than the others.
		return &reason{kind: fault.Resource, detail: cause, text: "out of threads: the worker reached " + w.threadLimit(end, cause)}
	case status.Signaled() && isOutside(status.Signal()):
		return &reason{
			kind: fault.Lost, killed: status.Signal() == syscall.SIGKILL,
			text: fmt.Sprintf("somebody ended the worker by signal %v", status.Signal()),
		}
	case status.Signaled():
		return &reason{kind: fault.User, detail: cause, attempt: culprit(cause, left), text: fmt.Sprintf("user code crashed by signal %v", status.Signal())}
	case cause != "":
		first, _, _ := strings.Cut(cause, "\n")
		return &reason{kind: fault.User, detail: cause, attempt: culprit(cause, left), text: fmt.Sprintf("user code crashed the process: %s", first)}
	}
	r := &reason{kind: fault.User, detail: tail(end.stderr, maxTail), text: fmt.Sprintf("user code exited with code %d (os.Exit, log.Fatal)", status.ExitStatus())}
	if len(left) > 1 {
		r.text += fmt.Sprintf("; %d attempts ran, and any may be at fault", len(left))
	}
	return r
}

// threadLimit says which limit keeps a process from more threads, as far as that
// is known.
func (w *Worker) threadLimit(end exit, cause string) string {
	switch {
	case end.outOfProcs:
		return fmt.Sprintf("the limit of its control group, %d processes and threads", w.config.Limits.Processes)
	case end.byAddresses && strings.HasPrefix(cause, cgoCrash):
		// The C library has one error for both.
		return fmt.Sprintf("its memory limit of %s, which counts the stacks of threads (peak %s in use), or a limit of processes (ulimit -u)",
			memory.FormatSize(w.config.LimitBytes), memory.FormatSize(end.peakBytes))
	}
	return "a limit of processes of its user (ulimit -u) or of the machine"
}

// isOutside says that a process does not send itself such a signal.
func isOutside(s syscall.Signal) bool {
	switch s {
	case syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP:
		return true
	}
	return false
}

const (
	// maxTail bounds what a report says of what the process printed last.
	maxTail = 2 << 10
	// maxCause bounds the panic text of a report.
	maxCause = 16 << 10
	// cgoCrash and noThreads begin the lines that come before the crash itself
	// when there is no thread to be had, with cgo and without.
	cgoCrash  = "runtime/cgo: "
	noThreads = "runtime: failed to create new OS thread "
)

var (
	// crash begins what Go prints when a program crashes.
	crash = regexp.MustCompile(`(?m)^(panic: |fatal error: |runtime: out of memory|` + cgoCrash + `|` + noThreads + `|SIG[A-Z]+: |unexpected fault address )`)
	// labeled is the header of a goroutine with its label.
	labeled = regexp.MustCompile(`(?m)^goroutine \d+ .*labels:\{.*"` + plan.AttemptLabel + `": "([0-9a-z-]+)"`)
	// header is that of any goroutine.
	header = regexp.MustCompile(`(?m)^goroutine \d+ .*$`)
)

// lastWords returns the text of a crash, or nothing.
func lastWords(stderr string) string {
	at := crash.FindStringIndex(stderr)
	if at == nil {
		return ""
	}
	text := stderr[at[0]:]
	if len(text) > maxCause {
		text = text[:maxCause]
	}
	return strings.TrimRight(strings.ToValidUTF8(text, "?"), "\n")
}

func memoryCause(cause string) bool {
	first, _, _ := strings.Cut(cause, "\n\n")
	return strings.Contains(first, "out of memory") || strings.Contains(first, "cannot allocate memory") || strings.Contains(first, "cannot map pages")
}

// threadCause says that a process got no thread, and whether that is for lack of
// memory.
func threadCause(cause string) (noThread, noMemory bool) {
	first, _, _ := strings.Cut(cause, "\n")
	switch {
	case strings.HasPrefix(first, noThreads):
		return true, strings.Contains(first, fmt.Sprintf("errno=%d)", syscall.ENOMEM))
	case strings.HasPrefix(first, cgoCrash+"pthread_create failed: "):
		return true, strings.HasSuffix(first, ": Cannot allocate memory")
	}
	return false, false
}

// culprit returns the attempt in whose goroutine the program crashed: the first
// goroutine of a traceback is the one. Nil means that it cannot be known.
func culprit(cause string, left map[plan.AttemptID]bool) *plan.AttemptID {
	first := header.FindString(cause)
	m := labeled.FindStringSubmatch(first)
	if m == nil {
		return nil
	}
	for id := range left {
		if id.String() == m[1] {
			return &id
		}
	}
	return nil
}

// tail returns the end of a text from the beginning of a line.
func tail(s string, limit int) string {
	if len(s) > limit {
		s = s[len(s)-limit:]
		if _, rest, ok := strings.Cut(s, "\n"); ok {
			s = rest
		}
	}
	return strings.TrimRight(strings.ToValidUTF8(s, "?"), "\n")
}

// gone reports whether an error of the socket only says that the other side is
// no more.
func (p *process) gone(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed)
}
