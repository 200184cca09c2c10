package sdk_test

import (
	"fmt"
	"iter"
	"time"

	"github.com/sheafdata/sheaf/sdk"
)

type visit struct {
	Second int64
	Page   string
}

func second(v visit) int64 { return v.Second }

// visits are keyed by user.
func visits(p *sdk.Pipeline) sdk.Dataset[sdk.KV[string, visit]] {
	return sdk.Values(p,
		sdk.KV[string, visit]{Key: "ada", Value: visit{40, "ink"}}, sdk.KV[string, visit]{Key: "bob", Value: visit{5, "pen"}},
		sdk.KV[string, visit]{Key: "ada", Value: visit{10, "pen"}}, sdk.KV[string, visit]{Key: "ada", Value: visit{10, "nib"}})
}

// seconds adds up the seconds of visits.
func seconds() sdk.Aggregator[visit, int64, int64] {
	return sdk.Aggregator[visit, int64, int64]{
		Add:    func(n *int64, v visit) { *n += v.Second },
		Merge:  func(n *int64, o int64) { *n += o },
		Finish: func(n int64) int64 { return n },
	}
}

// The last visit of every user.
func ExampleTopKByKey() {
	show(func(p *sdk.Pipeline) sdk.Dataset[sdk.KV[string, visit]] {
		return sdk.TopKByKey(visits(p), 1, sdk.By(second).Descending())
	})
	// Output:
	// {ada {40 ink}}
	// {bob {5 pen}}
}

// Number, rank with gaps, and rank without.
func ExampleRank() {
	show(func(p *sdk.Pipeline) sdk.Dataset[sdk.KV[string, sdk.Ranked[visit]]] {
		return sdk.Rank(visits(p), sdk.By(second))
	})
	// Output:
	// {ada {{10 pen} 1 1 1}}
	// {ada {{10 nib} 2 1 1}}
	// {ada {{40 ink} 3 3 2}}
	// {bob {{5 pen} 1 1 1}}
}

// Where a user came from.
func ExampleLag() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		return sdk.Map(sdk.Lag(visits(p), 1, sdk.By(second)), func(v sdk.KV[string, sdk.Lagged[visit]]) string {
			if !v.Value.Before.OK {
				return v.Key + " begins with " + v.Value.Row.Page
			}
			return v.Key + " goes from " + v.Value.Before.Value.Page + " to " + v.Value.Row.Page
		})
	})
	// Output:
	// ada begins with pen
	// ada goes from pen to nib
	// ada goes from nib to ink
	// bob begins with pen
}

// How long until the next visit.
func ExampleLead() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		return sdk.Map(sdk.Lead(visits(p), 1, sdk.By(second)), func(v sdk.KV[string, sdk.Led[visit]]) string {
			if !v.Value.After.OK {
				return v.Key + " ends with " + v.Value.Row.Page
			}
			return fmt.Sprint(v.Key, " stays ", v.Value.After.Value.Second-v.Value.Row.Second, " s at ", v.Value.Row.Page)
		})
	})
	// Output:
	// ada stays 0 s at pen
	// ada stays 30 s at nib
	// ada ends with ink
	// bob ends with pen
}

// The sum of the seconds so far.
func ExampleRunningAggregate() {
	show(func(p *sdk.Pipeline) sdk.Dataset[sdk.KV[string, sdk.Running[visit, int64]]] {
		return sdk.RunningAggregate(visits(p), seconds(), sdk.By(second))
	})
	// Output:
	// {ada {{10 pen} 10}}
	// {ada {{10 nib} 20}}
	// {ada {{40 ink} 60}}
	// {bob {{5 pen} 5}}
}

// The sum over the last two visits.
func ExampleMovingAggregate() {
	show(func(p *sdk.Pipeline) sdk.Dataset[sdk.KV[string, sdk.Running[visit, int64]]] {
		return sdk.MovingAggregate(visits(p), 2, seconds(), sdk.By(second))
	})
	// Output:
	// {ada {{10 pen} 10}}
	// {ada {{10 nib} 20}}
	// {ada {{40 ink} 50}}
	// {bob {{5 pen} 5}}
}

// Visits that follow each other within 20 seconds.
func ExampleGroupSessions() {
	show(func(p *sdk.Pipeline) sdk.Dataset[string] {
		at := func(v visit) time.Time { return time.Unix(v.Second, 0) }
		return sdk.GroupSessions(visits(p), at, 20*time.Second, func(user string, start time.Time, rows iter.Seq[visit], emit sdk.Emit[string]) {
			n := 0
			for range rows {
				n++
			}
			emit(fmt.Sprint(user, " at ", start.Unix(), ": ", n))
		})
	})
	// Output:
	// ada at 10: 2
	// ada at 40: 1
	// bob at 5: 1
}
