package shuffle

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/block"
)

// largeRows are rows of which many are large from 500 bytes on: by key, by
// payload or both. Long keys have long beginnings in common.
func largeRows(r *rand.Rand, n int, id *int64) []keyed {
	rows := randomRows(r, "few", n, 40, id)
	for i := range rows {
		switch r.IntN(5) {
		case 0:
			rows[i].row.Text = randomText(r, 500+r.IntN(3000))
		case 1:
			rows[i].row.Text = randomText(r, 500+r.IntN(3000))
			fallthrough
		case 2:
			rows[i].key = longKey(r)
		}
	}
	return rows
}

func longKey(r *rand.Rand) []byte {
	key := bytes.Repeat([]byte("k"), pick(r, 600, longKeyBytes-1, longKeyBytes, longKeyBytes+1, 3*longKeyBytes))
	if r.IntN(2) == 0 {
		key[len(key)-1-r.IntN(3)] = 'm'
	}
	return key
}

// TestLargeRowsEqualModel sorts and hashes large rows among others, by writers
// that spill and merges that take several steps.
func TestLargeRowsEqualModel(t *testing.T) {
	for seed := range seeds() {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 31))
			p := newPlace(t, pick(r, int64(0), 300<<10, 64<<20), pick(r, int64(0), 1<<20), pick(r, block.None, block.S2))
			p.large = 500
			var id int64
			var models [][]keyed
			var sorted, hashed []plan.MapOutput
			for range 1 + r.IntN(3) {
				rows := largeRows(r, 80, &id)
				s := NewSortWriter[item](p.env(), 3, typeOf[item](t))
				writeAll(t, r, s, rows)
				h := NewHashWriter[item](p.env(), 4, 7, typeOf[item](t))
				writeAll(t, r, h, rows)
				models, sorted, hashed = append(models, rows), append(sorted, finish(t, s)), append(hashed, finish(t, h))
			}
			cuts := keyCuts(r, sorted, models)
			cuts = slices.DeleteFunc(cuts, func(key []byte) bool { return len(key) > maxSampleBytes })
			var from []byte
			for _, to := range append(cuts, nil) {
				got := readSorted(t, p.env(), &plan.Partition{FromKey: from, ToKey: to, Outputs: sorted})
				compare(t, fmt.Sprintf("keys [%.30q, %.30q)", from, to), got, sortModel(models, from, to))
				from = to
			}
			for first := range 7 {
				env := p.env()
				got, _ := readHash(t, env, &plan.Partition{FirstBucket: first, EndBucket: first + 1, Outputs: hashed})
				env.LeaveLarge()
				compare(t, fmt.Sprintf("bucket %d", first), got, hashModel(models, 7, first, first+1))
			}
			checkLongKeys(t, p, hashed, models)
			if p.inside != 0 {
				t.Errorf("%d attempts are inside the gate at the end, want none", p.inside)
			}
		})
	}
}

// checkLongKeys reads all buckets with long keys apart.
func checkLongKeys(t *testing.T, p *place, outs []plan.MapOutput, models [][]keyed) {
	t.Helper()
	env := p.env()
	env.LargeFrom = 550 // some rows are large and their keys are not long
	var keys []*LongKey
	var got []keyed
	err := ReadHashLong(t.Context(), env, &plan.Partition{EndBucket: 7, Outputs: outs}, typeOf[item](t), new(Count),
		func(keys *column.Keys, rows []item) error {
			for i := range rows {
				if len(keys.At(i)) > 1000 {
					return fmt.Errorf("a key of %d bytes is not long", len(keys.At(i)))
				}
			}
			return nil
		},
		func(key *LongKey, rows []item) error {
			loaded, err := key.Load()
			keys, got = append(keys, key), append(got, keyed{bytes.Clone(loaded), rows[0]})
			return err
		})
	env.LeaveLarge()
	if err != nil {
		t.Fatal(err)
	}
	want := hashModel(models, 7, 0, 7)
	want = slices.DeleteFunc(want, func(row keyed) bool { return len(row.key) < 550 })
	byID := func(a, b keyed) int { return int(a.row.ID - b.row.ID) }
	numbers := make([]int, len(got))
	for i := range numbers {
		numbers[i] = i
	}
	for i, k := range keys {
		other := keys[(i*7+1)%len(keys)]
		want := bytes.Equal(got[i].key, got[(i*7+1)%len(keys)].key)
		if same, err := k.Same(other); same != want || err != nil {
			t.Errorf("Same of keys of %d and %d bytes = %v, %v, want %v", k.Bytes, other.Bytes, same, err, want)
		}
		if same, err := KeepKey(got[i].key).Same(k); !same || err != nil {
			t.Errorf("Same of a key of %d bytes in memory and on disk = %v, %v, want true", k.Bytes, same, err)
		}
	}
	slices.SortFunc(got, byID)
	slices.SortFunc(want, byID)
	compare(t, "rows with long keys", got, want)
}

// TestLargeRowsDamage flips every bit and cuts at every byte of outputs with
// large rows.
func TestLargeRowsDamage(t *testing.T) {
	p := newPlace(t, 1<<20, 0, block.S2)
	p.large = 100
	r := rand.New(rand.NewPCG(7, 8))
	var id int64
	typ := typeOf[item](t)
	rows := randomRows(r, "few", 4, 10, &id)
	rows[1].row.Text, rows[3].key = randomText(r, 120), []byte(randomText(r, 130))
	for name, w := range map[string]rowWriter{"hash": NewHashWriter[item](p.env(), 0, 4, typ), "sorted": NewSortWriter[item](p.env(), 0, typ)} {
		writeAll(t, r, w, rows)
		out := finish(t, w)
		env := p.env()
		read := func(b []byte) ([]keyed, error) {
			defer env.LeaveLarge()
			env.Source = bytesSource{out.ID: b}
			return readers[name](t.Context(), env, out, typ)
		}
		sound := contents(t, p, out)
		if got, err := read(sound); err != nil || len(got) != len(rows) {
			t.Fatalf("%s: %d rows, %v, want %d", name, len(got), err, len(rows))
		}
		for bit := range 8 * len(sound) {
			damaged := bytes.Clone(sound)
			damaged[bit/8] ^= 1 << (bit % 8)
			_, err := read(damaged)
			wantUnreadable(t, fmt.Sprintf("%s: bit %d flipped", name, bit), err, out, fault.Corrupt, fault.Fetch)
		}
		for n := range sound {
			_, err := read(sound[:n])
			wantUnreadable(t, fmt.Sprintf("%s: cut at %d", name, n), err, out, fault.Corrupt, fault.Fetch)
		}
	}
}

// TestLargeRowsEnter has the gate refuse: reading ends with its error, and what
// is read of a map output is not blamed.
func TestLargeRowsEnter(t *testing.T) {
	p := newPlace(t, 1<<20, 0, block.S2)
	p.large = 100
	r := rand.New(rand.NewPCG(7, 9))
	var id int64
	rows := randomRows(r, "few", 4, 10, &id)
	rows[2].row.Text = randomText(r, 200)
	refused := errors.New("no room")
	for name, w := range map[string]rowWriter{
		"hash": NewHashWriter[item](p.env(), 0, 4, typeOf[item](t)), "sorted": NewSortWriter[item](p.env(), 0, typeOf[item](t)),
	} {
		writeAll(t, r, w, rows)
		out := finish(t, w)
		env := p.env()
		env.Enter = func(int64) error { return refused }
		if _, err := readers[name](t.Context(), env, out, typeOf[item](t)); !errors.Is(err, refused) || len(Unreadable(err)) != 0 {
			t.Errorf("%s: reading without room = %v, blaming %v, want %v and no blame", name, err, Unreadable(err), refused)
		}
	}
}

// TestSpillFreesMemory lets a writer make room and go on.
func TestSpillFreesMemory(t *testing.T) {
	p := newPlace(t, 64<<20, 0, block.S2)
	r := rand.New(rand.NewPCG(7, 10))
	var id int64
	rows := randomRows(r, "random", 2000, 4000, &id)
	s := NewSortWriter[item](p.env(), 0, typeOf[item](t))
	h := NewHashWriter[item](p.env(), 0, 3, typeOf[item](t))
	for i := range 2 {
		half := rows[i*1000 : (i+1)*1000]
		writeAll(t, r, s, half)
		writeAll(t, r, h, half)
		if err := errors.Join(s.Spill(), h.Spill()); err != nil {
			t.Fatal(err)
		}
		if held := s.buf.rows.Cap() + h.b.buf.rows.Cap(); held != 0 || p.budget.Used() != 0 {
			t.Errorf("after Spill the columns hold %d bytes and %d are reserved, want none", held, p.budget.Used())
		}
	}
	models := [][]keyed{rows}
	compare(t, "sorted", readSorted(t, p.env(), &plan.Partition{Outputs: []plan.MapOutput{finish(t, s)}}), sortModel(models, nil, nil))
	got, _ := readHash(t, p.env(), &plan.Partition{EndBucket: 3, Outputs: []plan.MapOutput{finish(t, h)}})
	compare(t, "hashed", got, hashModel(models, 3, 0, 3))
}
