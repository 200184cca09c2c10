package sdk

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/internal/plan"
)

// place is a row with its place in the input, and the task that got it.
type place struct {
	Task, Key string
	At        int64
	Pad       []byte
}

func placeKey(p place) string { return p.Key }

// randomPlaces are rows of few keys and of very unlike sizes.
func randomPlaces(r *rand.Rand) []place {
	rows := make([]place, r.IntN(4000))
	for i := range rows {
		rows[i] = place{Key: fmt.Sprint("k", r.IntN(40)), At: int64(i), Pad: make([]byte, r.IntN(20)*r.IntN(20))}
		for j := range rows[i].Pad {
			rows[i].Pad[j] = byte(r.Uint32())
		}
	}
	return rows
}

// tasksOf runs a job with random settings and returns its rows by the task that got
// them, in the order of tasks, and how many exchanges it has.
func tasksOf(t *testing.T, r *rand.Rand, rows []place, verb func(Dataset[place]) Dataset[place]) (tasks [][]place, exchanges int) {
	t.Helper()
	o := randomOptions(t, r)
	o.Schedule = schedule.Config{SplitBytes: 1 << (16 + r.IntN(6)), PartitionBytes: 1 << (12 + r.IntN(8))}
	got, c, _, err := collected(t, o, func(p *Pipeline) Dataset[place] {
		return MapErr(verb(Values(p, rows...)), func(ctx *Context, row place) (place, error) {
			row.Task = ctx.TaskID()
			return row, nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range got {
		if i == 0 || row.Task != got[i-1].Task {
			tasks = append(tasks, nil)
		}
		tasks[len(tasks)-1] = append(tasks[len(tasks)-1], row)
	}
	if len(got) != len(rows) {
		t.Fatalf("%d rows, want %d", len(got), len(rows))
	}
	return tasks, len(c.Plan.Exchanges)
}

// eachSeed runs a test of some random inputs.
func eachSeed(t *testing.T, test func(t *testing.T, r *rand.Rand)) {
	t.Parallel()
	first, n := *propertySeed, uint64(5)
	if testing.Short() {
		n = 2
	}
	if first == 0 {
		first = uint64(time.Now().UnixNano())
	} else {
		n = 1
	}
	for seed := first; seed < first+n && !t.Failed(); seed++ {
		t.Run(fmt.Sprint("property.seed=", seed), func(t *testing.T) { test(t, rand.New(rand.NewPCG(seed, 3))) })
	}
}

func TestRepartition(t *testing.T) {
	eachSeed(t, func(t *testing.T, r *rand.Rand) {
		rows, n := randomPlaces(r), 1+r.IntN(50)
		for name, target := range map[string][]PartitionTarget{
			"none": nil, "n": {Partitions(n)}, "rows": {PartitionRows(int64(n))}, "bytes": {PartitionBytes(int64(n) << 10)},
		} {
			tasks, _ := tasksOf(t, r, rows, func(d Dataset[place]) Dataset[place] { return Repartition(d, target...) })
			for i, row := range slices.Concat(tasks...) {
				if row.At != int64(i) {
					t.Fatalf("%s: row %d is %d: the order is not that of the input", name, i, row.At)
				}
			}
			switch name {
			case "n":
				if want := min(n, len(rows)); len(tasks) != want {
					t.Errorf("Partitions(%d) of %d rows made %d, want %d", n, len(rows), len(tasks), want)
				}
			case "rows":
				for i, task := range tasks {
					if want := min(n, len(rows)-i*n); len(task) != want {
						t.Errorf("PartitionRows(%d): partition %d of %d has %d", n, i, len(tasks), len(task))
					}
				}
			}
		}
	})
}

// keysApart fails if a key has rows in two tasks, or if rows of a key are not in the
// order of the input.
func keysApart(t *testing.T, tasks [][]place) {
	t.Helper()
	taskOf, last := map[string]string{}, map[string]int64{}
	for _, row := range slices.Concat(tasks...) {
		if other, ok := taskOf[row.Key]; ok && (other != row.Task || row.At <= last[row.Key]) {
			t.Fatalf("row %d of key %s in task %s comes after row %d in task %s", row.At, row.Key, row.Task, last[row.Key], other)
		}
		taskOf[row.Key], last[row.Key] = row.Task, row.At
	}
}

func TestRepartitionBy(t *testing.T) {
	eachSeed(t, func(t *testing.T, r *rand.Rand) {
		rows := randomPlaces(r)
		tasks, _ := tasksOf(t, r, rows, func(d Dataset[place]) Dataset[place] { return RepartitionBy(d, placeKey) })
		keysApart(t, tasks)
		tasks, _ = tasksOf(t, r, rows, func(d Dataset[place]) Dataset[place] { return RepartitionBy(d, placeKey, Partitions(3)) })
		if keysApart(t, tasks); len(tasks) > 3 {
			t.Errorf("Partitions(3) made %d", len(tasks))
		}
		tasks, _ = tasksOf(t, r, rows, func(d Dataset[place]) Dataset[place] { return RepartitionBy(d, placeKey, PartitionRows(1)) })
		if keysApart(t, tasks); len(rows) > 1000 && len(tasks) < 10 {
			t.Errorf("PartitionRows(1) made %d partitions of 40 keys", len(tasks))
		}
	})
}

// numberOf is a partitioner.
func numberOf(key string) int { return len(key)*3 + int(key[len(key)-1]-'0')%3 - 6 }

func TestRepartitionWith(t *testing.T) {
	eachSeed(t, func(t *testing.T, r *rand.Rand) {
		rows := randomPlaces(r)
		tasks, _ := tasksOf(t, r, rows, func(d Dataset[place]) Dataset[place] { return RepartitionWith(d, placeKey, 9, numberOf) })
		keysApart(t, tasks)
		for _, row := range slices.Concat(tasks...) {
			if want := fmt.Sprint("1/", numberOf(row.Key)); row.Task != want {
				t.Fatalf("key %s is in task %s, want %s", row.Key, row.Task, want)
			}
		}
	})
}

func TestSortWithin(t *testing.T) {
	verbs := map[string]func(Dataset[place]) Dataset[place]{
		"repartition":    func(d Dataset[place]) Dataset[place] { return Repartition(d, Partitions(4)) },
		"by":             func(d Dataset[place]) Dataset[place] { return RepartitionBy(d, placeKey) },
		"by, partitions": func(d Dataset[place]) Dataset[place] { return RepartitionBy(d, placeKey, Partitions(5)) },
		"with": func(d Dataset[place]) Dataset[place] {
			return RepartitionWith(d, placeKey, 9, numberOf)
		},
	}
	down := func(a, b place) int { return cmp.Or(cmp.Compare(len(b.Pad), len(a.Pad)), cmp.Compare(a.Key, b.Key)) }
	eachSeed(t, func(t *testing.T, r *rand.Rand) {
		rows := randomPlaces(r)
		for name, verb := range verbs {
			tasks, exchanges := tasksOf(t, r, rows, func(d Dataset[place]) Dataset[place] {
				return SortWithin(verb(d), By(func(p place) int { return len(p.Pad) }).Descending(), By(placeKey))
			})
			if exchanges != 1 {
				t.Errorf("%s: rows move %d times", name, exchanges)
			}
			taskOf := map[string]string{}
			for _, task := range tasks {
				if !slices.IsSortedFunc(task, func(a, b place) int { return cmp.Or(down(a, b), cmp.Compare(a.At, b.At)) }) {
					t.Errorf("%s: task %s is not sorted", name, task[0].Task)
				}
				for _, row := range task {
					if other, ok := taskOf[row.Key]; ok && other != row.Task && name != "repartition" {
						t.Fatalf("%s: key %s is in two tasks", name, row.Key)
					}
					taskOf[row.Key] = row.Task
				}
			}
		}
	})
}

// TestPortions holds that what is sampled does not depend on splits, and that the
// parts of a split have every row once.
func TestPortions(t *testing.T) {
	eachSeed(t, func(t *testing.T, r *rand.Rand) {
		rows, seed := randomPlaces(r), r.Uint64()
		var sampled [2][]int64
		for i := range sampled {
			tasksOf(t, r, rows, func(d Dataset[place]) Dataset[place] {
				Collect(Sample(d, 0.3, seed), func(rows []place) error {
					for _, row := range rows {
						sampled[i] = append(sampled[i], row.At)
					}
					return nil
				})
				parts := RandomSplit(d, seed, 0.3, 0.5, 0.2)
				return Union(parts[0], parts[1], parts[2])
			})
		}
		if n := float64(len(rows)); !slices.Equal(sampled[0], sampled[1]) || n > 1000 && (float64(len(sampled[0])) < n*0.2 || float64(len(sampled[0])) > n*0.4) {
			t.Errorf("samples of 0.3 of %d rows have %d and %d", len(rows), len(sampled[0]), len(sampled[1]))
		}
	})
}

// TestSampleN draws rows that are all equal by content as often as others.
func TestSampleN(t *testing.T) {
	t.Parallel()
	var first, again []int64
	for _, to := range []*[]int64{&first, &again} {
		job := Define("sampled", func(p *Pipeline, _ struct{}) error {
			rows := make([]int64, 10_000)
			for i := 5000; i < len(rows); i++ {
				rows[i] = 1
			}
			Collect(SampleN(Values(p, rows...), 1000, 7), func(got []int64) error {
				*to = got
				return nil
			})
			return nil
		})
		if _, err := Run(t.Context(), job, struct{}{}, Options{Tmp: []string{t.TempDir()}}); err != nil {
			t.Fatal(err)
		}
	}
	ones := 0
	for _, v := range first {
		ones += int(v)
	}
	if !slices.Equal(first, again) || len(first) != 1000 || ones < 400 || ones > 600 {
		t.Errorf("%d rows, %d of them ones of one half; the same again: %v", len(first), ones, slices.Equal(first, again))
	}
}

func TestZipWithIndex(t *testing.T) {
	eachSeed(t, func(t *testing.T, r *rand.Rand) {
		rows := randomPlaces(r)
		odd := func(p place) bool { return p.At%5 < 3 || p.At > 2000 }
		var index []int64
		tasksOf(t, r, rows, func(d Dataset[place]) Dataset[place] {
			Collect(ZipWithIndex(Filter(d, odd)), func(got []KV[int64, place]) error {
				for _, kv := range got {
					index = append(index, kv.Key, kv.Value.At)
				}
				return nil
			})
			return d
		})
		var want []int64
		for _, row := range rows {
			if odd(row) {
				want = append(want, int64(len(want)/2), row.At)
			}
		}
		if !slices.Equal(index, want) {
			t.Errorf("%d rows are not numbered as %d in the order of the input", len(index)/2, len(want)/2)
		}
	})
}

func TestOrderVerbsRefuse(t *testing.T) {
	t.Parallel()
	one := func(string) int { return 1 }
	tests := []struct {
		name string
		verb func(Dataset[string])
		want string
	}{
		{"two targets", func(d Dataset[string]) { Repartition(d, Partitions(1), PartitionRows(2)) }, "takes one target"},
		{"no partitions", func(d Dataset[string]) { Repartition(d, Partitions(0)) }, "Partitions(0)"},
		{"too many", func(d Dataset[string]) { RepartitionBy(d, one, Partitions(1<<20)) }, "at most 65536"},
		{"empty target", func(d Dataset[string]) { Repartition(d, PartitionTarget{}) }, "is empty"},
		{"nil key", func(d Dataset[string]) { RepartitionBy[int](d, nil) }, "needs a function"},
		{"nil partitioner", func(d Dataset[string]) { RepartitionWith(d, one, 2, nil) }, "partitioner needs a function"},
		{"no parts", func(d Dataset[string]) { RepartitionWith(d, one, 0, func(int) int { return 0 }) }, "0 parts"},
		{"sort of no partitions", func(d Dataset[string]) { SortWithin(d) }, "must follow one of them at once"},
		{"more than all", func(d Dataset[string]) { Sample(d, 1.5, 1) }, "Sample(1.5)"},
		{"not all", func(d Dataset[string]) { RandomSplit(d, 1, 0.5, 0.4) }, "0.9 together"},
		{"sample of none", func(d Dataset[string]) { SampleN(d, 0, 1) }, "SampleN(0)"},
		{"part that is none", func(d Dataset[string]) {
			Collect(RepartitionWith(d, one, 2, func(int) int { return -7 }), func([]string) error { return nil })
		}, "gave -7, and parts are numbered from 0 to 1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			job := Define("wrong", func(p *Pipeline, _ struct{}) error {
				d := Values(p, "a")
				test.verb(d)
				Collect(d, func([]string) error { return nil })
				return nil
			})
			_, err := Run(t.Context(), job, struct{}{}, Options{Tmp: []string{t.TempDir()}})
			wantError(t, err, "partition_test.go:", test.want)
		})
	}
}

// TestSortWithinTakesPlace holds that the exchange that SortWithin does the work of
// is neither run nor missed.
func TestSortWithinTakesPlace(t *testing.T) {
	t.Parallel()
	job := Define("sorted", func(p *Pipeline, _ struct{}) error {
		Collect(SortWithin(RepartitionBy(Values(p, "a"), strings.ToUpper, Partitions(2))), func([]string) error { return nil })
		return nil
	})
	c, err := job.compile(struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	if x := c.Plan.Exchanges; len(x) != 1 || x[0].Kind != plan.Range || len(c.Unused) > 0 {
		t.Errorf("exchanges %+v, unused %v", x, c.Unused)
	}
}
