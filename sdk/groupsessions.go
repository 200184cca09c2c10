package sdk

import (
	"iter"
	"time"

	"github.com/sheafdata/sheaf/executor/operator"
)

// GroupSessions calls fn once for each session of a key: rows in the order of their
// times, each no more than gap after the one before; and gives what fn emits. start
// is the time of the first row. The rows are streamed, they may be more than memory
// holds and can be ranged over once; fn need not take all. Rows of one time keep the
// order of the input. Keys ascend, and so do the sessions of a key. For times that
// are numbers, use time.UnixMilli and the like.
func GroupSessions[K, V, R any](in Dataset[KV[K, V]], at func(V) time.Time, gap time.Duration, fn func(key K, start time.Time, rows iter.Seq[V], emit Emit[R])) Dataset[R] {
	p, pos := in.pipelineOf("GroupSessions")
	requireFunc(p, pos, "GroupSessions", fn)
	if gap < 0 {
		p.failf(pos, "GroupSessions: a gap of %v is negative", gap)
	}
	return grouped(in, "GroupSessions", " "+gap.String(), operator.Grouping[K, V, R]{
		Within: terms(p, pos, []Order[V]{By(at)}),
		Each: func(_ *Context, key K, values iter.Seq[V], emit Emit[R]) error {
			for s := operator.NewSessions(values, at, gap); s.Next(); {
				fn(key, s.Start(), s.Rows(), emit)
			}
			return nil
		},
	})
}
