package minicluster_test

import (
	"context"
	"errors"
	"fmt"
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

// sharing is gated with a client of its own in each process, which cannot be had the
// first time that anybody asks.
var sharing = sdk.Define("sharing", func(p *sdk.Pipeline, a gateArgs) error {
	note := func(what string) error {
		f, err := os.OpenFile(filepath.Join(a.Trace, what), os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		return f.Close()
	}
	client := sdk.NewShared(p, "client", func(context.Context) (int, error) {
		if note("refused") == nil {
			return 0, errors.New("connection refused")
		}
		return os.Getpid(), note(fmt.Sprint("opened ", os.Getpid())) // not twice
	}, func(pid int) error { return note(fmt.Sprint("closed ", pid)) })
	lines := sdk.MapErr(text.Read(p, a.Input), func(ctx *sdk.Context, line string) (string, error) {
		if pid, err := client.Get(ctx); err != nil || pid != os.Getpid() {
			return "", fmt.Errorf("client of %d: %w", pid, err)
		}
		if !strings.HasPrefix(line, "wait") {
			return line, nil
		}
		if err := note("wait " + ctx.AttemptID()); err != nil {
			return "", err
		}
		if err := awaitFile(ctx, a.Gate); err != nil {
			return "", err
		}
		if how, err := os.ReadFile(a.Gate); err != nil || len(how) > 0 {
			return "", fmt.Errorf("the gate says %q: %w", how, err)
		}
		return line, nil
	})
	text.Write(sdk.Count(lines), a.Output)
	return nil
})

// awaitFile waits until a file exists.
func awaitFile(ctx context.Context, path string) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(path); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// pids are those of the processes that did something.
func (k gateKit) pids(t *testing.T, what string) (pids []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(k.Trace, what+" *"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		pids = append(pids, strings.TrimPrefix(filepath.Base(f), what+" "))
	}
	return pids
}

// awaitClosed waits until each process that opened the client has closed it.
func (k gateKit) awaitClosed(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	opened := k.pids(t, "opened")
	if len(opened) == 0 || len(opened) > 2 {
		t.Errorf("%d processes opened the client, want one or two: each executor has one", len(opened))
	}
	for _, pid := range opened {
		if err := awaitFile(ctx, filepath.Join(k.Trace, "closed "+pid)); err != nil {
			t.Fatalf("process %s opened the client and did not close it: %v", pid, err)
		}
	}
	if closed := k.pids(t, "closed"); !slices.Equal(closed, opened) {
		t.Errorf("processes %q closed the client, want %q", closed, opened)
	}
}

func TestSharedOnCluster(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"done", "failed"} {
		c := minicluster.New(t, minicluster.Options{Slots: 2, SplitBytes: 1 << 10, Lease: time.Minute})
		k := newGateKit(t)
		job := minicluster.Submit(t, c, sharing, k.gateArgs)
		k.awaitHeld(t, gatedFiles)
		if end == "failed" {
			write(t, k.Gate, "no")
		} else {
			k.open(t)
		}
		_, err := job.Wait()
		if (err == nil) != (end == "done") {
			t.Fatalf("%s: the job ended with %v", end, err)
		}
		if err == nil {
			if got := sheaftest.Lines(t, k.Output); !slices.Equal(got, k.want) {
				t.Errorf("the job wrote %q, want %q", got, k.want)
			}
		}
		if k.started(t, "refused") != 1 {
			t.Errorf("%s: the client was to be had at once, want that a task is retried", end)
		}
		k.awaitClosed(t)
	}
}
