package sdk_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"

	"github.com/sheafdata/sheaf/sdk"
)

// A key that has most of the rows gives one task most of the work. The result names
// it, or, where keys are nobody's business, a hash.
func ExampleHideKeys() {
	orders := sdk.Define("orders", func(p *sdk.Pipeline, hide bool) error {
		if hide {
			sdk.HideKeys(p)
		}
		r := rand.New(rand.NewPCG(1, 2))
		rows := make([]sdk.KV[string, []int64], 5000)
		for i := range rows {
			rows[i] = sdk.KV[string, []int64]{Key: "ada", Value: make([]int64, 64)}
			for k := range rows[i].Value {
				rows[i].Value[k] = r.Int64()
			}
			if i%5 == 0 {
				rows[i].Key = fmt.Sprint("customer ", i)
			}
		}
		sizes := sdk.GroupByKey(sdk.Values(p, rows...), func(customer string, orders iter.Seq[[]int64], emit sdk.Emit[int]) {
			n := 0
			for range orders {
				n++
			}
			emit(n)
		})
		sdk.Return(sizes, "sizes")
		return nil
	})
	for _, hide := range []bool{false, true} {
		res, err := sdk.Run(context.Background(), orders, hide, sdk.Options{Parallelism: 2})
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, k := range res.HotKeys {
			fmt.Printf("%s has %d rows of %s\n", k.Name(), k.Rows, k.Operator)
		}
	}
	// Output:
	// "ada" has 4000 rows of GroupByKey
	// with hash 691d4463952c802f has 4000 rows of GroupByKey
}
