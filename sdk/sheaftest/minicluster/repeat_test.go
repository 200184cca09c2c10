package minicluster_test

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
	"github.com/sheafdata/sheaf/sdk/sheaftest"
	"github.com/sheafdata/sheaf/sdk/sheaftest/minicluster"
)

// varyingArgs are those of a job whose map side gives rows other keys each time.
type varyingArgs struct {
	Input, Output string
	Gate          string // a file for which all tasks behind the exchange wait but the first
	Promise       string
}

var varying = sdk.Define("varying", func(p *sdk.Pipeline, a varyingArgs) error {
	keyed := sdk.Map(text.Read(p, a.Input), func(line string) sdk.KV[uint64, string] {
		return sdk.KV[uint64, string]{Key: rand.Uint64(), Value: line}
	})
	switch a.Promise {
	case "deterministic":
		keyed = sdk.Deterministic(keyed)
	case "indeterminate":
		keyed = sdk.Indeterminate(keyed)
	}
	lines := sdk.GroupByKeyErr(keyed, func(ctx *sdk.Context, _ uint64, values iter.Seq[string], emit sdk.Emit[string]) error {
		if err := passGate(ctx, a.Gate); err != nil {
			return err
		}
		for v := range values {
			emit(v)
		}
		return nil
	})
	text.Write(lines, a.Output)
	return nil
})

// passGate lets the first task pass that comes, and all others wait for the gate.
func passGate(ctx *sdk.Context, gate string) error {
	if exists(gate) {
		return nil
	}
	first := gate + ".first"
	err := os.WriteFile(first+ctx.AttemptID(), []byte(ctx.TaskID()), 0o600)
	if err == nil {
		err = os.Link(first+ctx.AttemptID(), first)
	}
	if errors.Is(err, os.ErrExist) {
		err = nil
	}
	if err != nil {
		return err
	}
	if id, err := os.ReadFile(first); err != nil || string(id) == ctx.TaskID() {
		return err
	}
	for !exists(gate) {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

const varyingFiles = 6

// submitVarying lets one task behind the exchange end and the others stand before
// their gate, takes away an executor with what it holds, and opens the gate. It
// returns what the job should write, and whether it failed.
func submitVarying(t *testing.T, promise string) (want, got []string, err error) {
	c := minicluster.New(t, minicluster.Options{Executors: 3, Slots: 1, SplitBytes: 4 << 20, Lease: 500 * time.Millisecond})
	dir := t.TempDir()
	a := varyingArgs{Input: filepath.Join(dir, "*.txt"), Output: filepath.Join(dir, "out"), Gate: filepath.Join(dir, "gate"), Promise: promise}
	random := rand.New(rand.NewPCG(1, 2))
	for f := range varyingFiles {
		var b strings.Builder
		for i := range 2000 { // of letters that no codec makes much shorter
			line := fmt.Sprintf("%d-%d ", f, i)
			for range 40 {
				line += fmt.Sprintf("%x", random.Uint64())
			}
			want = append(want, line)
			b.WriteString(line + "\n")
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.txt", f)), []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(want)
	job := minicluster.Submit(t, c, varying, a)
	if !job.AwaitTasks(varyingFiles + 1) {
		_, err := job.Wait()
		t.Fatalf("no task behind the exchange has ended (%v)", err)
	}
	c.KillExecutor("e1")
	if err := os.WriteFile(a.Gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = job.Wait(); err != nil {
		return want, nil, err
	}
	got = sheaftest.Lines(t, a.Output)
	slices.Sort(got)
	return want, got, nil
}

// TestRepeatedTasks gives rows new keys each time they are read: a result that
// is made of some of the first ones and some of the others has lines twice, and
// others never.
func TestRepeatedTasks(t *testing.T) {
	for _, promise := range []string{"none", "indeterminate"} {
		t.Run(promise, func(t *testing.T) {
			t.Parallel()
			want, got, err := submitVarying(t, promise)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) {
				t.Errorf("the job wrote %d lines, %d of them once, want the %d of its input", len(got), len(slices.Compact(slices.Clone(got))), len(want))
			}
		})
	}
}

func TestBrokenPromise(t *testing.T) {
	t.Parallel()
	_, _, err := submitVarying(t, "deterministic")
	const want = "gave other rows when it was done again"
	if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "Map at ") || !strings.Contains(err.Error(), "repeat_test.go:") {
		t.Errorf("the job ended with %v, want an error with %q that names Map and its place", err, want)
	}
}
