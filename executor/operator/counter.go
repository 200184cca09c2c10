package operator

import (
	"sync/atomic"

	"github.com/sheafdata/sheaf/internal/fault"
)

// Counter counts what a user function finds. What the attempts of a job add up
// commits with their rows: failed and superseded attempts do not count. The zero
// Counter belongs to no pipeline and must not be used. A Counter is a value to
// capture and copy, and safe for concurrent use.
type Counter struct {
	number int // from 1 on
}

// NewCounter returns the counter of a number in its graph.
func NewCounter(number int) Counter { return Counter{number + 1} }

// Add counts n, which may be negative, for the attempt that ctx belongs to. It
// costs a few nanoseconds: an atomic addition, so that functions may start
// goroutines that count; they must have ended when the function returns.
func (c Counter) Add(ctx *Context, n int64) {
	if i := c.number - 1; uint(i) < uint(len(ctx.counts)) {
		ctx.counts[i].Add(n)
		return
	}
	panic(errForeignCounter)
}

var errForeignCounter = fault.New(fault.User, "a Counter of another pipeline, or of none, is used: NewCounter makes one for the pipeline at hand")

// countsPerLine is how many counters share a line of a cache.
const countsPerLine = 8

// newCounts has lines of its own: attempts that count at once on several cores
// would take each other's line away with every row.
func newCounts(n int) []atomic.Int64 {
	if n == 0 {
		return nil
	}
	return make([]atomic.Int64, n, (n+countsPerLine-1)/countsPerLine*countsPerLine)
}

// Counted returns what was counted, by the number of the counter; nil when that
// is nothing.
func (c *Context) Counted() []int64 {
	var out []int64
	for i := range c.counts {
		n := c.counts[i].Load()
		if n != 0 && out == nil {
			out = make([]int64, len(c.counts))
		}
		if n != 0 {
			out[i] = n
		}
	}
	return out
}
