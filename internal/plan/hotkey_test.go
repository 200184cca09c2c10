package plan

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestKeyHashAsText(t *testing.T) {
	for _, h := range []KeyHash{0, 1, 0xabc, math.MaxUint64} {
		data, err := json.Marshal(HotKey{Hash: h})
		if err != nil {
			t.Fatal(err)
		}
		var k HotKey
		if err := json.Unmarshal(data, &k); err != nil || k.Hash != h || !strings.Contains(string(data), `"hash":"`+h.String()+`"`) {
			t.Errorf("%v became %v by %s, %v", h, k.Hash, data, err)
		}
	}
	for _, text := range []string{"", "12", "000000000000000g", "00000000000000000"} {
		if err := new(KeyHash).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("UnmarshalText(%q) = nil, want an error", text)
		}
	}
}

func TestHotKeyInWords(t *testing.T) {
	tests := []struct {
		key                 HotKey
		name, place, advice string
		share               float64
	}{
		{HotKey{Operator: "GroupByKey", At: "a/b.go:1", Key: "7", Bytes: 1, TotalBytes: 4}, "7", "GroupByKey at a/b.go:1", "use Reduce", 0.25},
		{HotKey{Operator: "LeftJoin", Hash: 10, Bytes: 1}, "with hash 000000000000000a", "LeftJoin", "needs no partner", 0},
		{HotKey{Operator: "Sort", Key: "x"}, "x", "Sort", "a further term", 0},
		{HotKey{Operator: "MapReduce.reduce", Key: "x"}, "x", "MapReduce.reduce", "give a combiner", 0},
	}
	for _, tt := range tests {
		k := &tt.key
		if k.Name() != tt.name || k.Place() != tt.place || !strings.Contains(k.Advice(), tt.advice) || k.Share() != tt.share {
			t.Errorf("%+v reads %q, %q, %q, %v", k, k.Name(), k.Place(), k.Advice(), k.Share())
		}
	}
}

func TestHottest(t *testing.T) {
	var keys []HotKey
	for i := range int64(20) {
		keys = append(keys, HotKey{Bytes: i * 7 % 20})
	}
	got := Hottest(keys)
	if len(got) != MaxHotKeys || !slices.IsSortedFunc(got, func(a, b HotKey) int { return int(b.Bytes - a.Bytes) }) || got[0].Bytes != 19 {
		t.Errorf("Hottest = %+v, want %d keys from 19 down", got, MaxHotKeys)
	}
}
