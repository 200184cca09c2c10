package minicluster_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
	"github.com/sheafdata/sheaf/sdk/sheaftest/minicluster"
)

// forgetVar makes TestMain forget minicluster.Main.
const forgetVar = "MINICLUSTER_TEST_FORGET"

func TestMain(m *testing.M) {
	if os.Getenv(forgetVar) != "" {
		os.Exit(m.Run())
	}
	minicluster.Main(m, wordcount, sorted, collector, talker, gated, failing, random, processes, varying, slowed, badlines, sharing, shops, shopping, beside)
	if err := goleak.Find(); err != nil {
		log.Fatal(err)
	}
}

type wordArgs struct{ Input, Output string }

var wordcount = sdk.Define("wordcount", func(p *sdk.Pipeline, a wordArgs) error {
	words := sdk.FlatMap(text.Read(p, a.Input), func(line string, emit sdk.Emit[string]) {
		for w := range sdk.Words(line) {
			emit(w)
		}
	})
	text.Write(sdk.Count(words), a.Output)
	return nil
})

var sorted = sdk.Define("sorted", func(p *sdk.Pipeline, a wordArgs) error {
	text.Write(sdk.Sort(text.Read(p, a.Input)), a.Output)
	return nil
})

// took is what collector was given last, and where.
var took struct {
	sync.Mutex
	rows []sdk.KV[string, int64]
	err  error // that it answers
}

var collector = sdk.Define("collector", func(p *sdk.Pipeline, a wordArgs) error {
	counts := sdk.Sort(sdk.Count(text.Read(p, a.Input)))
	sdk.Return(counts, "counts")
	sdk.Collect(counts, func(rows []sdk.KV[string, int64]) error {
		took.Lock()
		defer took.Unlock()
		took.rows = rows
		return took.err
	})
	return nil
})

// talker prints its rows.
var talker = sdk.Define("talker", func(p *sdk.Pipeline, a wordArgs) error {
	text.Write(sdk.Map(text.Read(p, a.Input), func(line string) string {
		fmt.Println("out", line)
		fmt.Fprint(os.Stderr, "err ", line)
		return line
	}), a.Output)
	return nil
})

var failing = sdk.Define("failing", func(p *sdk.Pipeline, a wordArgs) error {
	if a.Input == "" {
		return errors.New("no input was given")
	}
	text.Write(sdk.Map(text.Read(p, a.Input), func(line string) string { return line[:len(line)-1] }), a.Output)
	return nil
})

// processes writes the ids of the processes that run it.
var processes = sdk.Define("processes", func(p *sdk.Pipeline, a wordArgs) error {
	text.Write(sdk.Distinct(sdk.Map(text.Read(p, a.Input), func(string) int { return os.Getpid() })), a.Output)
	return nil
})

// gateArgs are those of a job whose lines "wait …" are held until a file exists.
type gateArgs struct{ Input, Right, Output, Gate, Trace string }

// pass leaves a trace of an attempt that begins a line, and holds the line.
func (a gateArgs) pass(ctx *sdk.Context, line string) (string, error) {
	f, err := os.CreateTemp(a.Trace, strings.ReplaceAll(line, " ", "-")+"-")
	if err != nil {
		return "", err
	}
	_, err = fmt.Fprintf(f, "%s %d %d", line, ctx.Now().UnixNano(), ctx.Rand().Uint64())
	if err = errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	if !strings.HasPrefix(line, "wait") {
		return line, nil
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(a.Gate); err == nil {
			return line, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// lines reads the input and passes its lines.
func (a gateArgs) lines(p *sdk.Pipeline) sdk.Dataset[string] {
	begun := sdk.NewCounter(p, "begun")
	return sdk.MapErr(text.Read(p, a.Input), func(ctx *sdk.Context, line string) (string, error) {
		begun.Add(ctx, 1)
		return a.pass(ctx, line)
	})
}

var gated = sdk.Define("gated", func(p *sdk.Pipeline, a gateArgs) error {
	text.Write(sdk.Sort(sdk.Count(a.lines(p))), a.Output)
	return nil
})

// beside gives what gated gives, by a join with lines "right …" that are broadcast.
var beside = sdk.Define("beside", func(p *sdk.Pipeline, a gateArgs) error {
	left := sdk.KeyBy(a.lines(p), func(line string) string { return strings.Fields(line)[0] })
	right := sdk.KeyBy(sdk.MapErr(text.Read(p, a.Right), a.pass), func(line string) string { return strings.Fields(line)[1] })
	text.Write(sdk.Join(left, right, func(_, line, _ string) sdk.KV[string, int] { return sdk.KV[string, int]{Key: line, Value: 1} }, sdk.Broadcast()), a.Output)
	return nil
})

// gateKit is a job of gated with its files: one line a file, one file a task.
type gateKit struct {
	gateArgs
	want []string
}

const plainFiles, gatedFiles, rightFiles = 4, 3, 2

func newGateKit(t *testing.T) gateKit {
	t.Helper()
	dir := t.TempDir()
	k := gateKit{gateArgs: gateArgs{
		Input: filepath.Join(dir, "in"), Right: filepath.Join(dir, "right"), Output: filepath.Join(dir, "out"), Gate: filepath.Join(dir, "gate"), Trace: filepath.Join(dir, "trace"),
	}}
	for _, d := range []string{k.Input, k.Right, k.Trace} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for i := range plainFiles + gatedFiles {
		line := fmt.Sprintf("plain %d", i)
		if i >= plainFiles {
			line = fmt.Sprintf("wait %d", i)
		}
		write(t, filepath.Join(k.Input, fmt.Sprintf("%d.txt", i)), line+"\n")
		k.want = append(k.want, line+"\t1")
	}
	for _, key := range []string{"plain", "wait"} {
		write(t, filepath.Join(k.Right, key+".txt"), "right "+key+"\n")
	}
	return k
}

// started returns how often a line was begun that starts with some words.
func (k gateKit) started(t *testing.T, words string) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(k.Trace, words+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// drawn returns, by line, what its attempts saw of the job's time and their random
// numbers, once for each that saw something else.
func (k gateKit) drawn(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(k.Trace, "*"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string][]string{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		words := strings.Fields(string(text))
		line, saw := strings.Join(words[:2], " "), strings.Join(words[2:], " ")
		if !slices.Contains(seen[line], saw) {
			seen[line] = append(seen[line], saw)
		}
	}
	return seen
}

// awaitHeld waits until so many attempts stand before the gate.
func (k gateKit) awaitHeld(t *testing.T, n int) {
	t.Helper()
	limit := time.After(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for k.started(t, "wait") < n {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("%d attempts wait, want %d", k.started(t, "wait"), n)
		}
	}
}

func (k gateKit) open(t *testing.T) {
	t.Helper()
	write(t, k.Gate, "")
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// probe is a test that watches what is done to it.
type probe struct {
	testing.TB
	ctx      context.Context
	messages *messages
	output   io.Writer
}

func (p probe) Output() io.Writer { return p.output }

type messages struct {
	mu  sync.Mutex // guards all
	all []string
}

func (p probe) Context() context.Context { return p.ctx }

func (p probe) Errorf(format string, args ...any) {
	p.messages.mu.Lock()
	defer p.messages.mu.Unlock()
	p.messages.all = append(p.messages.all, fmt.Sprintf(format, args...))
}

func (p probe) Fatalf(format string, args ...any) {
	p.Errorf(format, args...)
	runtime.Goexit()
}

// said runs fn as a test and returns the errors of it.
func said(t *testing.T, fn func(t testing.TB)) []string {
	p := probe{t, t.Context(), &messages{}, t.Output()}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		fn(p)
	}()
	<-ended
	return p.messages.all
}

// wantOne checks that a test ended with one error that says all of some words.
func wantOne(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if len(got) != 1 || slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(got[0], w) }) {
		t.Errorf("%s: the test ended with %q, want one error with %q", what, got, want)
	}
}
