package sdk

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"
)

// entry is what the verbs over ordered rows see: all of it is ordered, so that the
// order of a random job's rows, which may be any, does not matter.
type entry struct {
	Num  int64
	Text string
}

func entries(d Dataset[item]) Dataset[KV[string, entry]] {
	return Map(d, func(i item) KV[string, entry] { return KV[string, entry]{Key: i.Key, Value: entryOf(i)} })
}

func entryOf(i item) entry { return entry{i.Num, strings.Repeat("x", len(i.Tags))} }

func numOf(e entry) int64   { return e.Num }
func textOf(e entry) string { return e.Text }

// entryOrders puts large numbers first.
func entryOrders() []Order[entry] {
	return []Order[entry]{By(numOf).Descending(), By(textOf)}
}

// naiveEntries gives the rows of every key in the order of entryOrders.
func naiveEntries(of func(key string, rows []entry) []string) func([]item) []item {
	return func(in []item) (out []item) {
		groups := map[string][]entry{}
		for _, i := range in {
			groups[i.Key] = append(groups[i.Key], entryOf(i))
		}
		for _, key := range slices.Sorted(maps.Keys(groups)) {
			rows := groups[key]
			slices.SortStableFunc(rows, func(a, b entry) int {
				return cmp.Or(cmp.Compare(b.Num, a.Num), cmp.Compare(a.Text, b.Text))
			})
			for _, text := range of(key, rows) {
				out = append(out, item{Key: key + text})
			}
		}
		return out
	}
}

// shown makes items of rows with their keys.
func shown[V any](d Dataset[KV[string, V]]) Dataset[item] {
	return Map(d, func(kv KV[string, V]) item { return item{Key: kv.Key + fmt.Sprint(kv.Value)} })
}

// naiveRank looks for the first row that is equal.
func naiveRank(_ string, rows []entry) (out []string) {
	distinct := map[int64]bool{}
	for i, row := range rows {
		distinct[row.Num] = true
		first := slices.IndexFunc(rows, func(other entry) bool { return other.Num == row.Num })
		out = append(out, fmt.Sprint(Ranked[entry]{Row: row, Number: int64(i + 1), Rank: int64(first + 1), Dense: int64(len(distinct))}))
	}
	return out
}

// joined is an aggregator whose state and result are slices: what shares memory with
// another state shows.
var joined = Aggregator[entry, []int64, []int64]{
	Add: func(s *[]int64, e entry) {
		*s = append(*s, e.Num)
		slices.Sort(*s)
	},
	Merge: func(s *[]int64, o []int64) {
		if len(*s) == 0 {
			*s = o
			return
		}
		*s = append(*s, o...)
		slices.Sort(*s)
	},
	Finish: func(s []int64) []int64 {
		slices.Reverse(s)
		return s
	},
}

var summed = Aggregator[entry, int64, int64]{
	Add:    func(s *int64, e entry) { *s += e.Num },
	Merge:  func(s *int64, o int64) { *s += o },
	Finish: func(s int64) int64 { return s },
}

// naiveSums is what summed gives over the last n rows.
func naiveSums(n int) func(string, []entry) []string {
	return func(_ string, rows []entry) (out []string) {
		for i, row := range rows {
			var sum int64
			for _, e := range rows[max(0, i+1-n) : i+1] {
				sum += e.Num
			}
			out = append(out, fmt.Sprint(Running[entry, int64]{Row: row, Result: sum}))
		}
		return out
	}
}

// naiveJoined is what joined gives over the last n rows.
func naiveJoined(n int) func(string, []entry) []string {
	return func(_ string, rows []entry) (out []string) {
		for i, row := range rows {
			var nums []int64
			for _, e := range rows[max(0, i+1-n) : i+1] { // they descend
				nums = append(nums, e.Num)
			}
			out = append(out, fmt.Sprint(Running[entry, []int64]{Row: row, Result: nums}))
		}
		return out
	}
}

// secondOf is the time of an item for sessions.
func secondOf(i item) time.Time { return i.Inner.At }

func naiveSessions(gap time.Duration, whole bool) func([]item) []item {
	return func(in []item) (out []item) {
		groups := map[string][]int64{}
		for _, i := range in {
			groups[i.Key] = append(groups[i.Key], secondOf(i).UnixNano())
		}
		for key, times := range groups {
			slices.Sort(times)
			for len(times) > 0 {
				n := 1
				for n < len(times) && times[n]-times[n-1] <= int64(gap) {
					n++
				}
				rows := times[:n]
				if !whole {
					rows = rows[:1]
				}
				out = append(out, sessionItem(key, time.Unix(0, times[0]), len(rows), rows[len(rows)-1]))
				times = times[n:]
			}
		}
		return out
	}
}

func sessionItem(key string, start time.Time, rows int, last int64) item {
	return item{Key: fmt.Sprint(key, " ", start.UnixNano(), " ", last), Num: int64(rows)}
}

func sessionStep(gap time.Duration, whole bool) func(Dataset[item]) Dataset[item] {
	return func(d Dataset[item]) Dataset[item] {
		return GroupSessions(KeyBy(d, byKey), secondOf, gap, func(key string, start time.Time, rows iter.Seq[item], emit Emit[item]) {
			n, last := 0, int64(0)
			for i := range rows {
				n, last = n+1, secondOf(i).UnixNano()
				if !whole {
					break // what is left is skipped, not given to the next session
				}
			}
			emit(sessionItem(key, start, n, last))
		})
	}
}

// orderSteps are the steps of verbs over ordered rows, which are among all steps too.
var orderSteps []step

func init() {
	lags := func(n int) func(string, []entry) []string {
		return func(_ string, rows []entry) (out []string) {
			for i, row := range rows {
				at := Lagged[entry]{Row: row}
				if i >= n {
					at.Before = Maybe[entry]{Value: rows[i-n], OK: true}
				}
				out = append(out, fmt.Sprint(at))
			}
			return out
		}
	}
	leads := func(n int) func(string, []entry) []string {
		return func(_ string, rows []entry) (out []string) {
			for i, row := range rows {
				at := Led[entry]{Row: row}
				if i+n < len(rows) {
					at.After = Maybe[entry]{Value: rows[i+n], OK: true}
				}
				out = append(out, fmt.Sprint(at))
			}
			return out
		}
	}
	tops := func(k int) func(string, []entry) []string {
		return func(_ string, rows []entry) (out []string) {
			for _, row := range rows[:min(k, len(rows))] {
				out = append(out, fmt.Sprint(row))
			}
			return out
		}
	}
	add := func(name string, sheaf func(Dataset[item]) Dataset[item], naive func(string, []entry) []string) {
		orderSteps = append(orderSteps, step{name, sheaf, naiveEntries(naive)})
	}
	for _, n := range []int{1, 3, 40} {
		add(fmt.Sprint("top by key ", n), func(d Dataset[item]) Dataset[item] { return shown(TopKByKey(entries(d), n, entryOrders()...)) }, tops(n))
		add(fmt.Sprint("lag ", n), func(d Dataset[item]) Dataset[item] { return shown(Lag(entries(d), n, entryOrders()...)) }, lags(n))
		add(fmt.Sprint("lead ", n), func(d Dataset[item]) Dataset[item] { return shown(Lead(entries(d), n, entryOrders()...)) }, leads(n))
		add(fmt.Sprint("moving sum ", n), func(d Dataset[item]) Dataset[item] {
			return shown(MovingAggregate(entries(d), n, summed, entryOrders()...))
		}, naiveSums(n))
		add(fmt.Sprint("moving list ", n), func(d Dataset[item]) Dataset[item] {
			return shown(MovingAggregate(entries(d), n, joined, entryOrders()...))
		}, naiveJoined(n))
	}
	add("running sum", func(d Dataset[item]) Dataset[item] {
		return shown(RunningAggregate(entries(d), summed, entryOrders()...))
	}, naiveSums(1<<30))
	add("rank", func(d Dataset[item]) Dataset[item] {
		// By the number alone: rows of one number differ in their texts.
		return Map(Rank(entries(d), By(numOf).Descending()), func(kv KV[string, Ranked[entry]]) item {
			kv.Value.Row.Text = ""
			return item{Key: kv.Key + fmt.Sprint(kv.Value)}
		})
	}, func(key string, rows []entry) []string {
		for i := range rows {
			rows[i].Text = ""
		}
		return naiveRank(key, rows)
	})
	for _, gap := range []time.Duration{0, time.Second, 20 * time.Second} {
		orderSteps = append(orderSteps,
			step{"sessions " + gap.String(), sessionStep(gap, true), naiveSessions(gap, true)},
			step{"sessions cut short " + gap.String(), sessionStep(gap, false), naiveSessions(gap, false)})
	}
	steps = append(steps, orderSteps...)
}
