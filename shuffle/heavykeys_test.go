package shuffle

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/block"
)

// upToDash is a group of keys: what stands before the dash.
func upToDash(key []byte) int { return bytes.IndexByte(key, '-') + 1 }

// weighed are the rows of each group of a list of sorted keys.
func weighed(keys [][]byte, group func([]byte) int) map[string]int64 {
	rows := map[string]int64{}
	for _, k := range keys {
		if group != nil {
			k = k[:group(k)]
		}
		rows[string(k)]++
	}
	return rows
}

// skewedKeys are sorted keys, some of them heavy: key i has a part of the rows that
// falls with i.
func skewedKeys(r *rand.Rand, n int, grouped bool) [][]byte {
	heavy, light, width := 1+r.IntN(40), 1+r.IntN(3*n+1), 1
	if n < 500 {
		width = pick(r, 1, 900, 2000)
	}
	keys := make([][]byte, n)
	for i := range keys {
		name := fmt.Sprintf("light%07d", r.IntN(light))
		if r.IntN(3) > 0 {
			name = fmt.Sprintf("key%0*d", width, int(float64(heavy)*r.Float64()*r.Float64()*r.Float64()))
		}
		if grouped {
			name += fmt.Sprintf("-%d", r.IntN(1000))
		}
		keys[i] = []byte(name)
	}
	slices.SortFunc(keys, bytes.Compare)
	return keys
}

// TestHeavyKeysEqualModel gives sorted keys in blocks of any size, with 100 bytes a
// row. What is reported is exact, and what is not is no heavier than it says.
func TestHeavyKeysEqualModel(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 41))
		h := heavyKeys{}
		if r.IntN(2) == 0 {
			h.group = upToDash
		}
		sorted := skewedKeys(r, r.IntN(pick(r, 400, 10_000)), h.group != nil)
		perBlock := 1 + r.IntN(pick(r, 3, 100, 3000, 10_000))
		for from := 0; from < len(sorted); from += perBlock {
			var keys column.Keys
			var sel []uint32
			rows := sorted[from:min(from+perBlock, len(sorted))]
			for i := range rows { // backwards: what counts is the order of sel
				keys.Add(rows[len(rows)-1-i])
				sel = append(sel, uint32(len(rows)-1-i))
			}
			h.block(&keys, sel, 100*int64(len(rows)))
		}
		m := plan.MapOutput{Bytes: 100 * int64(len(sorted))}
		h.report(&m, func(key []byte) string { return "text of " + string(key[:min(len(key), 40)]) })
		checkWeights(t, &m, weighed(sorted, h.group), 100)
		if t.Failed() {
			t.Fatalf("seed %d: %d keys in blocks of %d", seed, len(sorted), perBlock)
		}
	}
}

// checkWeights compares a report with the rows of each key, which all take about
// the same bytes; 0 for some bytes.
func checkWeights(t *testing.T, m *plan.MapOutput, rows map[string]int64, perRow int64) {
	t.Helper()
	if len(m.Keys) > plan.MaxKeyWeights {
		t.Errorf("%d keys are reported, want %d at most", len(m.Keys), plan.MaxKeyWeights)
	}
	reported := map[plan.KeyHash]plan.KeyWeight{}
	for i, k := range m.Keys {
		reported[k.Hash] = k
		if i > 0 && k.Bytes > m.Keys[i-1].Bytes {
			t.Errorf("key %d has %d bytes and stands behind one with %d", i, k.Bytes, m.Keys[i-1].Bytes)
		}
	}
	for key, n := range rows {
		k, ok := reported[plan.KeyHash(column.HashKey([]byte(key)))]
		delete(reported, k.Hash)
		switch {
		case ok && k.Rows != n:
			t.Errorf("%.20q has %d rows, want %d", key, k.Rows, n)
		case ok && perRow > 0 && k.Bytes != n*perRow:
			t.Errorf("%.20q has %d bytes, want %d", key, k.Bytes, n*perRow)
		case ok && (!bytes.HasPrefix([]byte(key), k.Key) || len(k.Key) != min(len(key), plan.MaxKeyBytes)):
			t.Errorf("the key of %.20q is reported as %q", key, k.Key)
		case ok && perRow > 0 && k.Text != "text of "+key[:min(len(key), 40)]:
			t.Errorf("%.20q reads %q", key, k.Text)
		case !ok && n*perRow > m.MissedBytes:
			t.Errorf("%.20q is not reported and has %d bytes; at most %d are missed", key, n*perRow, m.MissedBytes)
		}
	}
	if len(reported) > 0 {
		t.Errorf("keys are reported that are none: %v", reported)
	}
	if n := m.Bytes; perRow > 0 && m.MissedBytes > n/weightShare+n/lookedAt*2+n/plan.MaxKeyWeights+leastWeightBytes+200 {
		t.Errorf("%d bytes of %d may be missed: too many", m.MissedBytes, n)
	}
}

// TestSortWriterWeighsKeys writes the same rows with memory enough, and with so
// little that they are spilled and merged, some of them large ones.
func TestSortWriterWeighsKeys(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 42))
		sorted := skewedKeys(r, 1+r.IntN(1500), true)
		var id int64
		var rows []keyed
		for _, i := range r.Perm(len(sorted)) {
			id++
			rows = append(rows, keyed{sorted[i], item{ID: id, Text: string(make([]byte, r.IntN(50)))}})
		}
		p := newPlace(t, pick(r, int64(0), 100<<10, 64<<20), 1<<20, pick(r, block.None, block.S2))
		p.large = pick(r, int64(0), 300)
		for _, group := range []func([]byte) int{nil, upToDash} {
			w := NewSortWriter[item](p.env(), 3, typeOf[item](t))
			if group != nil {
				w.KeepTogether(group)
			}
			w.WeighKeys(nil)
			writeAll(t, r, w, rows)
			out := finish(t, w)
			checkWeights(t, &out, weighed(sorted, group), 0)
			heaviest := int64(0)
			for _, n := range weighed(sorted, group) {
				heaviest = max(heaviest, n)
			}
			if group != nil && heaviest > int64(len(sorted))/4 && out.Bytes > 8*leastWeightBytes && len(out.Keys) == 0 {
				t.Errorf("a key with %d of %d rows is not reported", heaviest, len(sorted))
			}
			for _, k := range out.Keys {
				if k.Text != "" {
					t.Errorf("the key %q is readable", k.Text)
				}
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// TestHeavyKeyOfUnknownLargeRows holds that a large row whose key does not stand in
// memory whole is not forgotten.
func TestHeavyKeyOfUnknownLargeRows(t *testing.T) {
	var h heavyKeys
	h.large(make([]byte, longKeyBytes), longKeyBytes+1, 5000)
	h.large([]byte("k"), 1, 7000)
	h.large([]byte("k"), 1, 7000)
	m := plan.MapOutput{Bytes: 19_000}
	h.report(&m, nil)
	want := []plan.KeyWeight{{Hash: plan.KeyHash(column.HashKey([]byte("k"))), Key: []byte("k"), Rows: 2, Bytes: 14_000}}
	if fmt.Sprint(m.Keys) != fmt.Sprint(want) || m.MissedBytes != 5000 {
		t.Errorf("report = %v, %d missed, want %v and 5000", m.Keys, m.MissedBytes, want)
	}
}
