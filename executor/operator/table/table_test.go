package table

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
)

// seeded returns a random source and prints its seed if the test fails.
func seeded(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 1))
}

func keysOf(keys ...string) []string { return keys }

func TestGroupsAreDenseAndInOrderOfFirstSight(t *testing.T) {
	table := New()
	tests := []struct {
		name string
		keys []string
		want []uint32
	}{
		{"no keys", nil, nil},
		{"new", []string{"b", "a", "b"}, []uint32{0, 1, 0}},
		{"empty key", []string{"", "a", ""}, []uint32{2, 1, 2}},
		{"zeros", []string{"\x00", "", "\x00\x00", "a\x00"}, []uint32{3, 2, 4, 5}},
		{"around the inline size", []string{"0123456789abcdef", "0123456789abcdefg", "0123456789abcde"}, []uint32{6, 7, 8}},
		{"again", []string{"0123456789abcdefg", "b", "0123456789abcdef"}, []uint32{7, 0, 6}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := table.Groups(test.keys, nil); fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("Groups(%q) = %v, want %v", test.keys, got, test.want)
			}
		})
	}
	if got := table.Groups(keysOf("b"), []uint32{99}); fmt.Sprint(got) != "[99 0]" {
		t.Errorf("Groups appends %v, want [99 0]", got)
	}
	if table.Len() != 9 || string(table.Key(7)) != "0123456789abcdefg" || len(table.Key(2)) != 0 {
		t.Errorf("Len, Key(7), Key(2) = %d, %q, %q", table.Len(), table.Key(7), table.Key(2))
	}
}

// randomKey makes keys that share prefixes, hold zeros, and have 0 to 200 bytes.
func randomKey(r *rand.Rand, distinct int) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(r.IntN(distinct)))
	switch r.IntN(4) {
	case 0:
		return b[r.IntN(5):]
	case 1:
		return append(b, make([]byte, r.IntN(197))...)
	case 2:
		return append([]byte("a prefix of more than sixteen bytes"), b...)
	}
	return append(b, "0123456789ab"[:r.IntN(13)]...)
}

func TestGroupsEqualsMap(t *testing.T) {
	r := seeded(t)
	table := New()
	for round := range 8 {
		want := map[string]uint32{}
		distinct := 1 << (2 * round)
		for range 20 {
			var keys []string
			for range r.IntN(3000) {
				keys = append(keys, string(randomKey(r, distinct)))
			}
			checkNeed(t, table, keys)
			got := table.Groups(keys, nil)
			for i, key := range keys {
				if _, ok := want[key]; !ok {
					want[key] = uint32(len(want))
				}
				if got[i] != want[key] {
					t.Fatalf("group of key %q = %d, want %d", key, got[i], want[key])
				}
			}
		}
		if table.Len() != len(want) {
			t.Fatalf("Len() = %d, want %d", table.Len(), len(want))
		}
		for key, group := range want {
			if got := string(table.Key(int(group))); got != key {
				t.Fatalf("Key(%d) = %q, want %q", group, got, key)
			}
		}
		if round == 4 {
			table.Shrink()
		} else {
			table.Reset()
		}
	}
}

// checkNeed replays Groups on a copy and checks that Need covers it.
func checkNeed(t *testing.T, table *Table, keys []string) {
	t.Helper()
	before, need := table.Bytes(), table.Need(keys)
	copied := *table
	copied.slots = append(make([]slot, 0, len(table.slots)), table.slots...)
	copied.arena = append(make([]byte, 0, cap(table.arena)), table.arena...)
	copied.ends = append(make([]uint64, 0, cap(table.ends)), table.ends...)
	copied.Groups(keys, nil)
	if grown := copied.Bytes() - before; grown > need {
		t.Fatalf("Groups of %d keys took %d bytes, want at most Need = %d", len(keys), grown, need)
	}
}

func TestNeedIsNothingWhenThereIsRoom(t *testing.T) {
	table := New()
	if got := table.Need(nil); got != 0 {
		t.Errorf("Need of no keys = %d, want 0", got)
	}
	table.Groups(keysOf("a"), nil)
	if got := table.Need(keysOf("b", "c")); got != 0 {
		t.Errorf("Need of two keys in a table for %d = %d, want 0", minSlots, got)
	}
	if got := table.Need(sequence(0, 1000)); got == 0 {
		t.Errorf("Need of 1000 keys = %d, want more", got)
	}
}

func sequence(from, to int) []string {
	var keys []string
	var b [8]byte
	for i := from; i < to; i++ {
		binary.BigEndian.PutUint64(b[:], uint64(i))
		keys = append(keys, string(b[:]))
	}
	return keys
}

func TestLoadStaysBelowItsLimit(t *testing.T) {
	table := New()
	for i := range 200 {
		table.Groups(sequence(100*i, 100*i+100), nil)
		if loadDen*table.Len() > loadNum*len(table.slots) {
			t.Fatalf("%d groups in %d slots, want at most %d/%d", table.Len(), len(table.slots), loadNum, loadDen)
		}
	}
}

func TestResetKeepsAndShrinkReturnsMemory(t *testing.T) {
	table := New()
	if table.Bytes() != 0 {
		t.Errorf("Bytes of a new table = %d, want 0", table.Bytes())
	}
	table.Groups(sequence(0, 10000), nil)
	held, seed := table.Bytes(), table.seedA
	table.Reset()
	if table.Len() != 0 || table.Bytes() != held || table.seedA == seed {
		t.Errorf("after Reset Len = %d, Bytes = %d, same seed %v, want 0, %d, false", table.Len(), table.Bytes(), table.seedA == seed, held)
	}
	if got := table.Groups(keysOf("x", "y"), nil); fmt.Sprint(got) != "[0 1]" {
		t.Errorf("Groups after Reset = %v, want [0 1]", got)
	}
	table.Shrink()
	if table.Len() != 0 || table.Bytes() != 0 {
		t.Errorf("after Shrink Len = %d, Bytes = %d, want 0, 0", table.Len(), table.Bytes())
	}
}

func TestViewsOutliveGrowth(t *testing.T) {
	table := New()
	table.Groups(keysOf("first"), nil)
	view := table.Key(0)
	table.Groups(sequence(0, 100000), nil)
	if string(view) != "first" {
		t.Errorf("a view taken before the table grew = %q, want %q", view, "first")
	}
	if got := append(view, "more"...); string(table.Key(1)) != sequence(0, 1)[0] {
		t.Errorf("appending to a view (%q) changed the next key to %q", got, table.Key(1))
	}
}

func TestGroupsDoesNotAllocate(t *testing.T) {
	table, keys := New(), sequence(0, 5000)
	keys = append(keys, "a key longer than what fits into a slot")
	dst := table.Groups(keys, nil)
	got := testing.AllocsPerRun(5, func() {
		table.Reset()
		dst = table.Groups(keys, dst[:0])
	})
	if got != 0 {
		t.Errorf("Groups in memory held before allocates %v times, want 0", got)
	}
}

// Keys that all agree in the bits by which they were partitioned must not
// crowd in the table: the reason for its own hash.
func TestPartitionedKeysSpreadInTheTable(t *testing.T) {
	table, keys := New(), []string(nil)
	for i := 0; len(keys) < 20000; i++ {
		key := binary.BigEndian.AppendUint64(nil, uint64(i))
		if column.Bucket(column.HashKey(key), 64) == 3 {
			keys = append(keys, string(key))
		}
	}
	table.Groups(keys, nil)
	if got := longestRun(table); got > 200 {
		t.Errorf("the longest run of taken slots is %d of %d, want a random one, below 200", got, len(table.slots))
	}
}

func longestRun(t *Table) int {
	run, longest := 0, 0
	for i := range t.slots {
		if run++; t.slots[i].tag == 0 {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}

func TestSumsEqualMap(t *testing.T) {
	r := seeded(t)
	table := New()
	for round := range 6 {
		want := map[string]int64{}
		for range 10 {
			var keys []string
			var amounts []int64
			for range r.IntN(2000) {
				keys = append(keys, string(randomKey(r, 1<<(2*round))))
				amounts = append(amounts, r.Int64N(1000)-500)
			}
			if r.IntN(2) == 0 {
				amounts = nil
			}
			checkNeed(t, table, keys)
			table.Add(keys, amounts)
			for i, key := range keys {
				if amounts == nil {
					want[key]++
				} else {
					want[key] += amounts[i]
				}
			}
		}
		sums := make([]int64, table.Len())
		table.Sums(sums)
		if len(sums) != len(want) {
			t.Fatalf("%d groups, want %d", len(sums), len(want))
		}
		for group, sum := range sums {
			if key := string(table.Key(group)); sum != want[key] {
				t.Fatalf("sum of key %q = %d, want %d", key, sum, want[key])
			}
		}
		table.Reset()
	}
}

// TestLoadShort holds that the words of a key do not depend on what stands
// behind it, nor on where in its page it stands.
func TestLoadShort(t *testing.T) {
	r := seeded(t)
	around := make([]byte, 3*pageBytes)
	for i := range around {
		around[i] = byte(r.Uint32())
	}
	for at := range 2 * pageBytes {
		for n := range inlineBytes + 1 {
			var want [inlineBytes]byte
			key := string(around[at : at+n]) // elsewhere, with other neighbours
			copy(want[:], key)
			a, b := loadShort(unsafe.String(&around[at], n))
			if a != binary.LittleEndian.Uint64(want[:]) || b != binary.LittleEndian.Uint64(want[8:]) {
				t.Fatalf("loadShort of %q at %d = %x %x, want %x", key, at, a, b, want)
			}
			if c, d := loadShort(key); a != c || b != d {
				t.Fatalf("loadShort of a copy of %q = %x %x, want %x %x", key, c, d, a, b)
			}
		}
	}
}

func TestKeysOfGroups(t *testing.T) {
	table := New()
	if data, ends := table.Keys(0, 0, nil); len(data) != 0 || len(ends) != 0 {
		t.Errorf("Keys of an empty table = %q, %v, want none", data, ends)
	}
	table.Groups([]string{"a", "", "bcd", "e"}, nil)
	tests := []struct {
		first, end int
		data       string
		ends       []uint32
	}{
		{0, 4, "abcde", []uint32{1, 1, 4, 5}},
		{1, 3, "bcd", []uint32{0, 3}},
		{4, 4, "", nil},
	}
	for _, test := range tests {
		data, ends := table.Keys(test.first, test.end, nil)
		if string(data) != test.data || !slices.Equal(ends, test.ends) {
			t.Errorf("Keys(%d, %d) = %q, %v, want %q, %v", test.first, test.end, data, ends, test.data, test.ends)
		}
		if got := table.KeyBytes(test.first, test.end); got != int64(len(test.data)) {
			t.Errorf("KeyBytes(%d, %d) = %d, want %d", test.first, test.end, got, len(test.data))
		}
	}
}
