package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/progress"
	"github.com/sheafdata/sheaf/internal/storage"
)

// wantNumbers checks that a destination holds the numbers below n downwards.
func wantNumbers(t testing.TB, dest string, n int64) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dest, "part-*"))
	if err != nil {
		t.Fatal(err)
	}
	next := n
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if next--; line != fmt.Sprintln(next) {
				t.Fatalf("%s holds %q, want %d", f, line, next)
			}
		}
	}
	if next != 0 {
		t.Errorf("%s ends at %d, want 0", dest, next)
	}
	if _, err := os.Stat(filepath.Join(dest, storage.SuccessName)); err != nil {
		t.Error(err)
	}
}

func TestRun(t *testing.T) {
	for _, memory := range []int64{1 << 20, 64 << 20} {
		t.Run(fmt.Sprintf("memory %d", memory), func(t *testing.T) {
			h := newHome(t)
			o := h.options()
			o.MemoryBytes = memory
			rep, err := Run(t.Context(), work{rows: 50_000, splitRows: 4_000, dest: []string{h.dest("a"), h.dest("b")}}.compile(t), o)
			if err != nil {
				t.Fatalf("Run: %v", err)
			}
			wantNumbers(t, h.dest("a"), 50_000)
			wantNumbers(t, h.dest("b"), 50_000)
			h.wantLeft(t, "a", "b")
			if rep.Figures.SourceRows != 50_000 || rep.Figures.SinkRows != 100_000 || rep.Tasks < 14 {
				t.Errorf("Figures = %+v of %d tasks, want 50,000 rows read, 100,000 written by 14 tasks or more", rep.Figures, rep.Tasks)
			}
		})
	}
}

// TestRunsAtOnce runs jobs beside each other in one process.
func TestRunsAtOnce(t *testing.T) {
	h := newHome(t)
	var wg sync.WaitGroup
	var names []string
	for i := range 6 {
		name := fmt.Sprintf("job%d", i)
		names = append(names, name)
		c := work{rows: 5_000, splitRows: 500, dest: []string{h.dest(name)}}.compile(t)
		wg.Go(func() {
			if _, err := Run(t.Context(), c, h.options()); err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
	wg.Wait()
	for _, name := range names {
		wantNumbers(t, h.dest(name), 5_000)
	}
	h.wantLeft(t, names...)
}

func TestUserErrorEndsJob(t *testing.T) {
	h := newHome(t)
	mine := func(_ *operator.Context, n int64) (int64, error) {
		if n == 3_333 {
			return 0, errors.New("no such number")
		}
		return n, nil
	}
	_, err := Run(t.Context(), work{rows: 20_000, splitRows: 1_000, fn: mine, dest: []string{h.dest("a")}}.compile(t), h.options())
	if fault.KindOf(err) != fault.User || !strings.Contains(err.Error(), "no such number; the row is at") {
		t.Errorf("Run = %v of kind %v, want kind User and the row", err, fault.KindOf(err))
	}
	h.wantLeft(t)
}

// TestRefusedBeforeWork checks that what cannot end well does not begin, and
// that nothing is made for it.
func TestRefusedBeforeWork(t *testing.T) {
	h := newHome(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(h.dest("old"), 0o755); err != nil {
		t.Fatal(err)
	}
	tests := map[string]func(o *Options) (dest []string){
		"output exists":            func(*Options) []string { return []string{h.dest("new"), h.dest("old")} },
		"no directory to spill to": func(o *Options) []string { o.Tmp = []string{file}; return []string{h.dest("new")} },
	}
	for name, set := range tests {
		t.Run(name, func(t *testing.T) {
			o := h.options()
			dest := set(&o)
			touched := false
			fn := func(_ *operator.Context, n int64) (int64, error) { touched = true; return n, nil }
			_, err := Run(t.Context(), work{rows: 10, splitRows: 10, fn: fn, dest: dest}.compile(t), o)
			if fault.KindOf(err) != fault.Invalid || touched {
				t.Errorf("Run = %v of kind %v, ran user code: %v, want kind Invalid and not", err, fault.KindOf(err), touched)
			}
			h.wantLeft(t, "old")
		})
	}
}

// TestCancelRunning cancels at a row, with user code that looks at its context
// and with user code that does not but returns.
func TestCancelRunning(t *testing.T) {
	for _, polite := range []bool{true, false} {
		t.Run(fmt.Sprintf("polite %v", polite), func(t *testing.T) {
			h := newHome(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			why := errors.New("enough")
			var after atomic.Int64
			fn := func(c *operator.Context, n int64) (int64, error) {
				if n == 5_000 {
					cancel(why)
					if polite {
						<-c.Done()
						return 0, c.Err()
					}
				}
				if ctx.Err() != nil {
					after.Add(1)
				}
				return n, nil
			}
			_, err := Run(ctx, work{rows: 10_000_000, splitRows: 2_000_000, fn: fn, dest: []string{h.dest("a")}}.compile(t), h.options())
			if fault.KindOf(err) != fault.Canceled || !errors.Is(err, why) {
				t.Errorf("Run = %v of kind %v, want kind Canceled because of %v", err, fault.KindOf(err), why)
			}
			if n := after.Load(); n > 2_000_000 {
				t.Errorf("%d rows went on after the cancellation", n)
			}
			h.wantLeft(t)
		})
	}
}

func TestCanceledBefore(t *testing.T) {
	h := newHome(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Run(ctx, work{rows: 1_000_000, splitRows: 100_000, dest: []string{h.dest("a")}}.compile(t), h.options())
	if fault.KindOf(err) != fault.Canceled || !errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v of kind %v, want kind Canceled", err, fault.KindOf(err))
	}
	h.wantLeft(t)
}

// TestCancelWhilePublishing cancels at every change of the job's state: the
// output is complete exactly when Run says so.
func TestCancelWhilePublishing(t *testing.T) {
	for _, state := range []string{progress.Running, progress.Committing, progress.Done} {
		t.Run(state, func(t *testing.T) {
			h := newHome(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			o := h.options()
			o.Watch = func(s progress.Snapshot) {
				if s.State == state {
					cancel()
				}
			}
			_, err := Run(ctx, work{rows: 60_000, splitRows: 6_000, dest: []string{h.dest("a")}}.compile(t), o)
			if err == nil {
				wantNumbers(t, h.dest("a"), 60_000)
				h.wantLeft(t, "a")
				return
			}
			if fault.KindOf(err) != fault.Canceled {
				t.Errorf("Run = %v of kind %v, want kind Canceled or no error", err, fault.KindOf(err))
			}
			h.wantLeft(t)
		})
	}
}

// TestStuck leaves user code behind that does not return, after a cancellation
// and after a failure of another task; what was staged and spilled is removed
// all the same.
func TestStuck(t *testing.T) {
	for _, fails := range []bool{false, true} {
		t.Run(fmt.Sprintf("another task fails: %v", fails), func(t *testing.T) {
			h := newHome(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			release, hangs, gone := make(chan struct{}), make(chan struct{}), make(chan struct{})
			fn := func(_ *operator.Context, n int64) (int64, error) {
				switch n {
				case 0:
					close(hangs)
					<-release
					close(gone)
				case 1_000:
					<-hangs
					if fails {
						return 0, errors.New("the other task's error")
					}
					cancel()
				}
				return n, nil
			}
			_, err := Run(ctx, work{rows: 3_000, splitRows: 1_000, fn: fn, dest: []string{h.dest("a")}}.compile(t), h.options())
			if !errors.Is(err, ErrStuck) || !strings.Contains(err.Error(), "task 0/0 did not return") {
				t.Errorf("Run = %v, want that task 0/0 is stuck", err)
			}
			if want := map[bool]fault.Kind{false: fault.Canceled, true: fault.User}[fails]; fault.KindOf(err) != want {
				t.Errorf("Run = %v of kind %v, want kind %v", err, fault.KindOf(err), want)
			}
			if fails && !strings.Contains(err.Error(), "the other task's error") {
				t.Errorf("Run = %v, want the error of the task that failed", err)
			}
			h.wantLeft(t)
			// What the code does when it goes on at last must not come back.
			close(release)
			<-gone
			h.wantLeft(t)
		})
	}
}

// TestDiscardFails says that staged files may be left when they are.
func TestDiscardFails(t *testing.T) {
	h := newHome(t)
	broken := make(chan struct{})
	var once sync.Once
	fn := func(_ *operator.Context, n int64) (int64, error) {
		if n < 1_000 {
			return n, nil
		}
		once.Do(func() {
			// A file where the staging directory's parent was: nothing below it
			// can be looked at or removed.
			if err := errors.Join(os.Rename(h.out, h.out+".away"), os.WriteFile(h.out, nil, 0o644)); err != nil {
				t.Error(err)
			}
			close(broken)
		})
		<-broken
		return 0, errors.New("failed as well")
	}
	_, err := Run(t.Context(), work{rows: 2_000, splitRows: 1_000, fn: fn, dest: []string{h.dest("a")}}.compile(t), h.options())
	if fault.KindOf(err) != fault.User || !strings.Contains(err.Error(), "failed as well") {
		t.Errorf("Run = %v of kind %v, want the job's own error first", err, fault.KindOf(err))
	}
	if left := list(t, h.tmp); len(left) != 0 {
		t.Errorf("in the directory for temporary files there are %v, want nothing", left)
	}
}

// TestWatch checks that what is shown never falls while nothing fails, and ends
// with the end.
func TestWatch(t *testing.T) {
	h := newHome(t)
	o := h.options()
	var all []progress.Snapshot
	o.Watch = func(s progress.Snapshot) { all = append(all, s) }
	const rows = 500_000
	if _, err := Run(t.Context(), work{rows: rows, splitRows: rows / 20, dest: []string{h.dest("a")}}.compile(t), o); err != nil {
		t.Fatalf("Run: %v", err)
	}
	order := map[string]int{progress.Running: 1, progress.Committing: 2, progress.Done: 3}
	for i, s := range all {
		if order[s.State] == 0 || len(s.Stages) != 2 {
			t.Fatalf("snapshot %d: state %q, %d stages, want a state of a job without faults and 2", i, s.State, len(s.Stages))
		}
		if i == 0 {
			continue
		}
		before := all[i-1]
		if order[s.State] < order[before.State] || s.Elapsed < before.Elapsed {
			t.Errorf("snapshot %d: state %s at %v after %s at %v", i, s.State, s.Elapsed, before.State, before.Elapsed)
		}
		for j, st := range s.Stages {
			if b := before.Stages[j]; st.Rows < b.Rows || st.Bytes < b.Bytes || st.Done < b.Done || b.Known && !st.Known || b.Started && !st.Started {
				t.Errorf("snapshot %d, stage %d: %+v after %+v", i, j, st, b)
			}
			if st.Rows > rows || st.Done+st.Running > st.Tasks {
				t.Errorf("snapshot %d, stage %d: %+v, more than there is", i, j, st)
			}
		}
	}
	last := all[len(all)-1]
	if last.State != progress.Done {
		t.Errorf("the last state is %s, want %s", last.State, progress.Done)
	}
	for i, st := range last.Stages {
		if st.Rows != rows || st.Done != st.Tasks || !st.Ended || st.Running != 0 {
			t.Errorf("stage %d ends as %+v, want all of %d rows", i, st, rows)
		}
	}
}
