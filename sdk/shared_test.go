package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sheafdata/sheaf/sdk"
)

// diary notes what happens to shared things.
type diary struct {
	mu    sync.Mutex // guards notes
	notes []string
}

func (d *diary) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notes = append(d.notes, fmt.Sprintf(format, args...))
}

// share makes a thing whose life is noted.
func (d *diary) share(p *sdk.Pipeline, name string, fails error) *sdk.Shared[string] {
	return sdk.NewShared(p, name, func(context.Context) (string, error) {
		d.note("open %s", name)
		return name, fails
	}, func(got string) error {
		d.note("close %s", got)
		return nil
	})
}

// sharing runs a job whose tasks all use first, and second after it.
func sharing(t *testing.T, ctx context.Context, d *diary, fn func(ctx *sdk.Context, first, second *sdk.Shared[string], n int) (int, error)) error {
	t.Helper()
	job := sdk.Define("sharing", func(p *sdk.Pipeline, _ struct{}) error {
		first, second := d.share(p, "first", nil), d.share(p, "second", nil)
		d.share(p, "unused", nil)
		rows, err := readNumbered(p, 64*numberBytes, 4*numberBytes)
		used := sdk.MapErr(rows, func(ctx *sdk.Context, row string) (int, error) { return fn(ctx, first, second, len(row)) })
		sdk.Collect(sdk.Count(used), func([]sdk.KV[int, int64]) error {
			d.note("collect")
			return nil
		})
		return err
	})
	_, err := sdk.Run(ctx, job, struct{}{}, sdk.Options{Parallelism: 4, Tmp: []string{t.TempDir()}})
	return err
}

// use gets both things.
func use(ctx *sdk.Context, first, second *sdk.Shared[string], n int) (int, error) {
	a, err := first.Get(ctx)
	if err != nil {
		return 0, err
	}
	b, err := second.Get(ctx)
	if a != "first" || err == nil && b != "second" {
		return 0, fmt.Errorf("got %q and %q", a, b)
	}
	return n, err
}

// TestShared lets four tasks at once ask for two things: each is opened once, and
// closed after all work and before the job's rows are handed out.
func TestShared(t *testing.T) {
	var d diary
	if err := sharing(t, t.Context(), &d, use); err != nil {
		t.Fatal(err)
	}
	if want := []string{"open first", "open second", "close second", "close first", "collect"}; !slices.Equal(d.notes, want) {
		t.Errorf("noted %q, want %q", d.notes, want)
	}
}

// TestSharedIsClosed ends jobs in all other ways.
func TestSharedIsClosed(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	defer cancel()
	for name, tc := range map[string]struct {
		ctx context.Context
		end func(ctx *sdk.Context) error
	}{
		"failed":   {t.Context(), func(*sdk.Context) error { return errors.New("no") }},
		"panicked": {t.Context(), func(*sdk.Context) error { panic("no") }},
		"canceled": {canceled, func(ctx *sdk.Context) error {
			cancel()
			<-ctx.Done()
			return ctx.Err()
		}},
	} {
		var d diary
		err := sharing(t, tc.ctx, &d, func(ctx *sdk.Context, first, second *sdk.Shared[string], n int) (int, error) {
			if _, err := use(ctx, first, second, n); err != nil {
				return 0, err
			}
			return n, tc.end(ctx)
		})
		if err == nil {
			t.Errorf("%s: the job ended well", name)
		}
		if want := []string{"open first", "open second", "close second", "close first"}; !slices.Equal(d.notes, want) {
			t.Errorf("%s: noted %q, want %q", name, d.notes, want)
		}
	}
}

// TestSharedFails checks what errors of opening and closing say, and that no row is
// to blame for them: the limit of bad rows leaves none out.
func TestSharedFails(t *testing.T) {
	fails := errors.New("connection refused")
	for name, tc := range map[string]struct {
		open  func(context.Context) (string, error)
		close func(string) error
		want  []string
	}{
		"open":        {func(context.Context) (string, error) { return "", fails }, nil, []string{"open client, made at ", "shared_test.go:", "connection refused"}},
		"open panics": {func(context.Context) (string, error) { panic("no client") }, nil, []string{"panic: no client", "shared_test.go:"}},
		"close": {func(context.Context) (string, error) { return "", nil }, func(string) error { return fails },
			[]string{"the tasks are over", "close client, made at ", "shared_test.go:", "connection refused"}},
		"close panics": {func(context.Context) (string, error) { return "", nil }, func(string) error { panic("no client") },
			[]string{"the tasks are over", "panic: no client", "shared_test.go:"}},
		"nil": {nil, nil, []string{"shared_test.go:", "NewShared needs a function, but got nil"}},
	} {
		job := sdk.Define("fails", func(p *sdk.Pipeline, _ struct{}) error {
			if name == "open" {
				sdk.MaxBadRows(p, 1000)
			}
			client := sdk.NewShared(p, "client", tc.open, tc.close)
			sdk.Return(sdk.MapErr(sdk.Values(p, 1, 2, 3), func(ctx *sdk.Context, n int) (int, error) {
				if _, err := client.Get(ctx); err != nil {
					return 0, fmt.Errorf("row %d: %w", n, err)
				}
				return n, nil
			}), "rows")
			return nil
		})
		_, err := sdk.Run(t.Context(), job, struct{}{}, sdk.Options{Tmp: []string{t.TempDir()}})
		for _, want := range tc.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: Run = %v, want %q", name, err, want)
			}
		}
	}
}

// TestForeignShared uses a thing of another pipeline, and names one twice.
func TestForeignShared(t *testing.T) {
	var d diary
	var foreign *sdk.Shared[string]
	for i, want := range []string{"", "a Shared of another pipeline", `two shared things "a"`} {
		job := sdk.Define("foreign", func(p *sdk.Pipeline, _ struct{}) error {
			mine := d.share(p, "a", nil)
			switch i {
			case 0:
				foreign = mine
			case 2:
				d.share(p, "a", nil)
			}
			sdk.Return(sdk.MapErr(sdk.Values(p, 1), func(ctx *sdk.Context, n int) (string, error) { return foreign.Get(ctx) }), "rows")
			return nil
		})
		_, err := sdk.Run(t.Context(), job, struct{}{}, sdk.Options{Tmp: []string{t.TempDir()}})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("Run %d = %v, want %q", i, err, want)
		}
	}
}
