package task

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// protect calls fn and turns a panic into an error of kind User that carries
// the user's place in the message and the user's frames as its detail. It is
// the only place that recovers.
func protect(fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked(v)
		}
	}()
	return fn()
}

// panicked describes a panic; it is called while the stack still stands.
func panicked(v any) error {
	place, stack := userFrames()
	if place != "" {
		return &fault.Error{Kind: fault.User, Detail: stack, Err: fmt.Errorf("panic: %v (at %s)", v, place)}
	}
	// No frame of the user's between the panic and the engine. Where the engine
	// itself gives up, it says why: too many keys for one table, say.
	if err, ok := v.(error); ok {
		if e, ok := errors.AsType[*fault.Error](err); ok {
			return e
		}
	}
	return &fault.Error{Kind: fault.Internal, Detail: string(fullStack()), Err: fmt.Errorf("panic in the engine: %v", v)}
}

// userFrames returns the place of the user's code that panicked, or called a
// function of the standard library that did, and all frames of the user's.
// The place is empty when the engine panicked.
func userFrames() (place, stack string) {
	pcs := make([]uintptr, 256)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs)])
	var lines strings.Builder
	var std stdlib
	ours := false
	for {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			std.learn(f.File)
		case f.Function == "" || std.has(f):
		case engineFrame(f):
			ours = true
		default:
			if place == "" && !ours {
				place = fmt.Sprintf("%s:%d", f.File, f.Line)
			}
			fmt.Fprintf(&lines, "%s\n\t%s:%d\n", f.Function, f.File, f.Line)
		}
		if !more {
			return place, lines.String()
		}
	}
}

// stdlib tells the frames of the standard library, which are not to blame for
// what they are called with.
type stdlib struct {
	root string // of its source files; empty in a program built with -trimpath
}

// learn takes the file that holds runtime.gopanic.
func (s *stdlib) learn(file string) { s.root = strings.TrimSuffix(file, "runtime/panic.go") }

func (s *stdlib) has(f runtime.Frame) bool {
	if strings.HasPrefix(f.Function, "runtime.") {
		return true
	}
	if s.root != "" {
		return strings.HasPrefix(f.File, s.root)
	}
	// Without roots a file of the library is named like its package, whose path
	// has no domain; a user's file is in package main or in a module, which has
	// one by custom.
	first, _, _ := strings.Cut(f.File, "/")
	return !strings.Contains(first, ".") && !strings.HasPrefix(f.Function, "main.")
}

func fullStack() []byte {
	b := make([]byte, 64<<10)
	return b[:runtime.Stack(b, false)]
}

// enginePackages are the packages whose frames are no news to a user.
var enginePackages = []string{"sdk.", "sdk/", "executor/", "shuffle", "internal/", "coordinator/"}

// module is the prefix of the functions of this module.
const module = "github.com/sheafdata/sheaf/"

func engineFrame(f runtime.Frame) bool {
	name, ok := strings.CutPrefix(f.Function, module)
	if !ok || strings.HasSuffix(f.File, "_test.go") {
		return false
	}
	for _, p := range enginePackages {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// blamesUser reports whether an error came out of user code that worked on a row.
func blamesUser(err error) bool {
	return fault.KindOf(err) == fault.User && !operator.OfNoRow(err)
}

// locate finds the row that failed by pushing the rows of the failed batch one
// by one through a rehearsal of the pipeline that publishes nothing. User code
// that fails again fails on the row at fault; code that does not leaves the
// error as it is.
func (r *Runtime) locate(t *operator.Task, p *pipeline, cause error) error {
	bad, err := r.firstBad(t, p.input, p.failed.batch, 0)
	if err != nil || bad == nil {
		first := p.failed.where(0)
		return &fault.Error{Kind: fault.KindOf(cause), Detail: fault.Detail(cause), Err: fmt.Errorf("%w; the rows it worked on begin at %s", cause, first)}
	}
	return &fault.Error{Kind: fault.User, Detail: fault.Detail(bad.err), Err: fmt.Errorf("%w; the row is at %s", bad.err, p.failed.where(bad.row))}
}

// place adds the partition to an error, where there is one. The task is named
// by who reports the failure: the scheduler.
func place(err error, input *graph.Node, a *plan.Assignment) error {
	if a.Partition == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("partition %d of %s: %w", a.Partition.Index, input.Op, err)
}
