package shuffle

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/block"
)

// sortModel is what a reader of the key range [from, to) must see: equal keys
// in (map output, position) order. A nil to is no bound.
func sortModel(outputs [][]keyed, from, to []byte) []keyed {
	var want []keyed
	for _, rows := range outputs {
		for _, row := range rows {
			if bytes.Compare(row.key, from) >= 0 && (to == nil || bytes.Compare(row.key, to) < 0) {
				want = append(want, row)
			}
		}
	}
	slices.SortStableFunc(want, func(a, b keyed) int { return bytes.Compare(a.key, b.key) })
	return want
}

func readSorted(t testing.TB, env *Env, p *plan.Partition) []keyed {
	t.Helper()
	var got []keyed
	err := ReadSorted(t.Context(), env, p, typeOf[item](t), new(Count), func(m *Merge[item]) error {
		for m.Next() && m.LoadKey() && m.Load() {
			got = append(got, keyed{bytes.Clone(m.Key()), *m.Row()})
		}
		return m.Err()
	})
	if err != nil {
		t.Fatalf("ReadSorted(%.40q, %.40q): %v", p.FromKey, p.ToKey, err)
	}
	return got
}

// keyCuts returns boundaries of key ranges: samples, keys that exist, keys cut
// short, keys that nobody has, one of them twice.
func keyCuts(r *rand.Rand, outs []plan.MapOutput, models [][]keyed) [][]byte {
	var cuts [][]byte
	for _, out := range outs {
		for _, s := range out.Samples {
			if r.IntN(3) == 0 {
				cuts = append(cuts, s.Key)
			}
		}
	}
	for _, rows := range models {
		for range min(2, len(rows)) {
			key := rows[r.IntN(len(rows))].key
			cuts = append(cuts, key, key[:r.IntN(len(key)+1)])
		}
	}
	cuts = append(cuts, []byte("m"), []byte("m"), []byte{0xff, 0xff, 0xff})
	// An empty key bounds nothing: the scheduler never cuts there.
	cuts = slices.DeleteFunc(cuts, func(key []byte) bool { return len(key) == 0 })
	slices.SortFunc(cuts, bytes.Compare)
	return cuts
}

func TestSortEqualsModel(t *testing.T) {
	for seed := range seeds() {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 3))
			kind := pick(r, kindNames()...)
			budget := pick(r, int64(0), 4<<10, 100<<10, 64<<20)
			p := newPlace(t, budget, pick(r, int64(0), 1<<20), pick(r, block.None, block.S2, block.Zstd1))
			p.large = pick(r, int64(0), 0, 60, 400)
			t.Logf("keys %s, budget %d, large from %d", kind, budget, p.large)
			var id int64
			var models [][]keyed
			var outs []plan.MapOutput
			for range 1 + r.IntN(6) {
				rows := randomRows(r, kind, r.IntN(2500), pick(r, 0, 20, 900), &id)
				env := p.env()
				w := NewSortWriter[item](env, 3, typeOf[item](t))
				writeAll(t, r, w, rows)
				out := finish(t, w)
				if out.Rows != int64(len(rows)) {
					t.Errorf("out.Rows = %d, want %d", out.Rows, len(rows))
				}
				checkSamples(t, out)
				if len(rows) > 1000 && budget <= 4<<10 && env.Spilled.Load() == 0 {
					t.Errorf("%d rows in a budget of %d bytes spilled nothing", len(rows), budget)
				}
				models, outs = append(models, rows), append(outs, out)
			}
			compare(t, "all keys", readSorted(t, p.env(), &plan.Partition{Outputs: outs}), sortModel(models, nil, nil))
			var from []byte
			total := 0
			for _, to := range append(keyCuts(r, outs, models), nil) {
				got := readSorted(t, p.env(), &plan.Partition{FromKey: from, ToKey: to, Outputs: outs})
				compare(t, fmt.Sprintf("keys [%.30q, %.30q)", from, to), got, sortModel(models, from, to))
				total += len(got)
				from = to
			}
			if total != int(id) {
				t.Errorf("all ranges together give %d rows, want %d", total, id)
			}
		})
	}
}

func checkSamples(t testing.TB, out plan.MapOutput) {
	t.Helper()
	if len(out.Samples) > maxSamples+2 {
		t.Errorf("%d samples, want at most %d", len(out.Samples), maxSamples+2)
	}
	var sum int64
	for i, s := range out.Samples {
		if len(s.Key) > maxSampleBytes {
			t.Errorf("sample %d has %d bytes, want at most %d", i, len(s.Key), maxSampleBytes)
		}
		if i > 0 && bytes.Compare(s.Key, out.Samples[i-1].Key) < 0 {
			t.Errorf("sample %d = %q descends from %q", i, s.Key, out.Samples[i-1].Key)
		}
		sum += s.Bytes
	}
	if sum > out.Bytes || out.Rows > 0 && sum == 0 {
		t.Errorf("samples sum up to %d bytes of %d", sum, out.Bytes)
	}
}

// TestMergeInSeveralPasses makes more runs and inputs than a small budget can
// open at once.
func TestMergeInSeveralPasses(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	p := newPlace(t, 256<<10, 0, block.S2)
	var id int64
	var models [][]keyed
	var outs []plan.MapOutput
	for range 7 {
		rows := randomRows(r, pick(r, "random", "few"), 12000, 120, &id)
		env := p.env()
		w := NewSortWriter[item](env, 0, typeOf[item](t))
		writeAll(t, r, w, rows)
		runs, spilled := len(w.runs), env.Spilled.Load()
		out := finish(t, w)
		if runs < 5 {
			t.Errorf("%d runs before Finish, want at least 5", runs)
		}
		// A pass more than one writes about everything again.
		if again := env.Spilled.Load() - spilled; again < out.Bytes*3/4 {
			t.Errorf("Finish of %d runs spilled %d bytes of an output of %d: there was no second pass", runs, again, out.Bytes)
		}
		models, outs = append(models, rows), append(outs, out)
	}
	env := p.env()
	compare(t, "all keys", readSorted(t, env, &plan.Partition{Outputs: outs}), sortModel(models, nil, nil))
	if env.Spilled.Load() == 0 {
		t.Errorf("a merge of %d outputs within %d bytes had no pass before the last", len(outs), p.budget.Limit())
	}
}

// TestSpillsShareAFile checks that a writer has one file open, however many
// runs its budget forces it to write.
func TestSpillsShareAFile(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	p := newPlace(t, 0, 0, block.None)
	var id int64
	hash := NewHashWriter[item](p.env(), 0, 4, typeOf[item](t))
	sorted := NewSortWriter[item](p.env(), 0, typeOf[item](t))
	defer hash.Abort()
	defer sorted.Abort()
	for range 20 {
		writeAll(t, r, hash, randomRows(r, "few", 100, 20, &id))
		writeAll(t, r, sorted, randomRows(r, "few", 100, 20, &id))
	}
	if len(hash.b.runs) < 20 || len(sorted.runs) < 20 {
		t.Fatalf("%d and %d runs, want at least 20 each", len(hash.b.runs), len(sorted.runs))
	}
	for _, r := range append(hash.b.runs, sorted.runs...) {
		if r.file != hash.b.spills.file && r.file != sorted.spills.file {
			t.Fatalf("a run has a file of its own")
		}
	}
}

func TestSortRowsAboveBlocks(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	p := newPlace(t, 6<<20, 0, block.S2)
	var id int64
	rows := randomRows(r, "few", 1500, 50, &id)
	for _, at := range []int{0, 1, 900, 1499} {
		rows[at].row.Text = randomText(r, 2<<20+at)
	}
	w := NewSortWriter[item](p.env(), 0, typeOf[item](t))
	writeAll(t, r, w, rows)
	out := finish(t, w)
	compare(t, "all keys", readSorted(t, p.env(), &plan.Partition{Outputs: []plan.MapOutput{out}}), sortModel([][]keyed{rows}, nil, nil))
}

// TestMergeOfNothing reads partitions without outputs, and outputs without rows.
func TestMergeOfNothing(t *testing.T) {
	p := newPlace(t, 1<<20, 0, block.S2)
	empty := finish(t, NewSortWriter[item](p.env(), 0, typeOf[item](t)))
	for name, outs := range map[string][]plan.MapOutput{"no outputs": nil, "an empty output": {empty}} {
		t.Run(name, func(t *testing.T) {
			if got := readSorted(t, p.env(), &plan.Partition{Outputs: outs}); len(got) != 0 {
				t.Errorf("ReadSorted gives %d rows, want none", len(got))
			}
		})
	}
}
