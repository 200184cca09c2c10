// Package agg has ready-made values of sdk.Aggregator, for sdk.Aggregate and
// sdk.AggregateAll. Pair and Triple run several of them in one pass over the
// same values; On lets one see a part of a row, and If some of the rows.
//
// Unless its text says otherwise, an aggregator gives the same result, bit by
// bit, however the values were split over tasks and in whichever order states
// were merged. Where rows are compared, they are as Distinct and Sort compare
// them: -0 equals 0, NaN equals NaN and comes last. Rows in results are as they
// come out of a key: with 0 for -0, and times in UTC.
//
// The sizes of states are what a key takes in memory and, per map task, in the
// shuffle. Types of states are no part of what this package promises.
// An aggregator may be used by several goroutines.
package agg

import (
	"errors"
	"fmt"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/sdk"
)

// Integer is what Sum adds.
type Integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// Float is a floating-point number.
type Float interface{ ~float32 | ~float64 }

// Number is what can be added.
type Number interface{ Integer | Float }

// Maybe is a row, or none: where no value was added, OK is false.
type Maybe[V any] = sdk.Maybe[V]

// refused is an aggregator that cannot be used.
func refused[V, A, R any](name, format string, args ...any) sdk.Aggregator[V, A, R] {
	return sdk.Aggregator[V, A, R]{Err: fault.New(fault.Invalid, "agg.%s: %w", name, fmt.Errorf(format, args...))}
}

// giveUp ends the job that runs: Add, Merge and Finish have no error result,
// and a second attempt would come to the same.
func giveUp(format string, args ...any) {
	panic(fault.New(fault.Invalid, format, args...))
}

// flaw says why an aggregator that another one uses cannot be used.
func flaw[V, A, R any](a sdk.Aggregator[V, A, R]) error {
	switch {
	case a.Err != nil:
		return a.Err
	case a.Add == nil || a.Merge == nil || a.Finish == nil:
		return errors.New("an aggregator lacks Add, Merge or Finish")
	}
	return nil
}

// initial is the empty state of an aggregator.
func initial[V, A, R any](a sdk.Aggregator[V, A, R]) (state A) {
	if a.Init != nil {
		state = a.Init()
	}
	return state
}
