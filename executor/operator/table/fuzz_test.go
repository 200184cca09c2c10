package table

import (
	"strings"
	"testing"
)

// FuzzGroups cuts bytes into keys and compares the table with a map.
func FuzzGroups(f *testing.F) {
	f.Add([]byte("a,b,a,,0123456789abcdef,0123456789abcdefg,\x00,\x00\x00,a"))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, want := strings.Split(string(data), ","), map[string]uint32{}
		table := New()
		for i, group := range table.Groups(keys, nil) {
			key := keys[i]
			if _, ok := want[key]; !ok {
				want[key] = uint32(len(want))
			}
			if group != want[key] || string(table.Key(int(group))) != key {
				t.Fatalf("group of key %q = %d with key %q, want %d", key, group, table.Key(int(group)), want[key])
			}
		}
	})
}
