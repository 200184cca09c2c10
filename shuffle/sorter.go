package shuffle

import (
	"bytes"
	"context"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/memory"
)

// Sorter sorts keyed rows inside one task: what the budget refuses goes to local
// disk as sorted runs, which are merged. Rows of equal keys keep their order. One
// goroutine uses it.
type Sorter[V any] struct {
	env  Env
	w    *SortWriter[V]
	held *memory.Reservation // of the run in memory
}

// NewSorter returns a sorter; typ is the type of V. owner names it where the budget
// is shown.
func NewSorter[V any](env *Env, typ *column.Type, owner string) *Sorter[V] {
	s := &Sorter[V]{env: *env, held: env.Budget.Reserve(owner)}
	s.env.Discard = false // rows that are not handed on would not be rehearsed
	s.w = NewSortWriter[V](&s.env, 0, typ)
	return s
}

// Write adds rows with their keys.
func (s *Sorter[V]) Write(keys *column.Keys, rows []V) error {
	if len(rows) == 0 {
		return nil
	}
	return s.w.Write(keys, unsafe.Pointer(&rows[0]), unsafe.Sizeof(rows[0]), len(rows))
}

// Read hands all rows to use in the order of their keys; it is called once. use may
// keep the strings inside rows.
func (s *Sorter[V]) Read(ctx context.Context, use func(*Merge[V]) error) error {
	if err := s.lastRun(); err != nil {
		return err
	}
	s.w.buf.release()
	sources := make([]source, len(s.w.runs))
	for i, r := range s.w.runs {
		sources[i] = runSource(&s.env, r)
	}
	f := funnel[V]{env: &s.env, typ: s.w.typ}
	return f.merge(ctx, sources, false, use)
}

// lastRun makes a run of the rows in memory: one that stays there, encoded, if there
// is no other and the budget lets it.
func (s *Sorter[V]) lastRun() error {
	size := s.w.buf.bytes()
	if len(s.w.runs) > 0 || !s.held.Set(size) {
		return s.w.spill()
	}
	encoded := bytes.NewBuffer(make([]byte, 0, size))
	segments, err := s.w.empty(encoded, 0, nil)
	if err != nil {
		return err
	}
	if more := int64(encoded.Cap()) - size; more > 0 {
		s.held.Must(more) // rows that do not compress, with headers
	}
	if len(segments) > 0 {
		s.w.runs = append(s.w.runs, run{bytes.NewReader(encoded.Bytes()), segments})
	}
	return nil
}

// Close frees what the sorter holds.
func (s *Sorter[V]) Close() {
	s.w.Abort()
	s.held.Release()
}
