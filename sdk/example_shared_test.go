package sdk_test

import (
	"context"
	"fmt"

	"github.com/sheafdata/sheaf/sdk"
)

// A model, a client, a cache: opened once a process, however many tasks ask for it.
func ExampleNewShared() {
	type model struct{ factor int }
	job := sdk.Define("scale", func(p *sdk.Pipeline, _ struct{}) error {
		shared := sdk.NewShared(p, "model", func(context.Context) (*model, error) {
			fmt.Println("the model is loaded")
			return &model{factor: 10}, nil
		}, func(*model) error {
			fmt.Println("the model is gone")
			return nil
		})
		scaled := sdk.MapErr(sdk.Values(p, 1, 2, 3), func(ctx *sdk.Context, n int) (int, error) {
			m, err := shared.Get(ctx)
			if err != nil {
				return 0, err
			}
			return n * m.factor, nil
		})
		sdk.Collect(scaled, func(rows []int) error {
			fmt.Println(rows)
			return nil
		})
		return nil
	})
	if _, err := sdk.Run(context.Background(), job, struct{}{}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// the model is loaded
	// the model is gone
	// [10 20 30]
}
