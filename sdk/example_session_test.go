package sdk_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/sheafdata/sheaf/sdk"
)

// fill keeps some numbers.
var fill = sdk.Define("fill", func(p *sdk.Pipeline, to sdk.Kept[float64]) error {
	sdk.Persist(sdk.Values(p, 8.0, 3.0, 5.0), to)
	return nil
})

// halveArgs are the arguments of a job that runs in a loop.
type halveArgs struct{ From, To sdk.Kept[float64] }

// halve halves what is kept, and returns the largest number.
var halve = sdk.Define("halve", func(p *sdk.Pipeline, a halveArgs) error {
	half := sdk.Map(sdk.Persisted(p, a.From), func(f float64) float64 { return f / 2 })
	sdk.Persist(half, a.To)
	sdk.Return(sdk.TopK(half, 1, sdk.By(func(f float64) float64 { return f }).Descending()), "most")
	return nil
})

// inOrder returns what is kept, in order.
var inOrder = sdk.Define("inOrder", func(p *sdk.Pipeline, from sdk.Kept[float64]) error {
	sdk.Return(sdk.Sort(sdk.Persisted(p, from)), "all")
	return nil
})

// drove runs a driver of the jobs above, whose main function would give it to
// Main.
func drove(drive func(s *sdk.Session) error) error {
	driver := sdk.Drive("example", func(s *sdk.Session, _ struct{}) error { return drive(s) }, fill, halve, inOrder)
	_, err := sdk.RunDriver(context.Background(), driver, struct{}{})
	return err
}

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

// A driver gets its arguments from the command line, as a job does.
func ExampleDriver_Doc() {
	type args struct {
		Rounds int `flag:"rounds" help:"how often" default:"3"`
	}
	driver := sdk.Drive("repeat", func(*sdk.Session, args) error { return nil }).Doc("Run a job again and again.")
	fmt.Println(driver.Name())
	// Output: repeat
}

func ExampleDriver_Name() {
	fmt.Println(sdk.Drive("repeat", func(*sdk.Session, struct{}) error { return nil }).Name())
	// Output: repeat
}

// RunDriver runs a driver inside another program, such as a test.
func ExampleRunDriver() {
	driver := sdk.Drive("count", func(s *sdk.Session, rounds int) error {
		for n := range rounds {
			if _, err := sdk.RunIn(s, fill, sdk.Keep[float64](s, fmt.Sprint(n))); err != nil {
				return err
			}
		}
		return nil
	}, fill)
	res, err := sdk.RunDriver(context.Background(), driver, 5)
	fmt.Println(res.Jobs, err)
	// Output: 5 <nil>
}

// What a driver does beside its jobs ends with its context.
func ExampleSession_Context() {
	fmt.Println(drove(func(s *sdk.Session) error { return s.Context().Err() }))
	// Output: <nil>
}

// Each job of a driver is one call, which returns when the job has ended.
func ExampleRunIn() {
	fmt.Println(drove(func(s *sdk.Session) error {
		res, err := sdk.RunIn(s, fill, sdk.Keep[float64](s, "numbers"))
		if err == nil {
			fmt.Println("rows:", res.RowsOut)
		}
		return err
	}))
	// Output:
	// rows: 3
	// <nil>
}

// Keep gives a name to what jobs keep; it goes to them as an argument.
func ExampleKeep() {
	fmt.Println(drove(func(s *sdk.Session) error {
		numbers := sdk.Keep[float64](s, "numbers")
		if _, err := sdk.RunIn(s, fill, numbers); err != nil {
			return err
		}
		res, err := sdk.RunIn(s, inOrder, numbers)
		if err != nil {
			return err
		}
		fmt.Println(sdk.Returned[float64](res, "all"))
		return nil
	}))
	// Output:
	// [3 5 8] <nil>
	// <nil>
}

// Persist keeps rows for later jobs of a driver, which take them with Persisted.
func ExamplePersist() {
	keep := sdk.Define("keep", func(p *sdk.Pipeline, to sdk.Kept[string]) error {
		sdk.Persist(sdk.Values(p, "b", "a"), to)
		return nil
	})
	driver := sdk.Drive("once", func(s *sdk.Session, _ struct{}) error {
		_, err := sdk.RunIn(s, keep, sdk.Keep[string](s, "letters"))
		return err
	}, keep)
	_, err := sdk.RunDriver(context.Background(), driver, struct{}{})
	fmt.Println(err)
	// Output: <nil>
}

func ExamplePersisted() {
	fmt.Println(drove(func(s *sdk.Session) error {
		before, after := sdk.Keep[float64](s, "before"), sdk.Keep[float64](s, "after")
		if _, err := sdk.RunIn(s, fill, before); err != nil {
			return err
		}
		res, err := sdk.RunIn(s, halve, halveArgs{From: before, To: after}) // takes before with Persisted
		if err != nil {
			return err
		}
		fmt.Println(sdk.Returned[float64](res, "most"))
		return nil
	}))
	// Output:
	// [4] <nil>
	// <nil>
}

// What no later job takes need not stay until the driver ends.
func ExampleForget() {
	fmt.Println(drove(func(s *sdk.Session) error {
		numbers := sdk.Keep[float64](s, "numbers")
		if _, err := sdk.RunIn(s, fill, numbers); err != nil {
			return err
		}
		return sdk.Forget(s, numbers)
	}))
	// Output: <nil>
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

// A name that the job did not give to Return is an error.
func ExampleReturned() {
	job := sdk.Define("nothing", func(p *sdk.Pipeline, _ struct{}) error {
		sdk.Return(sdk.Values(p, 1), "one")
		return nil
	})
	res, err := sdk.Run(context.Background(), job, struct{}{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = sdk.Returned[int](res, "two")
	fmt.Println(err)
	// Output: the job returned no "two": its build function says so with Return
}
