package operator

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"go.uber.org/goleak"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle"
	"github.com/sheafdata/sheaf/shuffle/block"
	"github.com/sheafdata/sheaf/shuffle/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func typeOf[T any](t testing.TB) *column.Type {
	t.Helper()
	typ, err := column.For[T]()
	if err != nil {
		t.Fatalf("column.For: %v", err)
	}
	return typ
}

func keyOf[T any](t testing.TB) *column.KeyType {
	t.Helper()
	key, err := column.KeyOf(typeOf[T](t))
	if err != nil {
		t.Fatalf("column.KeyOf: %v", err)
	}
	return key
}

func edgeOf[T any](t testing.TB) *Edge { return EdgeOf[T](typeOf[T](t)) }

// site is where the tasks of a test work; it checks at the end that nothing of
// the budget is held.
type site struct {
	t         testing.TB
	store     *store.Store
	budget    *memory.Budget
	chunkRows int
	large     int64 // size from which rows are large; 0 for the default
	next      int
}

func newSite(t testing.TB, budgetBytes int64) *site {
	t.Helper()
	st, err := store.Open(store.Config{Dirs: []string{t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, store: st, budget: memory.NewBudget(budgetBytes), chunkRows: 16}
	t.Cleanup(func() {
		if used := s.budget.Used(); used != 0 {
			t.Errorf("budget.Used() = %d at the end, want 0: %v", used, s.budget.Holders())
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *site) task(ctx context.Context) *Task {
	s.next++
	id := plan.AttemptID{Job: plan.JobID{1}, Task: plan.TaskID{Index: s.next}, Number: 1}
	return &Task{
		Context: NewContext(ctx, id, &Job{}),
		Shuffle: shuffle.Env{
			Attempt: id, Store: s.store, Source: s.store, Codec: block.S2, Budget: s.budget, Spilled: new(atomic.Int64),
			LargeFrom: s.large,
		},
		Assignment: &plan.Assignment{Attempt: id},
		ChunkRows:  s.chunkRows,
		Read:       new(shuffle.Count),
	}
}

// sink is a receiver that keeps copies of what it gets.
type sink[T any] struct {
	rows   []T
	pushes []int
	closed int
	fail   error // returned by the Push numbered failAt and by Close
	failAt int
}

func (s *sink[T]) Push(rows []T) error {
	s.pushes = append(s.pushes, len(rows))
	if s.fail != nil && len(s.pushes) > s.failAt {
		return s.fail
	}
	s.rows = append(s.rows, rows...)
	clear(rows) // a receiver may do that only if the next one got its own rows
	return nil
}

func (s *sink[T]) Close() error {
	s.closed++
	return s.fail
}

// batchSink keeps batches.
type batchSink struct {
	batches []arrow.Record
	closed  int
	fail    error
}

func (s *batchSink) PushBatch(rec arrow.Record) error {
	s.batches = append(s.batches, rec)
	return s.fail
}

func (s *batchSink) Close() error {
	s.closed++
	return s.fail
}

var errOut = errors.New("the receiver refuses")

// shuffled runs both sides of an exchange: a map task for every input, reduce
// tasks over buckets or key ranges as parts says, and returns what they give.
func shuffled[T, R any](s *site, x *Exchange, buckets int, parts []plan.Partition, inputs ...[]T) []R {
	s.t.Helper()
	var outs []plan.MapOutput
	for _, rows := range inputs {
		outs = append(outs, mapped(s, x, buckets, rows).Result.Outputs...)
	}
	var all []R
	for _, p := range parts {
		p.Outputs = outs
		t := s.task(s.t.Context())
		t.Assignment.Partition = &p
		out := &sink[R]{}
		if err := x.Reduce(t, out); err != nil {
			s.t.Fatalf("Reduce: %v", err)
		}
		if out.closed != 0 {
			s.t.Errorf("Reduce closed its receiver")
		}
		all = append(all, out.rows...)
	}
	return all
}

// mapped runs the map side over rows.
func mapped[T any](s *site, x *Exchange, buckets int, rows []T) *Task {
	s.t.Helper()
	t := s.task(s.t.Context())
	to := x.Map(t, plan.Exchange{Buckets: buckets}).(Receiver[T])
	if err := to.Push(nil); err != nil {
		s.t.Fatalf("Push of no rows: %v", err)
	}
	for chunk := range slices.Chunk(rows, 100) {
		if err := to.Push(slices.Clone(chunk)); err != nil {
			s.t.Fatalf("Push: %v", err)
		}
	}
	if err := to.Close(); err != nil {
		s.t.Fatalf("Close: %v", err)
	}
	if len(t.Result.Outputs) != 1 {
		s.t.Fatalf("%d map outputs, want 1", len(t.Result.Outputs))
	}
	return t
}

// whole is the partition of all buckets and all keys.
func whole(buckets int) []plan.Partition { return []plan.Partition{{EndBucket: buckets}} }
