package worker

import (
	"os"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// What Go 1.26 on Linux prints when it gets no thread: a program with cgo under
// RLIMIT_DATA and under RLIMIT_NPROC, which look the same, and one without cgo
// under RLIMIT_NPROC. What stands between the first lines and the other
// goroutines is left out.
const (
	noThreadCgo = `runtime/cgo: pthread_create failed: Resource temporarily unavailable
SIGABRT: abort
PC=0x7feb42621eec m=5 sigcode=18446744073709551610

goroutine 0 gp=0xe33cfcc8000 m=5 mp=0xe33cfcbe008 [idle]:
runtime: g 0 gp=0xe33cfcc8000: unknown pc 0x7feb42621eec
stack: frame={sp:0x7feafa95ca30, fp:0x0} stack=[0x7feafa15d260,0x7feafa95ce60)

goroutine 1 gp=0x4b02b6fc1e0 m=nil [runnable]:
main.main()
	/job/main.go:5 +0x3a fp=0x301befebef48 sp=0x301befebef18 pc=0x4855ba
`
	noThreadGo = `runtime: failed to create new OS thread (have 62 already; errno=11)
runtime: may need to increase max user processes (ulimit -u)
fatal error: newosproc

runtime stack:
runtime.throw({0x4a2d22?, 0x301befed5ef8?})
	/usr/local/go/src/runtime/panic.go:1229 +0x48 fp=0x301befed5ed0 sp=0x301befed5ea0 pc=0x476d48
runtime.newosproc(0x301bf017a008)
	/usr/local/go/src/runtime/os_linux.go:199 +0x165 fp=0x301befed5f40 sp=0x301befed5ed0 pc=0x4410a5

goroutine 1 gp=0x301befe521e0 m=nil [runnable]:
main.main()
	/job/main.go:5 +0x3a fp=0x301befebef48 sp=0x301befebef18 pc=0x4855ba
`
)

func TestDiagnose(t *testing.T) {
	id := plan.AttemptID{Number: 1}
	labeled := func(crash string) string {
		return strings.ReplaceAll(crash, "[runnable]:", `[runnable], labels:{"`+plan.AttemptLabel+`": "`+id.String()+`"}:`)
	}
	tests := []struct {
		name   string
		end    exit
		kind   fault.Kind
		text   string
		blamed bool // the attempt whose goroutine is printed
	}{
		{"no thread for cgo, bounded by addresses", exit{stderr: labeled(noThreadCgo), byAddresses: true}, fault.Resource,
			"out of threads: the worker reached its memory limit of 1 MiB, which counts the stacks of threads (peak 0 B in use), or a limit of processes (ulimit -u)", false},
		{"no thread for cgo, bounded by a group", exit{stderr: labeled(noThreadCgo)}, fault.Resource,
			"out of threads: the worker reached a limit of processes of its user (ulimit -u) or of the machine", false},
		{"no thread for cgo, in a full group", exit{stderr: labeled(noThreadCgo), outOfProcs: true, byAddresses: true}, fault.Resource,
			"out of threads: the worker reached the limit of its control group, 100 processes and threads", false},
		{"no thread for Go", exit{stderr: labeled(noThreadGo), byAddresses: true}, fault.Resource,
			"out of threads: the worker reached a limit of processes of its user (ulimit -u) or of the machine", false},
		{"no thread for Go, in a full group", exit{stderr: labeled(noThreadGo), outOfProcs: true}, fault.Resource,
			"out of threads: the worker reached the limit of its control group, 100 processes and threads", false},
		{"no memory for a thread of Go", exit{stderr: strings.Replace(noThreadGo, "errno=11", "errno=12", 1), peakBytes: 512 << 10}, fault.Resource,
			"out of memory: the worker was ended at its memory limit of 1 MiB, peak 512 KiB", false},
		{"no memory for a thread of cgo", exit{stderr: strings.Replace(noThreadCgo, "Resource temporarily unavailable", "Cannot allocate memory", 1)}, fault.Resource,
			"out of memory: the worker was ended at its memory limit of 1 MiB, peak 0 B", false},
		{"an abort of C", exit{stderr: strings.SplitAfterN(noThreadCgo, "\n", 2)[1], byAddresses: true}, fault.User,
			"user code crashed the process: SIGABRT: abort", false},
		{"a full group is no reason by itself", exit{stderr: labeled("panic: oops\n\ngoroutine 1 [runnable]:\n"), outOfProcs: true}, fault.User,
			"user code crashed the process: panic: oops", true},
		{"printed by user code", exit{stderr: "it says: runtime/cgo: pthread_create failed\n" + labeled("panic: oops\n\ngoroutine 1 [runnable]:\n")}, fault.User,
			"user code crashed the process: panic: oops", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.end.state = &os.ProcessState{}
			w := &Worker{config: Config{LimitBytes: 1 << 20, Limits: Limits{Processes: 100}}}
			r := w.diagnose(test.end, map[plan.AttemptID]bool{id: false})
			if r.kind != test.kind || r.text != test.text {
				t.Errorf("diagnose = %v: %s\nwant %v: %s", r.kind, r.text, test.kind, test.text)
			}
			if blamed := r.attempt != nil && *r.attempt == id; blamed != test.blamed {
				t.Errorf("diagnose blames %v, want %v", r.attempt, test.blamed)
			}
			if first, _, _ := strings.Cut(test.end.stderr, "\n"); !test.blamed && !strings.HasPrefix(r.detail, first) {
				t.Errorf("detail %q does not begin with %q", r.detail, first)
			}
		})
	}
}
