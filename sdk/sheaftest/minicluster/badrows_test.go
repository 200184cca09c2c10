package minicluster_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/executor/task"
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
	"github.com/sheafdata/sheaf/sdk/sheaftest"
	"github.com/sheafdata/sheaf/sdk/sheaftest/minicluster"
)

// badArgs are those of a job whose lines say how they are bad. Each line that is
// begun leaves a file in Trace, with its name as far as a space.
type badArgs struct {
	Input, Output, Trace, Gate string
	Limit                      int64
}

// harmful does what a line says.
func harmful(line string) error {
	switch word, _, _ := strings.Cut(line, "-"); word {
	case "error":
		return errors.New("no good: " + line)
	case "panic":
		panic("no good: " + line)
	case "exit":
		os.Exit(3)
	case "kill":
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			return err
		}
		select {}
	case "race": // what the runtime finds: nothing recovers from it
		m := map[int]int{}
		for i := range 4 {
			go func() {
				for j := 0; ; j++ {
					m[i] = j
				}
			}()
		}
		select {}
	case "stack":
		return errors.New(fmt.Sprint(deeper(len(line))))
	}
	return nil
}

// deeper does not return: the stack is not long enough.
func deeper(n int) int {
	if n < 0 {
		return 0
	}
	return deeper(n+1) + 1
}

var badlines = sdk.Define("badlines", func(p *sdk.Pipeline, a badArgs) error {
	sdk.MaxBadRows(p, a.Limit)
	good := sdk.NewCounter(p, "good")
	lines := sdk.MapErr(text.Read(p, a.Input), func(ctx *sdk.Context, line string) (string, error) {
		f, err := os.CreateTemp(a.Trace, line+" ")
		if err != nil {
			return "", err
		}
		f.Close()
		for strings.HasPrefix(line, "wait") && !exists(a.Gate) {
			select {
			case <-time.After(5 * time.Millisecond):
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}
		if err := harmful(line); err != nil {
			return "", err
		}
		good.Add(ctx, 1)
		return line, nil
	})
	text.Write(sdk.Sort(lines), a.Output)
	return nil
})

// badKit makes files of lines, each a task of its own.
func badKit(t *testing.T, limit int64, files ...[]string) badArgs {
	t.Helper()
	dir := t.TempDir()
	a := badArgs{
		Input: filepath.Join(dir, "in"), Output: filepath.Join(dir, "out"), Trace: filepath.Join(dir, "trace"),
		Gate: filepath.Join(dir, "gate"), Limit: limit,
	}
	for _, d := range []string{a.Input, a.Trace} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for i, lines := range files {
		write(t, filepath.Join(a.Input, fmt.Sprintf("%d.txt", i)), strings.Join(lines, "\n")+"\n")
	}
	return a
}

func (a badArgs) begun(t *testing.T, line string) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(a.Trace, line+" *"))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// wantBad checks what the job wrote, left out and counted.
func (a badArgs) wantBad(t *testing.T, res *sdk.Result, good, bad []string) {
	t.Helper()
	slices.Sort(good)
	if got := sheaftest.Lines(t, a.Output); !slices.Equal(got, good) {
		t.Errorf("the job wrote %q, want %q", got, good)
	}
	if want := map[string]int64{"good": int64(len(good))}; !maps.Equal(res.Counters, want) || res.BadRows != int64(len(bad)) {
		t.Errorf("the job counted %v and left out %d rows, want %v and %d", res.Counters, res.BadRows, want, len(bad))
	}
	files, err := filepath.Glob(filepath.Join(a.Output, "_quarantine", "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			var row task.QuarantinedRow
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				t.Fatal(err)
			}
			t.Log(strings.TrimSpace(line))
			_, word, _ := strings.Cut(strings.TrimSuffix(row.Row, `"`), `"`)
			source, err := os.ReadFile(row.File)
			if err != nil || !strings.HasPrefix(string(source)[*row.Offset:], word+"\n") {
				t.Errorf("%s is at offset %d of %s, which holds another row (%v)", word, *row.Offset, row.File, err)
			}
			rows = append(rows, word)
		}
	}
	slices.Sort(rows)
	slices.Sort(bad)
	if !slices.Equal(rows, bad) {
		t.Errorf("in quarantine: %q, want %q", rows, bad)
	}
}

// TestDeadlyRows checks rows that end the process in every way: each is known
// after two attempts at most and left out by the next, whatever else runs beside it.
func TestDeadlyRows(t *testing.T) {
	t.Parallel()
	c := minicluster.New(t, minicluster.Options{Executors: 2, Slots: 2, SplitBytes: 1 << 10})
	a := badKit(t, 10,
		[]string{"a", "exit-1", "b", "error-1"}, []string{"c", "kill-1"}, []string{"race-1", "d", "panic-1"},
		[]string{"e", "f"}, []string{"exit-2", "exit-3"}, []string{"stack-1"},
	)
	res := minicluster.Run(t, c, badlines, a)
	deadly := []string{"exit-1", "kill-1", "race-1", "exit-2", "exit-3", "stack-1"}
	a.wantBad(t, res, []string{"a", "b", "c", "d", "e", "f"}, append([]string{"error-1", "panic-1"}, deadly...))
	for _, line := range deadly {
		// One that shared a batch with another may be met once more before, and
		// one is met once if its rows went one by one already: its batch was
		// suspect, because the process had ended at another.
		if n := a.begun(t, line); n < 1 || n > 4 {
			t.Errorf("%s was begun %d times, want 1 to 4", line, n)
		}
	}
}

// TestDeadlyRowIsFoundAtOnce holds how many attempts it takes when nothing disturbs.
func TestDeadlyRowIsFoundAtOnce(t *testing.T) {
	t.Parallel()
	c := minicluster.New(t, minicluster.Options{Executors: 1, Slots: 1, SplitBytes: 1 << 10})
	a := badKit(t, 1, []string{"a", "b", "exit-1", "c"})
	res := minicluster.Run(t, c, badlines, a)
	a.wantBad(t, res, []string{"a", "b", "c"}, []string{"exit-1"})
	if n := a.begun(t, "exit-1"); n != 2 {
		t.Errorf("exit-1 was begun %d times, want 2: in its batch, and by itself", n)
	}
	if n := a.begun(t, "a"); n != 3 {
		t.Errorf("a was begun %d times, want 3: two more attempts find the row and leave it out", n)
	}
}

func TestTooManyDeadlyRows(t *testing.T) {
	t.Parallel()
	c := minicluster.New(t, minicluster.Options{Executors: 1, Slots: 1, SplitBytes: 1 << 10})
	a := badKit(t, 1, []string{"a", "exit-1", "exit-2"})
	_, err := minicluster.Submit(t, c, badlines, a).Wait()
	if err == nil || !strings.Contains(err.Error(), "2 rows end the process, more than the 1 bad ones that MaxBadRows allows") || !strings.Contains(err.Error(), "exited with code 3") {
		t.Errorf("Wait = %v, want that 2 rows are more than 1, and how the process ended", err)
	}
}

// TestBadRowsAndKilledExecutor checks that a task which runs again, because what it
// wrote is lost, leaves out the same rows, and that they count once.
func TestBadRowsAndKilledExecutor(t *testing.T) {
	t.Parallel()
	c := minicluster.New(t, oneFileATask)
	a := badKit(t, 9,
		[]string{"a", "error-1"}, []string{"b", "panic-1", "c"}, []string{"d", "exit-1", "e"}, []string{"f"},
		[]string{"wait-1"}, []string{"wait-2"}, []string{"wait-3"},
	)
	job := minicluster.Submit(t, c, badlines, a)
	if !job.AwaitTasks(4) {
		_, err := job.Wait()
		t.Fatalf("AwaitTasks(4) = false (%v), want that they are done", err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for a.begun(t, "wait-*") < 2 && !job.Ended() { // Wait has a limit
		<-tick.C
	}
	for _, name := range c.Executors() {
		c.KillExecutor(name)
	}
	c.AddExecutor()
	write(t, a.Gate, "")
	res, err := job.Wait()
	if err != nil {
		t.Fatal(err)
	}
	a.wantBad(t, res, []string{"a", "b", "c", "d", "e", "f", "wait-1", "wait-2", "wait-3"}, []string{"error-1", "panic-1", "exit-1"})
	if n := a.begun(t, "exit-1"); n != 2 {
		t.Errorf("exit-1 was begun %d times, want 2: the coordinator knows it when its task runs again", n)
	}
}
