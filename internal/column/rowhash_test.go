package column

import (
	"fmt"
	"math"
	"testing"
	"time"
)

func hashesOf[T any](t testing.TB, rows ...T) []uint64 {
	t.Helper()
	return mustBuild(t, rows).HashRows(nil)
}

// TestHashGolden pins the hashes: a change moves rows to other partitions, and
// processes of two versions must never disagree on that.
func TestHashGolden(t *testing.T) {
	tests := []struct {
		name string
		got  []uint64
		want string
	}{
		{"int", hashesOf(t, 0, 1, -1), "[995ccd1e11a63077 34e47951fd04dea3 2ca723223772ecb9]"},
		{"int8", hashesOf[int8](t, 0, 1, -1), "[995ccd1e11a63077 34e47951fd04dea3 1b3c112f6a9d323b]"},
		{"string", hashesOf(t, "", "a", "key-0000000000000001"), "[5c9ae3ee9b87ad97 2141a66efd0c7e8c e1cb420159433e75]"},
		{"bytes", hashesOf(t, nil, []byte{}, []byte("a")), "[75649ec6c80d98a3 5c9ae3ee9b87ad97 2141a66efd0c7e8c]"},
		{"float64", hashesOf(t, 0, 1.5, math.Inf(1)), "[995ccd1e11a63077 54ee90a40a9650a7 cf2cd31f4eda0342]"},
		{"bool", hashesOf(t, false, true), "[995ccd1e11a63077 34e47951fd04dea3]"},
		{"time", hashesOf(t, time.Time{}, time.Unix(1, 2)), "[0f9f752d071f4ddb 5c7eebe7011fbaa1]"},
		{"list", hashesOf(t, nil, []string{}, []string{"a", "b"}), "[c3a52cf09029e11b 250258f857471f3c 05dcb2a9adc7e586]"},
		{"pointer", hashesOf(t, nil, new(0)), "[a4c647d7b4b10413 995ccd1e11a63077]"},
		{"struct", hashesOf(t, order{}, order{ID: 7, Customer: "c", Country: "DE", Qty: 1, Price: 2, Express: true}), "[4e17f5289d5a5491 9b3c67942fe9d3bd]"},
		{"everything", hashesOf(t, everythings()[:3]...), "[41bc38c48eef600f 7406b9502869f244 fdf22062e5740e1e]"},
		{"no fields", hashesOf(t, struct{}{}), "[3d85d91d62f5617e]"},
	}
	for _, tc := range tests {
		if got := fmt.Sprintf("%016x", tc.got); got != tc.want {
			t.Errorf("%s: HashRows = %s, want %s", tc.name, got, tc.want)
		}
	}
}

// TestHashTellsApart lists rows that only their boundaries, nulls or places
// tell apart.
func TestHashTellsApart(t *testing.T) {
	type pair struct{ A, B string }
	type lists struct{ A, B []string }
	type maybe struct{ A, B *int }
	type nested struct{ P *maybe }
	tests := []struct {
		name   string
		hashes []uint64
	}{
		{"fields", hashesOf(t, pair{"a", "b"}, pair{"ab", ""}, pair{"", "ab"}, pair{"b", "a"}, pair{})},
		{"elements", hashesOf(t, nil, []string{}, []string{""}, []string{"", ""}, []string{"ab"}, []string{"a", "b"}, []string{"b", "a"})},
		{"lists", hashesOf(t, lists{}, lists{A: []string{}}, lists{A: []string{"a"}}, lists{B: []string{"a"}}, lists{[]string{"a"}, []string{"a"}})},
		{"lists of lists", hashesOf(t, [][]int{{1, 2}, {}}, [][]int{{1}, {2}}, [][]int{{}, {1, 2}}, [][]int{{1, 2}}, [][]int{{1, 2}, nil}, nil)},
		{"empty elements", hashesOf(t, nil, []struct{}{}, make([]struct{}, 1), make([]struct{}, 2))},
		{"nulls", hashesOf(t, maybe{}, maybe{A: new(0)}, maybe{B: new(0)}, maybe{new(0), new(0)}, maybe{A: new(1)})},
		{"null structs", hashesOf(t, nested{}, nested{&maybe{}}, nested{&maybe{A: new(0)}})},
		{"bytes", hashesOf(t, nil, []byte{}, []byte{0}, []byte{0, 0})},
		{"times", hashesOf(t, time.Time{}, time.Unix(0, 0), time.Unix(0, 1))},
	}
	for _, tc := range tests {
		seen := map[uint64]int{}
		for i, h := range tc.hashes {
			if j, ok := seen[h]; ok {
				t.Errorf("%s: rows %d and %d have the same hash %x", tc.name, j, i, h)
			}
			seen[h] = i
		}
	}
}

func TestHashOfEqualFloats(t *testing.T) {
	minus, other := math.Copysign(0, -1), math.Float64frombits(0x7ff8000000000123)
	if h := hashesOf(t, 0, minus); h[0] != h[1] {
		t.Errorf("hashes of 0 and -0 = %x, want them equal", h)
	}
	if h := hashesOf(t, math.NaN(), other); h[0] != h[1] {
		t.Errorf("hashes of two NaNs = %x, want them equal", h)
	}
	if h := hashesOf(t, float32(0), float32(minus), float32(math.NaN()), float32(other)); h[0] != h[1] || h[2] != h[3] {
		t.Errorf("hashes of float32 0, -0, NaN, NaN = %x, want them equal in pairs", h)
	}
}

// TestHashIsEven checks that rows spread over few and many partitions by the
// upper and by the lower bits alike, whatever their keys look like.
func TestHashIsEven(t *testing.T) {
	const n = 1 << 16
	ints, steps, texts := make([]int64, n), make([]int64, n), make([]string, n)
	pairs := make([]struct{ A, B int32 }, n)
	for i := range n {
		ints[i], steps[i], texts[i] = int64(i), int64(i)<<32, fmt.Sprintf("key-%d", i)
		pairs[i].A, pairs[i].B = int32(i%256), int32(i/256)
	}
	for name, hashes := range map[string][]uint64{
		"ints": hashesOf(t, ints...), "multiples of 2^32": hashesOf(t, steps...), "texts": hashesOf(t, texts...), "pairs": hashesOf(t, pairs...),
	} {
		for _, bits := range []int{1, 4, 8} {
			for where, at := range map[string]int{"lower": 0, "middle": 28, "upper": 64 - bits} {
				counts := make([]float64, 1<<bits)
				for _, h := range hashes {
					counts[h>>at&(1<<bits-1)]++
				}
				mean, chi := float64(n)/float64(len(counts)), 0.0
				for _, c := range counts {
					chi += (c - mean) * (c - mean) / mean
				}
				// Chi-square has mean k and deviation sqrt(2k): six deviations
				// are beyond chance.
				k := float64(len(counts) - 1)
				if limit := k + 6*math.Sqrt(2*k) + 6; chi > limit {
					t.Errorf("%s: chi-square of the %s %d bits = %.0f, want %.0f at most", name, where, bits, chi, limit)
				}
			}
		}
	}
}
