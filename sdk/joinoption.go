package sdk

import (
	"fmt"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/graph"
)

// JoinOption says how a join runs: Broadcast or SortMerge. Without one it is
// decided when the right side is there, by its size.
type JoinOption struct{ form joinForm }

type joinForm uint8

const (
	bySize joinForm = iota
	broadcast
	sortMerge
)

// Broadcast lets every task of a join's left side keep the right one in memory,
// whatever its size. The job fails when it is more than the memory of a task.
func Broadcast() JoinOption { return JoinOption{broadcast} }

// SortMerge lets a join sort both sides, however small the right one is: keys come
// in ascending order then, over all files.
func SortMerge() JoinOption { return JoinOption{sortMerge} }

// BroadcastLimit sets up to which size the right sides of the job's joins are
// broadcast: what their rows take in memory, at about. The default is 32 MiB. It
// never goes above a quarter of what a task has in local mode, nor above 8 MiB on a
// cluster, whose tasks may have little. With 0 only those are that Broadcast asks for.
func BroadcastLimit(p *Pipeline, bytes int64) {
	if bytes < 0 {
		p.failf(caller(), "BroadcastLimit(%d) is no size: give 0 to sort both sides of joins, or a number of bytes", bytes)
		return
	}
	p.graph.SideLimitBytes = &bytes
}

// sideKeyBytes is what a key of a side takes in the table at most, beside its own bytes.
const sideKeyBytes = 128

// sideOf says how the right side of a join, the second input of a union, may be
// broadcast; nil where it is not.
func sideOf[R any](p *Pipeline, at graph.Position, op string, sides *graph.Node, opts []JoinOption) *graph.Side {
	form := bySize
	for _, o := range opts {
		if form != bySize && o.form != form {
			p.failf(at, "%s cannot be both Broadcast and SortMerge: leave one out", op)
		}
		form = o.form
	}
	if form == sortMerge || sides == nil || len(sides.Inputs) != 2 {
		return nil
	}
	return &graph.Side{
		Passes: sides.Inputs[0], Built: sides.Inputs[1],
		RowBytes: int64(unsafe.Sizeof(*new(R))) + sideKeyBytes, Pinned: form == broadcast,
	}
}

// nameAt names an operator in messages.
func nameAt(op string, at graph.Position) string { return fmt.Sprintf("%s at %s", op, at.Short()) }
