package sdk_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

// programs are what the test binary can be started as.
var programs = map[string]func(){
	"copy":         mainOf("copy", buildCopy),
	"count":        mainOf("count", buildCount),
	"sort":         mainOf("sort", buildSort),
	"shout":        mainOf("shout", buildShout),
	"error":        mainOf("error", buildError),
	"edit":         mainOf("edit", buildEdit),
	"slow":         mainOf("slow", buildSlow),
	"endless":      mainOf("endless", buildEndless),
	"stuck":        mainOf("stuck", buildStuck),
	"budget":       mainOf("budget", buildBudget),
	"lengths":      mainOf("lengths", buildLengths),
	"long rows":    mainOf("long-rows", buildLongRows),
	"eager":        eager,
	"long formats": mainOf("long-formats", buildLongFormats),
}

// eager runs a job before its main function says what it is for.
func eager() {
	job := sdk.Define("first", func(p *sdk.Pipeline, _ struct{}) error {
		sdk.Collect(sdk.Values(p, "a"), func([]string) error { fmt.Println("the first job ran"); return nil })
		return nil
	})
	if _, err := sdk.Run(context.Background(), job, struct{}{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	mainOf("eager", buildCopy)()
}

func buildCopy(p *sdk.Pipeline, a jobArgs) error {
	text.Write(text.Read(p, a.Input), a.Output)
	return nil
}

func buildCount(p *sdk.Pipeline, a jobArgs) error {
	counts := sdk.Count(text.Read(p, a.Input))
	text.Write(counts, a.Output)
	sdk.Collect(counts, func(rows []sdk.KV[string, int64]) error {
		_, err := fmt.Println("distinct", len(rows))
		return err
	})
	return nil
}

func buildSort(p *sdk.Pipeline, a jobArgs) error {
	sorted := sdk.Sort(text.Read(p, a.Input))
	text.Write(sdk.Map(sorted, func(line string) string { return a.Label + line }), a.Output)
	return nil
}

// buildShout panics on a row, two calls deep in user code.
func buildShout(p *sdk.Pipeline, a jobArgs) error {
	text.Write(sdk.Map(text.Read(p, a.Input), shout), a.Output)
	return nil
}

func shout(line string) string { return strings.Repeat(mustHaveNoBoom(line), 2) }

func mustHaveNoBoom(line string) string {
	if strings.Contains(line, "boom") {
		panic("a row says boom") // the line that the message must name
	}
	return line
}

func buildError(p *sdk.Pipeline, a jobArgs) error {
	text.Write(sdk.MapErr(text.Read(p, a.Input), func(_ *sdk.Context, line string) (string, error) {
		if strings.Contains(line, "boom") {
			return "", fmt.Errorf("%q is not a number", line)
		}
		return line, nil
	}), a.Output)
	return nil
}

// buildEdit appends to its own input while it reads it.
func buildEdit(p *sdk.Pipeline, a jobArgs) error {
	edit := sync.OnceValue(func() error {
		f, err := os.OpenFile(a.Input, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString("one more\n")
		return err
	})
	text.Write(sdk.MapErr(text.Read(p, a.Input), func(_ *sdk.Context, line string) (string, error) { return line, edit() }), a.Output)
	return nil
}

// sayAfter returns a function that prints "working" at its n-th call: then the
// test knows that user code runs and that rows reached the staged file.
func sayAfter(n int64) func() {
	var calls atomic.Int64
	return func() {
		if calls.Add(1) == n {
			fmt.Println("working")
		}
	}
}

// chunk is more rows than operators pass on at once.
const chunk = 3000

// buildSlow takes a tenth of a millisecond a row.
func buildSlow(p *sdk.Pipeline, a jobArgs) error {
	say := sayAfter(chunk)
	text.Write(sdk.Map(text.Read(p, a.Input), func(line string) string {
		say()
		<-time.After(100 * time.Microsecond)
		return line
	}), a.Output)
	return nil
}

// buildEndless emits rows for its first one until it is stopped.
func buildEndless(p *sdk.Pipeline, a jobArgs) error {
	say := sayAfter(chunk)
	text.Write(sdk.FlatMapErr(text.Read(p, a.Input), func(ctx *sdk.Context, line string, emit sdk.Emit[string]) error {
		long := string(bytes.Repeat([]byte(line), 100))
		for ctx.Err() == nil {
			say()
			emit(long)
			<-time.After(10 * time.Microsecond)
		}
		return ctx.Err()
	}), a.Output)
	return nil
}

// buildStuck prints "working" and never returns from its last row, whatever its context says.
func buildStuck(p *sdk.Pipeline, a jobArgs) error {
	text.Write(sdk.Map(text.Read(p, a.Input), func(line string) string {
		if line == "stop here" {
			fmt.Println("working")
			select {}
		}
		return line
	}), a.Output)
	return nil
}
