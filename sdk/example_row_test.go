package sdk_test

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/sheafdata/sheaf/sdk"
)

func ExampleMap() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		return sdk.Map(sdk.Values(p, "sheaf", "arrow"), strings.ToUpper)
	})
	// Output:
	// SHEAF
	// ARROW
}

// An error ends the job; it names the place of the row.
func ExampleMapErr() {
	show(func(p *sdk.Pipeline) sdk.Dataset[int] {
		return sdk.MapErr(sdk.Values(p, "12", "a dozen"), func(_ *sdk.Context, s string) (int, error) {
			return strconv.Atoi(s)
		})
	})
	// Output: task 0/0: strconv.Atoi: parsing "a dozen": invalid syntax; the row is at value 1
}

func ExampleFlatMap() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		lines := sdk.Values(p, "to be or", "", "not to be")
		return sdk.FlatMap(lines, func(line string, emit sdk.Emit[string]) {
			for word := range sdk.Words(line) {
				emit(word)
			}
		})
	})
	// Output:
	// to
	// be
	// or
	// not
	// to
	// be
}

func ExampleSplitWords() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		return sdk.SplitWords(sdk.Values(p, "to be or", "", "not to be"))
	})
	// Output:
	// to
	// be
	// or
	// not
	// to
	// be
}

func ExampleAppendWords() {
	fmt.Printf("%q\n", sdk.AppendWords(nil, "  to be,\tor not\u00a0to be\n"))
	// Output: ["to" "be," "or" "not" "to" "be"]
}

func ExampleFlatMapErr() {
	show(func(p *sdk.Pipeline) sdk.Dataset[int64] {
		lists := sdk.Values(p, "1,2", "3")
		return sdk.FlatMapErr(lists, func(_ *sdk.Context, list string, emit sdk.Emit[int64]) error {
			for field := range strings.SplitSeq(list, ",") {
				n, err := strconv.ParseInt(field, 10, 64)
				if err != nil {
					return err
				}
				emit(n)
			}
			return nil
		})
	})
	// Output:
	// 1
	// 2
	// 3
}

func ExampleFilter() {
	show(func(p *sdk.Pipeline) sdk.Dataset[int] {
		return sdk.Filter(sdk.Values(p, 1, 2, 3, 4), func(n int) bool { return n%2 == 0 })
	})
	// Output:
	// 2
	// 4
}

func ExampleFilterErr() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		return sdk.FilterErr(sdk.Values(p, "true yes", "false no"), func(_ *sdk.Context, s string) (bool, error) {
			keep, _, found := strings.Cut(s, " ")
			if !found {
				return false, fmt.Errorf("%q has no second word", s)
			}
			return strconv.ParseBool(keep)
		})
	})
	// Output: true yes
}

// sale is a row with two columns.
type sale struct {
	Product string
	Cents   int64
}

// A batch function sees a column for every field. This one keeps the second
// column without touching a row.
func ExampleMapBatches() {
	show(func(p *sdk.Pipeline) sdk.Dataset[int64] {
		sales := sdk.Values(p, sale{"pen", 150}, sale{"ink", 900})
		schema := arrow.NewSchema([]arrow.Field{{Name: "value", Type: arrow.PrimitiveTypes.Int64}}, nil)
		return sdk.MapBatches[int64](sales, func(_ *sdk.Context, in arrow.Record) (arrow.Record, error) {
			return array.NewRecord(schema, []arrow.Array{in.Column(1)}, in.NumRows()), nil
		})
	})
	// Output:
	// 150
	// 900
}

func ExampleKeyBy() {
	show(func(p *sdk.Pipeline) sdk.Dataset[sdk.KV[string, sale]] {
		sales := sdk.Values(p, sale{"pen", 150}, sale{"ink", 900})
		return sdk.KeyBy(sales, func(s sale) string { return s.Product })
	})
	// Output:
	// {pen {pen 150}}
	// {ink {ink 900}}
}

func ExampleUnion() {
	show(func(p *sdk.Pipeline) sdk.Dataset[int] {
		return sdk.Union(sdk.Values(p, 1, 2), sdk.Values(p, 2, 3))
	})
	// Unordered output:
	// 1
	// 2
	// 2
	// 3
}
