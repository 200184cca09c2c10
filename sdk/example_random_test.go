package sdk_test

import (
	"context"
	"fmt"

	"github.com/sheafdata/sheaf/sdk"
)

// A sample that is the same in every attempt of a task: about one row of ten.
func ExampleContext_random() {
	job := sdk.Define("sample", func(p *sdk.Pipeline, _ struct{}) error {
		sample := sdk.FilterErr(sdk.Values(p, make([]int, 10_000)...), func(ctx *sdk.Context, _ int) (bool, error) {
			return ctx.Rand().IntN(10) == 0, nil
		})
		sdk.Collect(sample, func(rows []int) error {
			fmt.Println(len(rows) > 700 && len(rows) < 1300)
			return nil
		})
		return nil
	})
	if _, err := sdk.Run(context.Background(), job, struct{}{}); err != nil {
		fmt.Println(err)
	}
	// Output: true
}
