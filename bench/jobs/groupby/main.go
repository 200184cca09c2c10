// Command groupby sums columns of typed CSV rows by a key: one column by a key
// with few values (--key id1), or two by a key with many (--key id3).
package main

import (
	"fmt"
	"strconv"

	"github.com/sheafdata/sheaf/bench/jobs/profile"
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/csv"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

type args struct {
	Input  string `flag:"input" help:"files to read" required:"true"`
	Output string `flag:"output" help:"directory to write" required:"true"`
	Key    string `flag:"key" help:"id1 or id3" required:"true"`
}

// low is a row as far as a sum by a key with few values needs it.
type low struct {
	Key string `csv:"id1"`
	V1  int64  `csv:"v1"`
}

// high is a row as far as sums by a key with many values need it.
type high struct {
	Key string `csv:"id3"`
	V1  int64  `csv:"v1"`
	V2  int64  `csv:"v2"`
}

type sums struct{ V1, V2 int64 }

func build(p *sdk.Pipeline, a args) error {
	switch a.Key {
	case "id1":
		buildLow(p, a)
	case "id3":
		buildHigh(p, a)
	default:
		return fmt.Errorf("--key is %q: it must be id1 or id3", a.Key)
	}
	return profile.During(p)
}

func buildLow(p *sdk.Pipeline, a args) {
	pairs := sdk.Map(csv.Read[low](p, a.Input), func(r low) sdk.KV[string, int64] {
		return sdk.KV[string, int64]{Key: r.Key, Value: r.V1}
	})
	text.Write(sdk.Reduce(pairs, func(x, y int64) int64 { return x + y }), a.Output)
}

func buildHigh(p *sdk.Pipeline, a args) {
	pairs := sdk.Map(csv.Read[high](p, a.Input), func(r high) sdk.KV[string, sums] {
		return sdk.KV[string, sums]{Key: r.Key, Value: sums{r.V1, r.V2}}
	})
	totals := sdk.Reduce(pairs, func(x, y sums) sums { return sums{x.V1 + y.V1, x.V2 + y.V2} })
	text.WriteFunc(totals, a.Output, func(dst []byte, t sdk.KV[string, sums]) []byte {
		dst = append(append(dst, t.Key...), '\t')
		dst = append(strconv.AppendInt(dst, t.Value.V1, 10), '\t')
		return strconv.AppendInt(dst, t.Value.V2, 10)
	})
}

func main() { sdk.Main(sdk.Define("groupby", build)) }
