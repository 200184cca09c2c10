// Command keyed is a job for tests whose reducers take groups: it joins two
// inputs by their keys, or digests the values of each key in the order in which
// they come. A line "wait" waits for a file, and its group for another.
package main

import (
	"fmt"
	"hash/fnv"
	"iter"
	"os"
	"strings"
	"time"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

type args struct {
	Input  string `flag:"input" required:"true"`
	With   string `flag:"with"` // what it is joined with; empty for a digest
	Output string `flag:"output" required:"true"`
	Gate   string `flag:"gate" required:"true"`
}

// side is a value and the input that it is from.
type side struct {
	Right bool
	Text  string
}

func build(p *sdk.Pipeline, a args) error {
	read := func(path string, right bool) sdk.Dataset[sdk.KV[string, side]] {
		return sdk.Map(text.Read(p, path), func(line string) sdk.KV[string, side] {
			key, rest, _ := strings.Cut(line, " ")
			wait(key, a.Gate)
			return sdk.KV[string, side]{Key: key, Value: side{right, rest}}
		})
	}
	rows, each := read(a.Input, false), digest
	if a.With != "" {
		rows, each = sdk.Union(rows, read(a.With, true)), join
	}
	text.Write(sdk.GroupByKey(rows, func(key string, values iter.Seq[side], emit sdk.Emit[string]) {
		wait(key, a.Gate+"-late")
		each(key, values, emit)
	}), a.Output)
	return nil
}

// join emits each pair of a key's values; those from the left are held.
func join(key string, values iter.Seq[side], emit sdk.Emit[string]) {
	var left, right []string
	for v := range values {
		if v.Right {
			right = append(right, v.Text)
		} else {
			left = append(left, v.Text)
		}
	}
	for _, l := range left {
		for _, r := range right {
			emit(key + " " + l + " " + r)
		}
	}
}

// digest emits what depends on every value and on their order.
func digest(key string, values iter.Seq[side], emit sdk.Emit[string]) {
	sum, n := fnv.New64a(), 0
	for v := range values {
		fmt.Fprintln(sum, v.Text)
		n++
	}
	emit(fmt.Sprintf("%s %d %x", key, n, sum.Sum64()))
}

// wait waits for a file where the key says so.
func wait(key, path string) {
	for key == "wait" {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func main() { sdk.Main(sdk.Define("keyed", build)) }
