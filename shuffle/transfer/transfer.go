// Package transfer moves map outputs between machines: an http.Handler over an
// executor's store, and a Client that task runtimes read through as if the
// outputs were files of their own. docs/format/transfer.md describes the
// requests.
//
// What comes from the network is never trusted: ids are hexadecimal digits and
// decimal numbers, never paths; lengths are compared with limits and with what
// was asked before memory is allocated; every wait has a deadline, every retry a
// bound. Bytes are checked by who decodes them: blocks and indexes carry their
// checksums from the disk of their producer to the reader's memory.
//
// The handler owns no goroutine. A Client owns those that read ahead: they end
// when the output or the Ahead that started them is closed, and hold buffers
// from the client's budget that are given back then.
package transfer

import (
	"context"
	"fmt"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// Outputs is where map outputs are opened: a store.Store or a store.View.
type Outputs interface {
	Open(ctx context.Context, out plan.MapOutput) (store.Output, error)
}

// Reason says why a map output could not be fetched, for the scheduler: a pair
// of machines that cannot reach each other is another matter than a file that
// is gone.
type Reason string

const (
	// Unreachable means that the executor did not answer, or stopped to.
	Unreachable Reason = "unreachable"
	// Busy means that it had no room for the request, again and again.
	Busy Reason = "busy"
	// Refused means that it does not let this client read, or understand it.
	Refused Reason = "refused"
	// Missing means that it does not hold the output with that digest.
	Missing Reason = "missing"
	// Truncated means that its output is shorter than the plan says.
	Truncated Reason = "truncated"
	// Damaged means that it found its own file damaged.
	Damaged Reason = "damaged"
	// Garbled means that its answer was not one to the request.
	Garbled Reason = "garbled"
)

// Error is why a fetch failed. It is inside an error of kind fault.Fetch, or
// fault.Corrupt if the reason is Damaged.
type Error struct {
	Executor plan.ExecutorID // that was asked
	Reason   Reason
	Err      error
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("executor %s is %s: %v", e.Executor, e.Reason.says(), e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// says completes "executor x is …".
func (r Reason) says() string {
	switch r {
	case Refused:
		return "refusing"
	case Missing:
		return "missing it"
	case Truncated:
		return "holding a shorter one"
	case Damaged:
		return "holding a damaged one"
	case Garbled:
		return "answering something else"
	}
	return string(r)
}

// kind is what the scheduler does about a reason.
func (r Reason) kind() fault.Kind {
	switch r {
	case Damaged:
		return fault.Corrupt
	case Unreachable, Busy:
		return fault.Unreachable
	}
	return fault.Fetch
}
