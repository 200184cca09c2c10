package sdk

import (
	"cmp"
	"flag"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/executor/local"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/block"
)

var (
	propertySeed  = flag.Uint64("property.seed", 0, "run only the random job of this seed")
	propertyCount = flag.Int("property.count", 150, "random jobs to run")
)

// item is the row of the random jobs: every kind that behaves in its own way.
type item struct {
	Key   string
	Num   int64
	Ratio float64
	Maybe *int32
	Tags  []string
	Inner inner
}

type inner struct {
	Flag bool
	Raw  []byte
	At   time.Time
}

// text writes an item so that equal texts mean equal items.
func (i item) text() string {
	maybe := "nil"
	if i.Maybe != nil {
		maybe = fmt.Sprint(*i.Maybe)
	}
	return fmt.Sprintf("%q %d %v %s %q/%v %v %q/%v %v", i.Key, i.Num, i.Ratio, maybe, i.Tags, i.Tags == nil, i.Inner.Flag, i.Inner.Raw, i.Inner.Raw == nil, i.Inner.At.UnixNano())
}

func randomItem(r *rand.Rand) item {
	i := item{
		Key: strings.Repeat(string(rune('a'+r.IntN(6))), r.IntN(4)), Num: int64(r.IntN(50)) - 25, Ratio: float64(r.IntN(8)) / 4,
		Inner: inner{Flag: r.IntN(2) == 0, At: time.Unix(int64(r.IntN(1000)), 0).UTC()},
	}
	if r.IntN(3) > 0 {
		i.Maybe = new(int32(r.IntN(5)))
	}
	if r.IntN(3) > 0 {
		i.Tags = make([]string, r.IntN(3))
		for j := range i.Tags {
			i.Tags[j] = strings.Repeat("\x00t\xff", r.IntN(9))
		}
	}
	if r.IntN(3) > 0 {
		i.Inner.Raw = make([]byte, r.IntN(20))
	}
	return i
}

// step is one operator of a random job, and the same by plain slices.
type step struct {
	name  string
	sheaf func(Dataset[item]) Dataset[item]
	naive func([]item) []item
}

func byKey(i item) string { return i.Key }

// total folds values of a key in a way that no order changes.
func total(key string, sum, n int64) item { return item{Key: key, Num: sum % 1000, Ratio: float64(n)} }

func naiveGroups(in []item) (keys []string, sums, counts map[string]int64) {
	sums, counts = map[string]int64{}, map[string]int64{}
	for _, i := range in {
		if counts[i.Key] == 0 {
			keys = append(keys, i.Key)
		}
		sums[i.Key] += i.Num
		counts[i.Key]++
	}
	return keys, sums, counts
}

func naiveTotals(in []item) []item {
	keys, sums, counts := naiveGroups(in)
	var out []item
	for _, k := range keys {
		out = append(out, total(k, sums[k], counts[k]))
	}
	return out
}

type sums struct{ Sum, N int64 }

func each(fn func(item) []item) func([]item) []item {
	return func(in []item) (out []item) {
		for _, i := range in {
			out = append(out, fn(i)...)
		}
		return out
	}
}

func shift(i item) item {
	i.Num++
	i.Key += "k"
	return i
}

// compareItems is the order of whole rows, written by hand.
func compareItems(a, b item) int {
	return cmp.Or(
		cmp.Compare(a.Key, b.Key), cmp.Compare(a.Num, b.Num), cmp.Compare(a.Ratio, b.Ratio),
		compareMaybe(a.Maybe, b.Maybe), compareTags(a.Tags, b.Tags),
		compareBool(a.Inner.Flag, b.Inner.Flag), compareRaw(a.Inner.Raw, b.Inner.Raw), a.Inner.At.Compare(b.Inner.At))
}

func compareNil(a, b bool) (int, bool) {
	switch {
	case a && b:
		return 0, true
	case a:
		return -1, true
	case b:
		return 1, true
	}
	return 0, false
}

func compareMaybe(a, b *int32) int {
	if c, done := compareNil(a == nil, b == nil); done {
		return c
	}
	return cmp.Compare(*a, *b)
}

func compareTags(a, b []string) int {
	if c, done := compareNil(a == nil, b == nil); done {
		return c
	}
	return slices.Compare(a, b)
}

func compareRaw(a, b []byte) int {
	if c, done := compareNil(a == nil, b == nil); done {
		return c
	}
	return slices.Compare(a, b)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

var steps = []step{
	{"map", func(d Dataset[item]) Dataset[item] { return Map(d, shift) },
		each(func(i item) []item { return []item{shift(i)} })},
	{"maperr", func(d Dataset[item]) Dataset[item] {
		return MapErr(d, func(_ *Context, i item) (item, error) { return shift(i), nil })
	}, each(func(i item) []item { return []item{shift(i)} })},
	{"filter", func(d Dataset[item]) Dataset[item] {
		return Filter(d, func(i item) bool { return i.Num%3 != 0 })
	}, each(func(i item) []item {
		if i.Num%3 != 0 {
			return []item{i}
		}
		return nil
	})},
	{"flatmap", func(d Dataset[item]) Dataset[item] {
		return FlatMap(d, func(i item, emit Emit[item]) {
			for range i.Num & 3 {
				emit(i)
			}
		})
	}, each(func(i item) (out []item) {
		for range i.Num & 3 {
			out = append(out, i)
		}
		return out
	})},
	{"batches", func(d Dataset[item]) Dataset[item] {
		return MapBatches[item](d, func(_ *Context, in arrow.Record) (arrow.Record, error) {
			return in.NewSlice(in.NumRows()/2, in.NumRows()), nil
		})
	}, nil},
	{"count", func(d Dataset[item]) Dataset[item] {
		return Map(Count(d), func(c KV[item, int64]) item {
			c.Key.Num += c.Value
			return c.Key
		})
	}, func(in []item) (out []item) {
		n := map[string]int64{}
		for _, i := range in {
			n[i.text()]++
		}
		for _, i := range in {
			if c := n[i.text()]; c > 0 {
				delete(n, i.text())
				i.Num += c
				out = append(out, i)
			}
		}
		return out
	}},
	{"distinct", Distinct[item], func(in []item) (out []item) {
		seen := map[string]bool{}
		for _, i := range in {
			if !seen[i.text()] {
				seen[i.text()] = true
				out = append(out, i)
			}
		}
		return out
	}},
	{"reduce", func(d Dataset[item]) Dataset[item] {
		pairs := Map(d, func(i item) KV[string, sums] { return KV[string, sums]{Key: i.Key, Value: sums{i.Num, 1}} })
		return Map(Reduce(pairs, func(a, b sums) sums { return sums{a.Sum + b.Sum, a.N + b.N} }),
			func(r KV[string, sums]) item { return total(r.Key, r.Value.Sum, r.Value.N) })
	}, naiveTotals},
	{"reduce strings", func(d Dataset[item]) Dataset[item] {
		// The state holds strings: the longest, then greatest key of a sign.
		pairs := Map(d, func(i item) KV[bool, string] { return KV[bool, string]{Key: i.Num < 0, Value: i.Key} })
		return Map(Reduce(pairs, func(a, b string) string { return max(a, b) }),
			func(r KV[bool, string]) item { return item{Key: r.Value, Inner: inner{Flag: r.Key}} })
	}, func(in []item) (out []item) {
		best := map[bool]string{}
		for _, i := range in {
			best[i.Num < 0] = max(best[i.Num < 0], i.Key)
		}
		for f, k := range best {
			out = append(out, item{Key: k, Inner: inner{Flag: f}})
		}
		return out
	}},
	{"aggregate", func(d Dataset[item]) Dataset[item] {
		agg := Aggregator[item, sums, sums]{
			Add:    func(s *sums, i item) { s.Sum, s.N = s.Sum+i.Num, s.N+1 },
			Merge:  func(s *sums, o sums) { s.Sum, s.N = s.Sum+o.Sum, s.N+o.N },
			Finish: func(s sums) sums { return s },
		}
		return Map(Aggregate(KeyBy(d, byKey), agg),
			func(r KV[string, sums]) item { return total(r.Key, r.Value.Sum, r.Value.N) })
	}, naiveTotals},
	{"group", func(d Dataset[item]) Dataset[item] {
		return GroupByKey(KeyBy(d, byKey), func(k string, values iter.Seq[item], emit Emit[item]) {
			var sum, n int64
			for i := range values {
				sum, n = sum+i.Num, n+1
			}
			emit(total(k, sum, n))
		})
	}, naiveTotals},
	{"group some", func(d Dataset[item]) Dataset[item] {
		// Values that are not taken are skipped, not given to the next key.
		return GroupByKey(KeyBy(d, byKey), func(k string, values iter.Seq[item], emit Emit[item]) {
			for range values {
				emit(item{Key: k})
				break
			}
		})
	}, func(in []item) (out []item) {
		keys, _, _ := naiveGroups(in)
		for _, k := range keys {
			out = append(out, item{Key: k})
		}
		return out
	}},
	{"mapreduce", func(d Dataset[item]) Dataset[item] { return classic(d, nil) }, naiveTotals},
	{"mapreduce combined", func(d Dataset[item]) Dataset[item] {
		return classic(d, func(a, b sums) sums { return sums{a.Sum + b.Sum, a.N + b.N} })
	}, naiveTotals},
	{"sort", func(d Dataset[item]) Dataset[item] { return Sort(d) }, func(in []item) []item { return in }},
	{"sort down", func(d Dataset[item]) Dataset[item] {
		return Sort(d, By(func(i item) int64 { return i.Num }).Descending(), By(byKey))
	}, func(in []item) []item { return in }},
	{"top", func(d Dataset[item]) Dataset[item] { return TopK(d, 40) }, func(in []item) []item {
		in = slices.Clone(in)
		slices.SortStableFunc(in, compareItems)
		return in[:min(len(in), 40)]
	}},
	{"union", func(d Dataset[item]) Dataset[item] { return Union(d, Map(d, shift), d) }, func(in []item) []item {
		out := slices.Concat(in, in)
		for _, i := range in {
			out = append(out, shift(i))
		}
		return out
	}},
	{"diamond", func(d Dataset[item]) Dataset[item] {
		return Union(Distinct(d), Filter(d, func(i item) bool { return i.Num > 0 }))
	}, nil},
}

func classic(d Dataset[item], combiner func(a, b sums) sums) Dataset[item] {
	return MapReduce(d,
		func(i item, emit func(string, sums)) { emit(i.Key, sums{i.Num, 1}) },
		combiner,
		func(k string, values iter.Seq[sums], emit Emit[item]) {
			var s sums
			for v := range values {
				s = sums{s.Sum + v.Sum, s.N + v.N}
			}
			emit(total(k, s.Sum, s.N))
		})
}

func init() {
	for i := range steps {
		switch steps[i].name {
		case "diamond":
			distinct := steps[slices.IndexFunc(steps, func(s step) bool { return s.name == "distinct" })].naive
			steps[i].naive = func(in []item) []item {
				out := distinct(in)
				for _, i := range in {
					if i.Num > 0 {
						out = append(out, i)
					}
				}
				return out
			}
		}
	}
	// What a batch is depends on how the input was cut, so halving batches has
	// no naive form; TestMapBatches covers it.
	steps = slices.DeleteFunc(steps, func(s step) bool { return s.naive == nil })
}

func randomOptions(t *testing.T, r *rand.Rand) local.Options {
	codecs := []block.Codec{block.None, block.S2, block.Zstd1}
	return local.Options{
		Parallelism: 1 + r.IntN(4),
		MemoryBytes: int64(128<<10) << r.IntN(12),
		Tmp:         []string{t.TempDir()},
		Codec:       codecs[r.IntN(len(codecs))],
		Read:        graph.ReadOptions{BatchRows: 1 << r.IntN(13), BatchBytes: 1 << (6 + r.IntN(14))},
		ChunkRows:   1 << r.IntN(12),
		Schedule:    schedule.Config{SplitBytes: 1 << (13 + r.IntN(10)), PartitionBytes: 1 << (8 + r.IntN(12)), SideBytes: 1 << (9 + r.IntN(9))},
	}
}

// TestRandomJobs compares random jobs, run with random settings, to the same
// steps done by plain slices.
func TestRandomJobs(t *testing.T) {
	t.Parallel()
	seeds := []uint64{*propertySeed}
	if *propertySeed == 0 {
		seeds = nil
		count := *propertyCount
		if testing.Short() {
			count = min(count, 50)
		}
		first := uint64(time.Now().UnixNano())
		for i := range uint64(count) {
			seeds = append(seeds, first+i)
		}
	}
	var spilled, tasks int64
	forms := map[bool]int{}
	for _, seed := range seeds {
		report := randomJob(t, seed, steps)
		if t.Failed() {
			t.Fatalf("repeat with: go test ./sdk -run TestRandomJobs -property.seed=%d", seed)
		}
		spilled += report.Figures.SpilledBytes
		tasks += int64(report.Tasks)
		for _, j := range report.Joins {
			if !j.Pinned {
				forms[j.Broadcast]++
			}
		}
	}
	t.Logf("%d jobs of %d tasks spilled %d bytes; by size, %d joins were broadcast and %d sorted", len(seeds), tasks, spilled, forms[true], forms[false])
	if *propertySeed == 0 && (spilled == 0 || forms[true] == 0 || forms[false] == 0 || tasks < 3*int64(len(seeds))) {
		t.Errorf("%d jobs of %d tasks spilled %d bytes: the settings try too little", len(seeds), tasks, spilled)
	}
}

// collected runs a job with settings of the engine, and returns the rows of the
// dataset that build makes, and what ran.
func collected[T any](t *testing.T, o local.Options, build func(p *Pipeline) Dataset[T]) (got []T, c *compiled, report *local.Report, err error) {
	job := Define("collected", func(p *Pipeline, _ struct{}) error {
		Collect(build(p), func(rows []T) error {
			got = rows
			return nil
		})
		return nil
	})
	if c, err = job.compile(struct{}{}); err != nil {
		return nil, nil, nil, err
	}
	if report, err = local.Run(t.Context(), c.Compiled, o); err == nil {
		err = handCollected(c.Compiled, report.Rows)
	}
	return got, c, report, err
}

func randomJob(t *testing.T, seed uint64, steps []step) *local.Report {
	r := rand.New(rand.NewPCG(seed, 1))
	want := make([]item, r.IntN(1<<r.IntN(14)))
	for i := range want {
		want[i] = randomItem(r)
	}
	in := slices.Clone(want)
	var names []string
	var chosen []step
	counts := map[string]int64{} // by naive counting
	var counters []string        // that count before the chosen steps; empty for none
	for range 1 + r.IntN(4) {
		s := steps[r.IntN(len(steps))]
		if len(want) > 40_000 {
			break
		}
		counters = append(counters, "")
		if r.IntN(2) == 0 {
			counters[len(chosen)] = fmt.Sprintf("before %s", s.name) // the same for the same steps
			counts[counters[len(chosen)]] += int64(len(want))
		}
		names, chosen, want = append(names, s.name), append(chosen, s), s.naive(want)
	}
	sorted := r.IntN(2) == 0
	o := randomOptions(t, r)
	describe := fmt.Sprintf("%d rows, %v, sorted %v, %+v", len(in), names, sorted, o)
	got, c, report, err := collected(t, o, func(p *Pipeline) Dataset[item] {
		d := Values(p, in...)
		for i, s := range chosen {
			if counters[i] != "" {
				d = counting(p, d, counters[i])
			}
			d = s.sheaf(d)
		}
		if sorted {
			d = Sort(d)
		}
		return d
	})
	if err != nil {
		t.Errorf("seed %d: %s: %v", seed, describe, err)
		return nil
	}
	if sorted && !slices.IsSortedFunc(got, compareItems) {
		t.Errorf("seed %d: %s: rows are not sorted", seed, describe)
	}
	if got := plan.ByName(plan.Counted(c.Plan.Counters, report.Figures.Counters)); len(got)+len(counts) > 0 && !maps.Equal(got, counts) {
		t.Errorf("seed %d: %s: counted %v, want %v", seed, describe, got, counts)
	}
	compareMultisets(t, fmt.Sprintf("seed %d: %s", seed, describe), got, want)
	return report
}

// counting counts the rows of a dataset.
func counting(p *Pipeline, d Dataset[item], name string) Dataset[item] {
	n := NewCounter(p, name)
	return MapErr(d, func(ctx *Context, i item) (item, error) {
		n.Add(ctx, 1)
		return i, nil
	})
}

func compareMultisets(t *testing.T, what string, got, want []item) {
	t.Helper()
	n := map[string]int{}
	for _, i := range want {
		n[i.text()]++
	}
	for _, i := range got {
		n[i.text()]--
	}
	shown := 0
	for text, diff := range n {
		if diff != 0 && shown < 5 {
			t.Errorf("%s: %d more than wanted of %s", what, -diff, text)
			shown++
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d rows, want %d", what, len(got), len(want))
	}
}
