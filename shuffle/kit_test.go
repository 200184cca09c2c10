package shuffle

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"unsafe"

	"go.uber.org/goleak"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/block"
	"github.com/sheafdata/sheaf/shuffle/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// item is the payload of the tests: a number that no other row has, a string
// and what may be null.
type item struct {
	ID   int64
	Text string
	Note *string
}

func (i item) String() string {
	note := "null"
	if i.Note != nil {
		note = *i.Note
	}
	return fmt.Sprintf("%d/%.20q/%d/%.20q", i.ID, i.Text, len(i.Text), note)
}

func (i item) equal(j item) bool {
	return i.ID == j.ID && i.Text == j.Text && (i.Note == nil) == (j.Note == nil) && (i.Note == nil || *i.Note == *j.Note)
}

// keyed is a row of the naive models.
type keyed struct {
	key []byte
	row item
}

func typeOf[T any](t testing.TB) *column.Type {
	t.Helper()
	typ, err := column.For[T]()
	if err != nil {
		t.Fatalf("column.For: %v", err)
	}
	return typ
}

// place is where the ends of a test's shuffle work. When the test is over it
// checks that neither memory nor files are left.
type place struct {
	store  *store.Store
	budget *memory.Budget
	codec  block.Codec
	next   int
	source Source // nil means the store
	large  int64  // size from which rows are large; 0 for the default
	inside int    // attempts that have not left the gate
}

func newPlace(t testing.TB, budgetBytes, memoryBytes int64, codec block.Codec) *place {
	t.Helper()
	st, err := store.Open(store.Config{Dirs: []string{t.TempDir()}, MemoryBytes: memoryBytes})
	if err != nil {
		t.Fatalf("store.Open: %v", err)
	}
	p := &place{store: st, budget: memory.NewBudget(budgetBytes), codec: codec}
	t.Cleanup(func() {
		if used := p.budget.Used(); used != 0 {
			t.Errorf("budget.Used() = %d at the end, want 0: %v", used, p.budget.Holders())
		}
		if err := st.DropJob(plan.JobID{1}); err != nil {
			t.Errorf("DropJob: %v", err)
		}
		if inMemory, onDisk := st.Usage(); inMemory != 0 || onDisk != 0 {
			t.Errorf("Usage() = %d, %d at the end, want 0, 0", inMemory, onDisk)
		}
		if err := st.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return p
}

// env is the environment of a next attempt.
func (p *place) env() *Env {
	p.next++
	e := &Env{
		Attempt: plan.AttemptID{Job: plan.JobID{1}, Task: plan.TaskID{Index: p.next}, Number: 1},
		Store:   p.store, Source: p.store, Codec: p.codec, Budget: p.budget, Spilled: new(atomic.Int64),
		LargeFrom: p.large,
	}
	in := 0
	e.Enter = func(int64) error { p.inside, in = p.inside+1-in, 1; return nil }
	e.Leave = func() { p.inside, in = p.inside-in, 0 }
	if p.source != nil {
		e.Source = p.source
	}
	return e
}

// rowWriter is a HashWriter or SortWriter.
type rowWriter interface {
	Write(keys *column.Keys, payload unsafe.Pointer, stride uintptr, n int) error
	Finish(ctx context.Context) (plan.MapOutput, error)
	Abort()
}

// writeAll writes rows in chunks of random size and overwrites the memory of
// every chunk afterwards: a writer borrows it for the call only.
func writeAll(t testing.TB, r *rand.Rand, w rowWriter, rows []keyed) {
	t.Helper()
	var keys column.Keys
	for len(rows) > 0 {
		n := min(1+r.IntN(700), len(rows))
		chunk := make([]item, n)
		keys.Reset()
		for i, row := range rows[:n] {
			keys.Add(row.key)
			chunk[i] = row.row
		}
		if err := w.Write(&keys, unsafe.Pointer(&chunk[0]), unsafe.Sizeof(chunk[0]), n); err != nil {
			t.Fatalf("Write: %v", err)
		}
		clear(chunk)
		for i := range keys.Data {
			keys.Data[i] = 0xdd
		}
		rows = rows[n:]
	}
}

func finish(t testing.TB, w rowWriter) plan.MapOutput {
	t.Helper()
	out, err := w.Finish(t.Context())
	if err != nil {
		t.Fatalf("Finish: %v", err)
	}
	return out
}

// compare reports the first difference between what was read and the model.
func compare(t testing.TB, what string, got, want []keyed) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if !bytes.Equal(got[i].key, want[i].key) || !got[i].row.equal(want[i].row) {
			t.Fatalf("%s: row %d = %.40q %v, want %.40q %v", what, i, got[i].key, got[i].row, want[i].key, want[i].row)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %d rows, want %d", what, len(got), len(want))
	}
}

// keyKinds are the distributions of keys that the random tests draw from.
var keyKinds = map[string]func(r *rand.Rand, i int) []byte{
	"equal":    func(*rand.Rand, int) []byte { return []byte("same") },
	"empty":    func(*rand.Rand, int) []byte { return nil },
	"distinct": func(_ *rand.Rand, i int) []byte { return fmt.Appendf(nil, "key %09d", i*7919%1000003) },
	"few":      func(r *rand.Rand, _ int) []byte { return []byte{byte(r.IntN(5))} },
	"prefixes": func(r *rand.Rand, _ int) []byte { return bytes.Repeat([]byte{0}, r.IntN(20)) },
	"random": func(r *rand.Rand, _ int) []byte {
		k := make([]byte, r.IntN(24))
		for i := range k {
			k[i] = byte(r.Uint32())
		}
		return k
	},
	"long": func(r *rand.Rand, _ int) []byte {
		return append(bytes.Repeat([]byte("l"), 300+r.IntN(3)), byte(r.IntN(9)))
	},
}

func randomRows(r *rand.Rand, kind string, n, textBytes int, id *int64) []keyed {
	rows := make([]keyed, n)
	for i := range rows {
		*id++
		rows[i] = keyed{keyKinds[kind](r, i), item{ID: *id, Text: randomText(r, r.IntN(textBytes+1))}}
		if r.IntN(4) == 0 {
			note := randomText(r, r.IntN(9))
			rows[i].row.Note = &note
		}
	}
	return rows
}

func randomText(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "abcdefgh"[r.IntN(8)]
	}
	return string(b)
}

// pick returns one of the choices.
func pick[T any](r *rand.Rand, choices ...T) T { return choices[r.IntN(len(choices))] }

func kindNames() []string {
	names := make([]string, 0, len(keyKinds))
	for name := range keyKinds {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// cutsOf returns the boundaries 0, …, n with random ones between.
func cutsOf(r *rand.Rand, n int) []int {
	cuts := []int{0}
	for range r.IntN(4) {
		cuts = append(cuts, r.IntN(n+1))
	}
	cuts = append(cuts, n)
	slices.Sort(cuts)
	return cuts
}

// seeds is how many the random tests have: fixed ones, so that a failure comes again.
func seeds() uint64 {
	if testing.Short() {
		return 8
	}
	return 24
}
