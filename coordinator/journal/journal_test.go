package journal

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
)

func TestAppendAndReopen(t *testing.T) {
	dir := t.TempDir()
	var want [][]byte
	var before uint64
	for round := range 3 {
		m := &list{}
		j := lead(t, Config{Dir: dir, Machine: m})
		if got := text(m.all()); got != text(want) {
			t.Fatalf("round %d: replayed %s, want %s", round, got, text(want))
		}
		term, err := j.Lead(within(t))
		if err != nil || term <= before {
			t.Errorf("round %d: Lead = %d, %v, want a term above %d", round, term, err, before)
		}
		before = term
		a, b := fmt.Sprint("a", round), fmt.Sprint("b", round)
		got := add(t, j, a, b)
		want = append(want, []byte(a), []byte(b))
		if len(got) != 2 || got[0] != len(want)-1 || got[1] != len(want) {
			t.Errorf("round %d: Append = %v, want what Apply said: [%d %d]", round, got, len(want)-1, len(want))
		}
		if err := j.Verify(); err != nil {
			t.Errorf("Verify = %v", err)
		}
		shut(t, j)
	}
}

func TestNoRecords(t *testing.T) {
	m := &list{}
	j := lead(t, Config{Dir: t.TempDir(), Machine: m})
	if got := add(t, j); len(got) != 0 {
		t.Errorf("Append() = %v, want nothing", got)
	}
	add(t, j, "")
	if got := text(m.all()); got != `[""]` {
		t.Errorf("records = %s, want an empty one", got)
	}
}

// TestConcurrentAppends checks that every caller gets its own answers, and that
// many share an entry.
func TestConcurrentAppends(t *testing.T) {
	const callers, calls = 16, 50
	m := &list{}
	j := lead(t, Config{Dir: t.TempDir(), Machine: m})
	before := j.raft.LastIndex()
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range calls {
				record := fmt.Sprintf("%d/%d", c, i)
				got := add(t, j, record)
				if at := got[0].(int); string(m.all()[at-1]) != record {
					t.Errorf("Append(%s) was answered for another record", record)
				}
			}
		})
	}
	wg.Wait()
	if got := len(m.all()); got != callers*calls {
		t.Errorf("%d records, want %d", got, callers*calls)
	}
	if entries := j.raft.LastIndex() - before; entries >= callers*calls/2 {
		t.Errorf("%d entries for %d records of %d callers: they did not share", entries, callers*calls, callers)
	}
}

func TestSnapshotBoundsReplay(t *testing.T) {
	dir := t.TempDir()
	m := &list{}
	j := lead(t, Config{Dir: dir, Machine: m})
	for i := range 100 {
		add(t, j, fmt.Sprint(i))
	}
	if err := j.Snapshot(); err != nil {
		t.Fatalf("Snapshot: %v", err)
	}
	if err := j.Snapshot(); err != nil {
		t.Fatalf("a second Snapshot: %v", err)
	}
	add(t, j, "behind it")
	want := text(m.all())
	shut(t, j)

	again := &counting{}
	j = lead(t, Config{Dir: dir, Machine: again})
	if got := text(again.all()); got != want {
		t.Errorf("after a snapshot: %s, want %s", got, want)
	}
	if again.applied != 1 {
		t.Errorf("%d records were replayed, want the one behind the snapshot", again.applied)
	}
	shut(t, j)
}

// counting is a list that counts what is applied.
type counting struct {
	list
	applied int
}

// Apply implements Machine.
func (c *counting) Apply(term uint64, record []byte) any {
	c.applied++
	return c.list.Apply(term, record)
}

func TestOneProcessADirectory(t *testing.T) {
	dir := t.TempDir()
	lead(t, Config{Dir: dir, Machine: &list{}})
	_, err := Open(within(t), Config{Dir: dir, Machine: &list{}})
	if fault.KindOf(err) != fault.Invalid {
		t.Fatalf("second Open = %v, want an invalid one", err)
	}
	for _, want := range []string{dir, "another coordinator", fmt.Sprintf("pid %d", os.Getpid()), "choose another directory"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
}

func TestClosed(t *testing.T) {
	j := lead(t, Config{Dir: t.TempDir(), Machine: &list{}})
	shut(t, j)
	shut(t, j)
	for range 20 { // there is room for it to wait in vain, and chance decides
		if _, err := j.Append(within(t), []byte("late")); !errors.Is(err, errClosed) {
			t.Fatalf("Append after Close = %v, want %v", err, errClosed)
		}
	}
	if _, err := j.Lead(within(t)); !errors.Is(err, errClosed) {
		t.Errorf("Lead after Close = %v, want %v", err, errClosed)
	}
}

func TestRecordAboveLimit(t *testing.T) {
	m := &list{}
	j := lead(t, Config{Dir: t.TempDir(), Machine: m})
	if _, err := j.Append(within(t), make([]byte, MaxRecordBytes+1)); fault.KindOf(err) != fault.Internal {
		t.Errorf("Append of too much = %v, want an internal error", err)
	}
	big := strings.Repeat("x", MaxRecordBytes)
	add(t, j, big)
	if got := m.all(); len(got) != 1 || len(got[0]) != len(big) {
		t.Errorf("%d records, want the one at the limit", len(got))
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			j := lead(b, Config{Dir: b.TempDir(), Machine: discard{}})
			record := make([]byte, 300)
			b.SetParallelism(max(callers/2, 1))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := j.Append(b.Context(), record); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// discard is a list that keeps nothing.
type discard struct{ Machine }

// Apply implements Machine.
func (discard) Apply(uint64, []byte) any { return nil }
