package shuffle

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/block"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// hashModel is what a reader of buckets [first, end) must see.
func hashModel(outputs [][]keyed, buckets, first, end int) []keyed {
	var want []keyed
	for _, rows := range outputs {
		for b := first; b < end; b++ {
			for _, row := range rows {
				if column.Bucket(column.HashKey(row.key), buckets) == b {
					want = append(want, row)
				}
			}
		}
	}
	return want
}

func readHash(t testing.TB, env *Env, p *plan.Partition) ([]keyed, *Count) {
	t.Helper()
	var got []keyed
	var count Count
	err := ReadHash(t.Context(), env, p, typeOf[item](t), &count, func(keys *column.Keys, rows []item) error {
		for i, row := range rows {
			got = append(got, keyed{bytes.Clone(keys.At(i)), row})
		}
		return nil
	})
	if err != nil {
		t.Fatalf("ReadHash(%+v): %v", p, err)
	}
	return got, &count
}

func TestHashEqualsModel(t *testing.T) {
	for seed := range seeds() {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			kind := pick(r, kindNames()...)
			buckets := pick(r, 1, 2, 3, 16, 256, 300)
			budget := pick(r, int64(0), 1<<10, 64<<10, 64<<20)
			p := newPlace(t, budget, pick(r, int64(0), 1<<20), pick(r, block.None, block.S2, block.Zstd1))
			p.large = pick(r, int64(0), 0, 60, 400)
			t.Logf("keys %s, %d buckets, budget %d, large from %d", kind, buckets, budget, p.large)
			var id int64
			var models [][]keyed
			var outs []plan.MapOutput
			for range 1 + r.IntN(4) {
				rows := randomRows(r, kind, r.IntN(3000), pick(r, 0, 20, 400), &id)
				env := p.env()
				w := NewHashWriter[item](env, 3, buckets, typeOf[item](t))
				writeAll(t, r, w, rows)
				out := finish(t, w)
				checkOutput(t, out, len(rows), buckets)
				if len(rows) > 1000 && budget <= 1<<10 && env.Spilled.Load() == 0 {
					t.Errorf("%d rows in a budget of %d bytes spilled nothing", len(rows), budget)
				}
				models, outs = append(models, rows), append(outs, out)
			}
			cuts := cutsOf(r, buckets)
			for i := range cuts[1:] {
				part := &plan.Partition{FirstBucket: cuts[i], EndBucket: cuts[i+1], Outputs: outs}
				got, count := readHash(t, p.env(), part)
				compare(t, fmt.Sprintf("buckets [%d, %d)", cuts[i], cuts[i+1]), got, hashModel(models, buckets, cuts[i], cuts[i+1]))
				if count.Rows.Load() != int64(len(got)) {
					t.Errorf("counted %d rows, read %d", count.Rows.Load(), len(got))
				}
			}
		})
	}
}

func checkOutput(t testing.TB, out plan.MapOutput, rows, buckets int) {
	t.Helper()
	if out.Rows != int64(rows) {
		t.Errorf("out.Rows = %d, want %d", out.Rows, rows)
	}
	if len(out.BucketBytes) != buckets {
		t.Errorf("%d bucket sizes, want %d", len(out.BucketBytes), buckets)
	}
	var sum int64
	for _, n := range out.BucketBytes {
		sum += n
	}
	if sum > out.Bytes || rows > 0 && sum == 0 {
		t.Errorf("bucket sizes sum up to %d of %d bytes", sum, out.Bytes)
	}
}

// TestHashRowsAboveBlocks writes rows larger than a block among small ones.
func TestHashRowsAboveBlocks(t *testing.T) {
	for _, codec := range []block.Codec{block.None, block.S2, block.Zstd1} {
		t.Run(codec.String(), func(t *testing.T) {
			r := rand.New(rand.NewPCG(5, 5))
			p := newPlace(t, 8<<20, 0, codec)
			var id int64
			rows := randomRows(r, "random", 2000, 50, &id)
			for _, at := range []int{0, 700, 701, 1999} {
				rows[at].row.Text = randomText(r, 3<<20+at)
			}
			w := NewHashWriter[item](p.env(), 0, 4, typeOf[item](t))
			writeAll(t, r, w, rows)
			out := finish(t, w)
			got, _ := readHash(t, p.env(), &plan.Partition{EndBucket: 4, Outputs: []plan.MapOutput{out}})
			compare(t, "all buckets", got, hashModel([][]keyed{rows}, 4, 0, 4))
		})
	}
}

// digests are the row digests of an output, summed over its segments.
func digests(t testing.TB, p *place, out plan.MapOutput) (sum, xor uint64, rows int64) {
	t.Helper()
	f, err := p.store.Open(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ix, err := store.ReadIndex(f, out.Digest)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range ix.Segments {
		sum, xor, rows = sum+s.Sum, xor^s.Xor, rows+s.Rows
	}
	return sum, xor, rows
}

// TestDigests checks that the digests of the rows depend on nothing but the
// rows: two attempts of a task can be compared by them.
func TestDigests(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	var id int64
	count := 4000
	if testing.Short() {
		count = 1000
	}
	rows := randomRows(r, "random", count, 30, &id)
	typ := typeOf[item](t)
	type result struct{ sum, xor uint64 }
	var want result
	for i, budget := range []int64{64 << 20, 0, 8 << 10, 200 << 10} {
		for _, large := range []int64{0, 60} { // the second calls most rows large
			codec := []block.Codec{block.S2, block.None}[i%2]
			p := newPlace(t, budget, 0, codec)
			p.large = large
			for _, w := range []rowWriter{NewHashWriter[item](p.env(), 0, 16, typ), NewHashWriter[item](p.env(), 0, 1, typ), NewSortWriter[item](p.env(), 0, typ)} {
				shuffled := append([]keyed(nil), rows...)
				r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
				writeAll(t, r, w, shuffled)
				sum, xor, n := digests(t, p, finish(t, w))
				if i == 0 && want == (result{}) {
					want = result{sum, xor}
				}
				if got := (result{sum, xor}); got != want || n != int64(len(rows)) {
					t.Errorf("budget %d, large from %d, %T: digests %v of %d rows, want %v of %d", budget, large, w, got, n, want, len(rows))
				}
			}
		}
	}
	p := newPlace(t, 1<<20, 0, block.S2)
	rows[17].row.Text += "x"
	w := NewHashWriter[item](p.env(), 0, 16, typ)
	writeAll(t, r, w, rows)
	if sum, xor, _ := digests(t, p, finish(t, w)); sum == want.sum || xor == want.xor {
		t.Errorf("digests of other rows = %x, %x: the same", sum, xor)
	}
}

// TestPayloadWithoutColumns moves keys alone, as Distinct does.
func TestPayloadWithoutColumns(t *testing.T) {
	p := newPlace(t, 1<<20, 0, block.S2)
	w := NewHashWriter[struct{}](p.env(), 0, 8, typeOf[struct{}](t))
	var keys column.Keys
	for i := range 5000 {
		keys.Add(fmt.Appendf(nil, "%d", i))
	}
	rows := make([]struct{}, keys.Len())
	if err := w.Write(&keys, ptr(rows), 0, len(rows)); err != nil {
		t.Fatalf("Write: %v", err)
	}
	out := finish(t, w)
	seen := map[string]int{}
	err := ReadHash(t.Context(), p.env(), &plan.Partition{EndBucket: 8, Outputs: []plan.MapOutput{out}}, typeOf[struct{}](t), new(Count),
		func(keys *column.Keys, rows []struct{}) error {
			for i := range rows {
				seen[string(keys.At(i))]++
			}
			return nil
		})
	if err != nil {
		t.Fatalf("ReadHash: %v", err)
	}
	for i := range 5000 {
		if n := seen[fmt.Sprint(i)]; n != 1 {
			t.Errorf("key %d came %d times, want 1", i, n)
		}
	}
}

func TestHashDiscard(t *testing.T) {
	p := newPlace(t, 0, 0, block.S2)
	env := p.env()
	env.Discard = true
	r := rand.New(rand.NewPCG(1, 1))
	var id int64
	for _, w := range []rowWriter{NewHashWriter[item](env, 0, 8, typeOf[item](t)), NewSortWriter[item](env, 1, typeOf[item](t))} {
		writeAll(t, r, w, randomRows(r, "random", 3000, 100, &id))
		finish(t, w)
	}
	if inMemory, onDisk := p.store.Usage(); inMemory+onDisk != 0 || env.Spilled.Load() != 0 {
		t.Errorf("a rehearsal left %d bytes in memory and %d on disk, spilled %d", inMemory, onDisk, env.Spilled.Load())
	}
}
