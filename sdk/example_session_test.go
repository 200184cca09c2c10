package sdk_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/sheafdata/sheaf/sdk"
)

// halveArgs are the arguments of a job that runs in a loop.
type halveArgs struct{ From, To sdk.Kept[float64] }

var fill = sdk.Define("fill", func(p *sdk.Pipeline, to sdk.Kept[float64]) error {
	sdk.Persist(sdk.Values(p, 8.0, 3.0, 5.0), to)
	return nil
})

// halve halves what is kept, and returns the largest number.
var halve = sdk.Define("halve", func(p *sdk.Pipeline, a halveArgs) error {
	half := sdk.Map(sdk.Persisted(p, a.From), func(f float64) float64 { return f / 2 })
	sdk.Persist(half, a.To)
	sdk.Return(sdk.TopK(half, 1, sdk.By(func(f float64) float64 { return f }).Descending()), "most")
	return nil
})

// A driver runs jobs until something holds: here that no number is above 1.
func ExampleDrive() {
	driver := sdk.Drive("shrink", func(s *sdk.Session, _ struct{}) error {
		now := sdk.Keep[float64](s, "numbers-0")
		if _, err := sdk.RunIn(s, fill, now); err != nil {
			return err
		}
		for n := 1; ; n++ {
			next := sdk.Keep[float64](s, fmt.Sprintf("numbers-%d", n))
			res, err := sdk.RunIn(s, halve, halveArgs{From: now, To: next})
			if err != nil {
				return err
			}
			most, err := sdk.Returned[float64](res, "most")
			if err != nil {
				return err
			}
			fmt.Println(n, most[0])
			if most[0] <= 1 {
				return nil
			}
			if err := sdk.Forget(s, now); err != nil {
				return err
			}
			now = next
		}
	}, fill, halve)
	res, err := sdk.RunDriver(context.Background(), driver, struct{}{})
	fmt.Println(res.Jobs, err)
	// Output:
	// 1 4
	// 2 2
	// 3 1
	// 4 <nil>
}

// What a job returns is at hand when it has ended.
func ExampleReturn() {
	job := sdk.Define("lengths", func(p *sdk.Pipeline, text string) error {
		words := sdk.Values(p, strings.Fields(text)...)
		sdk.Return(sdk.Map(words, func(w string) int { return len(w) }), "lengths")
		return nil
	})
	res, err := sdk.Run(context.Background(), job, "to be or not")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(sdk.Returned[int](res, "lengths"))
	// Output: [2 2 2 3] <nil>
}

// Persist keeps rows for later jobs of a driver; see Drive for a loop.
func ExamplePersist() {
	first := sdk.Define("first", func(p *sdk.Pipeline, to sdk.Kept[string]) error {
		sdk.Persist(sdk.Values(p, "b", "a"), to)
		return nil
	})
	second := sdk.Define("second", func(p *sdk.Pipeline, from sdk.Kept[string]) error {
		sdk.Return(sdk.Sort(sdk.Persisted(p, from)), "sorted")
		return nil
	})
	driver := sdk.Drive("twice", func(s *sdk.Session, _ struct{}) error {
		letters := sdk.Keep[string](s, "letters")
		if _, err := sdk.RunIn(s, first, letters); err != nil {
			return err
		}
		res, err := sdk.RunIn(s, second, letters)
		if err != nil {
			return err
		}
		fmt.Println(sdk.Returned[string](res, "sorted"))
		return nil
	}, first, second)
	if _, err := sdk.RunDriver(context.Background(), driver, struct{}{}); err != nil {
		fmt.Println(err)
	}
	// Output: [a b] <nil>
}
