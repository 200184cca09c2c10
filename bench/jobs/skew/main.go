// Command skew groups lines of a key, a tab and a number, where one key holds
// most of the rows, and writes every key with its rows and their sum.
package main

import (
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/sheafdata/sheaf/bench/jobs/profile"
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

type args struct {
	Input  string `flag:"input" help:"files to read" required:"true"`
	Output string `flag:"output" help:"directory to write" required:"true"`
}

type total struct {
	Key       string
	Rows, Sum int64
}

func build(p *sdk.Pipeline, a args) error {
	pairs := sdk.MapErr(text.Read(p, a.Input), func(_ *sdk.Context, line string) (sdk.KV[string, int64], error) {
		key, number, _ := strings.Cut(line, "\t")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return sdk.KV[string, int64]{}, fmt.Errorf("number of line %q: %w", line, err)
		}
		return sdk.KV[string, int64]{Key: key, Value: n}, nil
	})
	totals := sdk.GroupByKey(pairs, func(key string, values iter.Seq[int64], emit sdk.Emit[total]) {
		t := total{Key: key}
		for n := range values {
			t.Rows++
			t.Sum += n
		}
		emit(t)
	})
	text.Write(totals, a.Output)
	return profile.During(p)
}

func main() { sdk.Main(sdk.Define("skew", build)) }
