package shuffle

import (
	"context"
	"io"
	"math"
	"slices"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// funnel merges sorted sources that may be too many for the budget: neighbours
// are merged to spill files first. One goroutine uses it, once.
type funnel[V any] struct {
	env   *Env
	typ   *column.Type
	runs  spillFile
	out   *SortWriter[V] // writes runs; nil until the first
	spare spareBuffers
}

// merge merges sources and hands the merge to use, which with copies set lets
// go of a row's strings before the merge goes beyond the row's block.
func (f *funnel[V]) merge(ctx context.Context, sources []source, copies bool, use func(*Merge[V]) error) error {
	defer f.close()
	f.spare.rows = true
	for fan := fanIn(f.env, sources); len(sources) > fan; fan = fanIn(f.env, sources) {
		// No more than what is too many, and the lightest: rows that are merged
		// here are written and read once more.
		n := min(fan, len(sources)-fan+1)
		at := lightest(sources, n)
		r, err := f.toRun(ctx, sources[at:at+n])
		if err != nil {
			return err
		}
		sources = slices.Replace(slices.Clone(sources), at, at+n, runSource(f.env, r))
	}
	if f.spare.rows = copies; !copies {
		f.spare.raw = nil
	}
	return f.open(sources, use)
}

// open opens a merge over sources, which fit the budget together, for use.
func (f *funnel[V]) open(sources []source, use func(*Merge[V]) error) error {
	m, err := newMerge[V](f.env, f.typ, sources, &f.spare)
	if err != nil {
		return err
	}
	defer m.close()
	return use(m)
}

// toRun merges sources into a run.
func (f *funnel[V]) toRun(ctx context.Context, sources []source) (r run, err error) {
	if f.out == nil {
		f.runs.env, f.out = f.env, NewSortWriter[V](f.env, 0, f.typ)
	}
	err = f.open(sources, func(m *Merge[V]) error {
		r, err = f.runs.write(func(out io.Writer, offset int64) ([]store.Segment, error) {
			s := sortedOutput[V]{out: out, offset: offset}
			err := s.drain(ctx, f.out, m)
			return s.segments, err
		})
		return err
	})
	return r, err
}

func (f *funnel[V]) close() {
	f.runs.close()
	if f.out != nil {
		f.out.Abort()
	}
}

// lightest returns where the n neighbours with the fewest bytes begin. Only
// neighbours can be merged: the order of the sources is that of equal keys.
func lightest(sources []source, n int) int {
	var bytes int64
	least, at := int64(math.MaxInt64), 0
	for i, s := range sources {
		bytes += s.to - s.from
		if i >= n {
			bytes -= sources[i-n].to - sources[i-n].from
		}
		if i >= n-1 && bytes < least {
			least, at = bytes, i-n+1
		}
	}
	return at
}

// fanIn is how many of the sources may be open at once within half of the
// task's budget; at least two, or no merge would end.
func fanIn(env *Env, sources []source) int {
	var largest int64
	for _, s := range sources {
		largest = max(largest, memoryOfCursor(s))
	}
	return int(max(env.Budget.Limit()/2/max(largest, 1), 2))
}

// spareBuffers are those of merges that are over, for the next ones of the same
// task: with rows of a megabyte each merge would otherwise leave more than its
// bytes to the collector, which falls behind on a machine that has other work.
// No more are kept than were open at once.
type spareBuffers struct {
	rows        bool // blocks are decoded into buffers that are used again
	stored, raw [][]byte
}

func (s *spareBuffers) takeStored() []byte { return takeLast(&s.stored) }

func (s *spareBuffers) takeRaw() []byte { return takeLast(&s.raw) }

// give takes the buffers of an input that is read; rows still view raw unless
// s.rows is set.
func (s *spareBuffers) give(stored, raw []byte) {
	s.stored = append(s.stored, stored)
	if s.rows {
		s.raw = append(s.raw, raw)
	}
}

func takeLast(list *[][]byte) []byte {
	n := len(*list)
	if n == 0 {
		return nil
	}
	last := (*list)[n-1]
	*list = (*list)[:n-1]
	return last
}
