package sdk_test

import (
	"context"
	"fmt"
	"strconv"

	"github.com/sheafdata/sheaf/sdk"
)

// A counter says how much of something a job has seen. Here rows that are no
// numbers are left out, and counted.
func ExampleNewCounter() {
	job := sdk.Define("numbers", func(p *sdk.Pipeline, _ struct{}) error {
		invalid := sdk.NewCounter(p, "rows.invalid")
		numbers := sdk.FlatMapErr(sdk.Values(p, "12", "a dozen", "7", ""), func(ctx *sdk.Context, s string, emit sdk.Emit[int]) error {
			n, err := strconv.Atoi(s)
			if err != nil {
				invalid.Add(ctx, 1)
				return nil
			}
			emit(n)
			return nil
		})
		sdk.Collect(numbers, func(rows []int) error {
			fmt.Println(rows)
			return nil
		})
		return nil
	})
	res, err := sdk.Run(context.Background(), job, struct{}{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(res.Counters["rows.invalid"], "rows are no numbers")
	// Output:
	// [12 7]
	// 2 rows are no numbers
}
