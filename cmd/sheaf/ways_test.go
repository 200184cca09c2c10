package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/executor/task"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/storage"
)

// waysInput writes what the job reads, in files that are a task each. The first
// waits for the gate.
func waysInput(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 3 {
		var text bytes.Buffer
		if i == 0 {
			text.WriteString("wait\n")
		}
		for text.Len() < 1100<<10 {
			fmt.Fprintf(&text, "%d %s\n", rnd.IntN(50), strings.Repeat(string(rune('a'+rnd.IntN(26))), 200))
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.txt", i)), text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// ways is one run of the job of that name.
type ways struct {
	input, dir string // dir holds the gate and the outputs
}

func (w *ways) counts() string { return filepath.Join(w.dir, "out", "counts") }
func (w *ways) sorted() string { return filepath.Join(w.dir, "out", "sorted") }
func (w *ways) gate() string   { return filepath.Join(w.dir, "gate") }

func (w *ways) args() []string {
	return []string{"--input", w.input, "--counts", w.counts(), "--sorted", w.sorted(), "--gate", w.gate()}
}

func (w *ways) open(t testing.TB) {
	t.Helper()
	if err := os.WriteFile(w.gate(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// local runs the job in local mode.
func (w *ways) local(t testing.TB, program string) {
	t.Helper()
	w.open(t)
	if out, err := exec.Command(program, w.args()...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// rows returns the rows of both outputs: counts have no order, sorted lines have.
func (w *ways) rows(t testing.TB) []string {
	t.Helper()
	return append(rowsIn(t, w.counts()), orderedRows(t, w.sorted())...)
}

// left lists what stands beside the outputs.
func (w *ways) left(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(w.counts()))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.Name() != "counts" && e.Name() != "sorted" {
			names = append(names, e.Name())
		}
	}
	return names
}

// sweep does what the next job with these outputs does first.
func (w *ways) sweep(t testing.TB) {
	t.Helper()
	for _, dest := range []string{w.counts(), w.sorted()} {
		s, err := storage.CreateStage(dest, plan.NewJobID())
		if err == nil {
			err = errors.Join(s.Discard(), s.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// poll looks at both outputs all the time.
func (w *ways) poll() (stop func() error) { return poll(2*time.Millisecond, w.counts(), w.sorted()) }

// poll looks at outputs again and again, until stop is called, which returns what
// was wrong with them: each is whole as soon as it is there, and stays as it is.
func poll(every time.Duration, outputs ...string) (stop func() error) {
	end, first := make(chan struct{}), map[string][]byte{}
	var wait sync.WaitGroup
	var wrong error
	wait.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for wrong == nil {
			for _, dir := range outputs {
				list, err := whole(dir)
				if first[dir] != nil && !bytes.Equal(list, first[dir]) {
					err = errors.Join(err, fmt.Errorf("%s changed after it was there", dir))
				}
				if wrong = errors.Join(wrong, err); list != nil {
					first[dir] = list
				}
			}
			select {
			case <-tick.C:
			case <-end:
				return
			}
		}
	})
	return func() error {
		close(end)
		wait.Wait()
		return wrong
	}
}

// whole checks that a destination is not there, or whole, and returns the list of
// its files.
func whole(dir string) ([]byte, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, err := os.ReadFile(filepath.Join(dir, storage.SuccessName))
	if err != nil {
		return nil, fmt.Errorf("a part of an output: %w", err)
	}
	var success task.Success
	if err := json.Unmarshal(list, &success); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if len(entries) != len(success.Files)+1 {
		return nil, fmt.Errorf("%s holds %d names, and lists %d files", dir, len(entries), len(success.Files))
	}
	for _, f := range success.Files {
		info, err := os.Stat(filepath.Join(dir, f.Name))
		if err != nil || info.Size() != f.Bytes {
			return nil, fmt.Errorf("a part of an output: %s/%s of %d bytes: %v, %w", dir, f.Name, f.Bytes, info, err)
		}
	}
	return list, nil
}
