// Command drives is a driver for tests: it counts up in so many jobs, each of
// which notes that it ran and waits for a file where it is told to.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

type args struct {
	Dir    string `flag:"dir" required:"true"`    // where runs are noted and gates are
	Output string `flag:"output" required:"true"` // for the sum
	Steps  int    `flag:"steps" default:"5"`
	Wait   int    `flag:"wait"`  // the step that waits for DIR/gate
	Fail   int    `flag:"fail"`  // the step that fails
	Moody  bool   `flag:"moody"` // depends on more than it may
	Exit   int    `flag:"exit"`  // the driver's process ends before this step, once
	Panic  int    `flag:"panic"` // the driver panics before this step, once, and forgets what it kept on its way out
}

type stepArgs struct {
	From, To   sdk.Kept[int]
	Dir        string
	Step       int
	Wait, Fail bool
	Mood       int
}

var first = sdk.Define("first", func(p *sdk.Pipeline, to sdk.Kept[int]) error {
	sdk.Persist(sdk.Values(p, 0, 10, 20), to)
	return nil
})

var step = sdk.Define("step", func(p *sdk.Pipeline, a stepArgs) error {
	next := sdk.MapErr(sdk.Persisted(p, a.From), func(ctx *sdk.Context, n int) (int, error) {
		if n%10 == a.Step-1 && n < 10 { // once a step
			note(filepath.Join(a.Dir, fmt.Sprint("step-", a.Step)))
		}
		for a.Wait && ctx.Err() == nil {
			if _, err := os.Stat(filepath.Join(a.Dir, "gate")); err == nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if a.Fail {
			return 0, fmt.Errorf("step %d does not like %d", a.Step, n)
		}
		return n + 1, ctx.Err()
	})
	sdk.Persist(next, a.To)
	sdk.Return(next, "numbers")
	return nil
})

var last = sdk.Define("last", func(p *sdk.Pipeline, a stepArgs) error {
	text.Write(sdk.Map(sdk.Persisted(p, a.From), func(n int) string { return fmt.Sprint(n) }), a.Dir)
	return nil
})

func note(path string) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fmt.Fprintln(f, os.Getpid())
		f.Close()
	}
	if err != nil {
		panic(err)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func drive(s *sdk.Session, a args) error {
	note(filepath.Join(a.Dir, "driver"))
	fmt.Println("driving")
	now := sdk.Keep[int](s, "numbers-0")
	if _, err := sdk.RunIn(s, first, now); err != nil {
		return err
	}
	for n := 1; n <= a.Steps; n++ {
		if left := filepath.Join(a.Dir, "left"); n == a.Exit && !exists(left) {
			note(left)
			os.Exit(3)
		}
		if n == a.Panic {
			if left := filepath.Join(a.Dir, "left"); !exists(left) {
				note(left)
				defer sdk.Forget(s, now)
				panic("for once")
			}
		}
		next := sdk.Keep[int](s, fmt.Sprintf("numbers-%d", n))
		arg := stepArgs{From: now, To: next, Dir: a.Dir, Step: n, Wait: n == a.Wait, Fail: n == a.Fail}
		if a.Moody {
			arg.Mood = time.Now().Nanosecond()
		}
		res, err := sdk.RunIn(s, step, arg)
		if err != nil {
			return err
		}
		numbers, err := sdk.Returned[int](res, "numbers")
		if err != nil {
			return err
		}
		if len(numbers) != 3 || numbers[0]%10 != n {
			return fmt.Errorf("step %d returned %v", n, numbers)
		}
		if err := sdk.Forget(s, now); err != nil {
			return err
		}
		now = next
	}
	_, err := sdk.RunIn(s, last, stepArgs{From: now, Dir: a.Output})
	return err
}

func main() { sdk.Main(sdk.Drive("drives", drive, first, step, last)) }
