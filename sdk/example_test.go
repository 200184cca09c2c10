package sdk_test

import (
	"context"
	"fmt"

	"github.com/sheafdata/sheaf/sdk"
)

// show runs a job that consists of what build makes and prints the rows of the
// dataset, or what went wrong.
func show[T any](build func(p *sdk.Pipeline) sdk.Dataset[T]) {
	job := sdk.Define("example", func(p *sdk.Pipeline, _ struct{}) error {
		sdk.Collect(build(p), func(rows []T) error {
			for _, row := range rows {
				fmt.Printf("%v\n", row)
			}
			return nil
		})
		return nil
	})
	if _, err := sdk.Run(context.Background(), job, struct{}{}); err != nil {
		fmt.Println(err)
	}
}
