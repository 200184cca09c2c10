package schedule

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
)

func sample(key string, n int64) plan.KeySample {
	return plan.KeySample{Key: []byte(key), Bytes: n}
}

// describeKeys writes ranges as "..c c..f f..".
func describeKeys(ranges []KeyRange) string {
	var parts []string
	for _, r := range ranges {
		parts = append(parts, string(r.From)+".."+string(r.To))
	}
	return strings.Join(parts, " ")
}

func TestCutKeys(t *testing.T) {
	letters := func(n int64) []plan.KeySample {
		return []plan.KeySample{sample("b", n), sample("c", n), sample("d", n), sample("e", n), sample("f", n), sample("g", n), sample("h", n), sample("i", n)}
	}
	tests := []struct {
		name    string
		outputs [][]plan.KeySample
		slots   int
		want    string
	}{
		{"no samples", nil, 4, ".."},
		{"empty output", [][]plan.KeySample{{}}, 4, ".."},
		{"little data", [][]plan.KeySample{letters(10)}, 4, ".."},
		{"by slots", [][]plan.KeySample{letters(mib)}, 1, "..c c..e e..g g.."},
		{"two outputs", [][]plan.KeySample{letters(mib), letters(mib)}, 2, "..b b..c c..d d..e e..f f..g g..h h.."},
		{"by the bound", [][]plan.KeySample{letters(4 * mib)}, 1, "..b b..c c..d d..e e..f f..g g..h h.."},
		{"only one key", [][]plan.KeySample{{sample("k", mib), sample("k", mib), sample("k", mib), sample("k", mib)}}, 4, "..k k.."},
		{"one key from its beginning", [][]plan.KeySample{{sample("k", 0), sample("k", mib), sample("k", mib)}}, 4, ".."},
		{"heavy key in the middle", [][]plan.KeySample{{sample("b", 4*mib), sample("k", 4*mib), sample("k", 4*mib), sample("k", 4*mib), sample("p", 10), sample("t", 4*mib)}}, 1, "..b b..k k..p p.."},
		{"empty key bounds nothing", [][]plan.KeySample{{sample("", 4*mib), sample("", 4*mib), sample("b", 4*mib), sample("c", 4*mib)}}, 1, "..b b.."},
		{"sizes that overflow", [][]plan.KeySample{{sample("b", math.MaxInt64), sample("c", math.MaxInt64)}}, 1, "..b b.."},
		{"negative sizes", [][]plan.KeySample{{sample("b", -1), sample("c", -9)}}, 1, ".."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := describeKeys(CutKeys(tt.outputs, tt.slots, Config{PartitionBytes: 4 * mib})); got != tt.want {
				t.Errorf("CutKeys(%v, %d) = %v, want %v", tt.outputs, tt.slots, got, tt.want)
			}
		})
	}
}

func TestCutKeysRandom(t *testing.T) {
	for _, seed := range seeds(500) {
		r := rand.New(rand.NewPCG(seed, 3))
		outputs, keys := randomSamples(r)
		slots := r.IntN(10)
		cfg := Config{PartitionBytes: 1 + r.Int64N(8*mib)}
		got := CutKeys(outputs, slots, cfg)
		if err := checkKeyRanges(got, keys); err != nil {
			t.Fatalf("CutKeys(%v, %d, %+v) = %s: %v\nreplay: go test -run TestCutKeysRandom -seed=%d", outputs, slots, cfg, describeKeys(got), err, seed)
		}
		slices.Reverse(outputs)
		if again := CutKeys(outputs, slots, cfg); describeKeys(again) != describeKeys(got) {
			t.Fatalf("CutKeys depends on the order of outputs: %s, then %s\nreplay: go test -run TestCutKeysRandom -seed=%d", describeKeys(got), describeKeys(again), seed)
		}
	}
}

func randomSamples(r *rand.Rand) (outputs [][]plan.KeySample, keys [][]byte) {
	for range r.IntN(6) {
		var out []plan.KeySample
		for range r.IntN(30) {
			key := make([]byte, r.IntN(3))
			for i := range key {
				key[i] = byte(r.IntN(6))
			}
			out = append(out, plan.KeySample{Key: key, Bytes: r.Int64N(2 * mib)})
			keys = append(keys, key)
		}
		slices.SortFunc(out, func(a, b plan.KeySample) int { return bytes.Compare(a.Key, b.Key) })
		outputs = append(outputs, out)
	}
	return outputs, keys
}

// checkKeyRanges says what is wrong with ranges: each key must lie in exactly one.
func checkKeyRanges(ranges []KeyRange, keys [][]byte) error {
	if len(ranges) == 0 || len(ranges[0].From) != 0 || ranges[len(ranges)-1].To != nil {
		return fmt.Errorf("open ends are not covered")
	}
	for i := 1; i < len(ranges); i++ {
		if !bytes.Equal(ranges[i].From, ranges[i-1].To) || bytes.Compare(ranges[i-1].From, ranges[i-1].To) >= 0 {
			return fmt.Errorf("range %d does not follow", i)
		}
	}
	for _, k := range keys {
		n := 0
		for _, r := range ranges {
			if bytes.Compare(k, r.From) >= 0 && (r.To == nil || bytes.Compare(k, r.To) < 0) {
				n++
			}
		}
		if n != 1 {
			return fmt.Errorf("key %q lies in %d ranges", k, n)
		}
	}
	return nil
}
