package table

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestFinder(t *testing.T) {
	if got := NewFinder(New()).Groups([]string{"a", ""}, []uint32{7}); fmt.Sprint(got) != fmt.Sprint([]uint32{7, None, None}) {
		t.Errorf("Groups of an empty table = %v", got)
	}
	r := rand.New(rand.NewPCG(1, 2))
	key := func() string {
		return strings.Repeat(string(rune('a'+r.IntN(5))), r.IntN(40)) + fmt.Sprint(r.IntN(2000))
	}
	tab, want := New(), map[string]uint32{}
	var keys []string
	for range 3000 {
		keys = append(keys, key())
	}
	for i, g := range tab.Groups(keys, nil) {
		want[keys[i]] = g
	}
	for range 3000 {
		keys = append(keys, key())
	}
	found := 0
	for i, g := range NewFinder(tab).Groups(keys, nil) {
		w, ok := want[keys[i]]
		if !ok {
			w = None
		} else {
			found++
		}
		if g != w {
			t.Fatalf("group of %q = %d, want %d", keys[i], g, w)
		}
	}
	if found == len(keys) || found < 3000 || tab.Len() != len(want) {
		t.Errorf("%d of %d keys found, %d groups, want %d", found, len(keys), tab.Len(), len(want))
	}
}
