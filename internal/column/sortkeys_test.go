package column

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// sortDistributions make n keys that are hard in different ways.
var sortDistributions = []struct {
	name string
	key  func(r *rand.Rand, i, n int) []byte
}{
	{"random 10 bytes", func(r *rand.Rand, i, n int) []byte { return randomBytes(r, 10) }},
	{"random lengths", func(r *rand.Rand, i, n int) []byte { return randomBytes(r, r.IntN(40)) }},
	{"zeros of many lengths", func(r *rand.Rand, i, n int) []byte { return make([]byte, r.IntN(60)) }},
	{"few bytes, prefixes of one another", func(r *rand.Rand, i, n int) []byte {
		return []byte(strings.Repeat("a", r.IntN(30)) + strings.Repeat("\x00", r.IntN(3)))
	}},
	{"zero or not", func(r *rand.Rand, i, n int) []byte {
		b := make([]byte, r.IntN(30))
		for j := range b {
			b[j] = byte(r.IntN(2))
		}
		return b
	}},
	{"all equal", func(r *rand.Rand, i, n int) []byte { return []byte("the same key, longer than an entry") }},
	{"all empty", func(r *rand.Rand, i, n int) []byte { return nil }},
	{"long common prefix", func(r *rand.Rand, i, n int) []byte {
		return append(bytes.Repeat([]byte("prefix"), 30), randomBytes(r, r.IntN(20))...)
	}},
	{"prefix of 8", func(r *rand.Rand, i, n int) []byte { return append([]byte("12345678"), randomBytes(r, 2)...) }},
	{"prefix of 11", func(r *rand.Rand, i, n int) []byte { return append([]byte("12345678901"), randomBytes(r, 4)...) }},
	{"few distinct long", func(r *rand.Rand, i, n int) []byte {
		return fmt.Appendf(nil, "a long key of which there are few: %d", r.IntN(7))
	}},
	{"sorted", func(r *rand.Rand, i, n int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(i)) }},
	{"reversed", func(r *rand.Rand, i, n int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n-i)) }},
	{"sorted long", func(r *rand.Rand, i, n int) []byte { return fmt.Appendf(nil, "a long sorted key %09d", i) }},
	{"powers of two", func(r *rand.Rand, i, n int) []byte {
		return binary.BigEndian.AppendUint64(nil, 1<<r.IntN(64)|uint64(r.IntN(2)))
	}},
	{"one far away", func(r *rand.Rand, i, n int) []byte {
		if i == n/2 {
			return bytes.Repeat([]byte{0xFF}, 9)
		}
		return binary.BigEndian.AppendUint64(nil, uint64(r.IntN(n)))
	}},
	{"staircase", func(r *rand.Rand, i, n int) []byte { return bytes.Repeat([]byte{'a'}, i%300) }},
	{"one leaves at each step", func(r *rand.Rand, i, n int) []byte {
		b := bytes.Repeat([]byte{'a'}, 330)
		b[i%330] = 'b'
		return b
	}},
	{"words", func(r *rand.Rand, i, n int) []byte {
		return fmt.Appendf(nil, "w%d", int(1/(r.Float64()+1e-6)))
	}},
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// naiveOrder sorts by the definition.
func naiveOrder(k *Keys) []uint32 {
	order := make([]uint32, k.Len())
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortStableFunc(order, func(a, b uint32) int { return bytes.Compare(k.At(int(a)), k.At(int(b))) })
	return order
}

func TestSortKeys(t *testing.T) {
	for _, d := range sortDistributions {
		t.Run(d.name, func(t *testing.T) {
			var scratch SortScratch
			var order []uint32
			r := keySeed(t)
			for _, n := range []int{0, 1, 2, 3, 12, 13, 24, 25, 40, 100, 300, 1000, 4096, 20000} {
				keys := &Keys{}
				for i := range n {
					keys.Add(d.key(r, i, n))
				}
				order = SortKeys(keys, order, &scratch)
				if want := naiveOrder(keys); !slices.Equal(order, want) {
					i := 0
					for order[i] == want[i] {
						i++
					}
					t.Fatalf("SortKeys of %d keys puts key %d (%q) at %d, want key %d (%q)", n, order[i], keys.At(int(order[i])), i, want[i], keys.At(int(want[i])))
				}
				if got, need := scratch.Bytes()+4*int64(cap(order)), sortNeed(n); got > need {
					t.Errorf("memory after %d keys = %d, want at most %d", n, got, need)
				}
			}
		})
	}
}

// sortNeed is the memory in bytes that sorting n keys may take: a fresh scratch
// and the order.
func sortNeed(n int) int64 {
	// Groups waiting to be refined are disjoint and have at least two keys.
	return (2*sortEntryBytes+12+4)*int64(n) + 4<<sortTopBits + 1<<10
}

func TestSortKeysShort(t *testing.T) {
	keys := keysOf("b", "a\x00", "", "a", "\x00", "a\x00\x00", "a", "aaaaaaaa", "aaaaaaaa\x00", "aaaaaaaaaaa\x00", "aaaaaaaaaaa")
	want := []uint32{2, 4, 3, 6, 1, 5, 7, 8, 10, 9, 0}
	if got := SortKeys(keys, nil, &SortScratch{}); !reflect.DeepEqual(got, want) {
		t.Errorf("SortKeys(%q) = %v, want %v", keys.strings(), got, want)
	}
}

func TestSortKeysDoesNotAllocate(t *testing.T) {
	r := keySeed(t)
	var scratch SortScratch
	var order []uint32
	for _, d := range sortDistributions {
		keys := &Keys{}
		for i := range 5000 {
			keys.Add(d.key(r, i, 5000))
		}
		sort := func() { order = SortKeys(keys, order, &scratch) }
		sort()
		if got := testing.AllocsPerRun(3, sort); got != 0 {
			t.Errorf("SortKeys of %s allocates %v times, want 0", d.name, got)
		}
	}
}

func TestSortScratchRelease(t *testing.T) {
	var scratch SortScratch
	empty := scratch.Bytes()
	SortKeys(keysOf("b", "a"), nil, &scratch)
	if scratch.Release(); scratch.Bytes() != empty {
		t.Errorf("Bytes after Release = %d, want %d", scratch.Bytes(), empty)
	}
}

func BenchmarkSortKeys(b *testing.B) {
	for _, d := range sortDistributions {
		b.Run(d.name, func(b *testing.B) {
			const n = 1_000_000
			r := rand.New(rand.NewPCG(7, 7))
			keys := &Keys{}
			for i := range n {
				keys.Add(d.key(r, i, n))
			}
			var scratch SortScratch
			order := SortKeys(keys, nil, &scratch)
			b.ResetTimer()
			for b.Loop() {
				order = SortKeys(keys, order, &scratch)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
		})
	}
}
