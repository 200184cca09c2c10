package journal

import (
	"bytes"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/golden"
)

var sample = [][]byte{[]byte("first"), {}, []byte("the third is longer")}

func TestEntryRoundTrip(t *testing.T) {
	for _, records := range [][][]byte{nil, {nil}, sample, {bytes.Repeat([]byte("long"), 1<<16)}} {
		entry := appendEntry([]byte("before"), records)
		got, err := parseEntry(entry[len("before"):])
		if err != nil || text(got) != text(records) && len(records) > 0 {
			t.Errorf("parseEntry(appendEntry(%.40s)) = %.40s, %v", text(records), text(got), err)
		}
	}
}

func TestEntryGolden(t *testing.T) {
	golden.Check(t, "testdata/entry.bin", appendEntry(nil, sample))
}

// TestEntryDamage tries every flipped bit, every length and what follows.
func TestEntryDamage(t *testing.T) {
	entry := appendEntry(nil, sample)
	for n := range entry {
		if _, err := parseEntry(entry[:n]); fault.KindOf(err) != fault.Corrupt {
			t.Errorf("parseEntry of the first %d bytes = %v, want a corrupt one", n, err)
		}
	}
	for bit := range len(entry) * 8 {
		damaged := bytes.Clone(entry)
		damaged[bit/8] ^= 1 << (bit % 8)
		if _, err := parseEntry(damaged); fault.KindOf(err) != fault.Corrupt {
			t.Errorf("parseEntry with bit %d flipped = %v, want a corrupt one", bit, err)
		}
	}
	if _, err := parseEntry(append(entry, 0)); fault.KindOf(err) != fault.Corrupt {
		t.Errorf("parseEntry with a byte more = %v, want a corrupt one", err)
	}
}

func FuzzEntry(f *testing.F) {
	f.Add(appendEntry(nil, sample)[entryHeader:])
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff}, 20))
	f.Fuzz(func(t *testing.T, body []byte) {
		// With the right checksum, so that what is behind it is met.
		entry := append([]byte{entryVersion, 0, 0, 0, 0}, body...)
		sum := checksum(entry)
		for i := range 4 {
			entry[1+i] = byte(sum >> (8 * i))
		}
		records, err := parseEntry(entry)
		if err != nil {
			if fault.KindOf(err) != fault.Corrupt {
				t.Errorf("parseEntry = %v, want a corrupt one", err)
			}
			return
		}
		again, err := parseEntry(appendEntry(nil, records))
		if err != nil || text(again) != text(records) {
			t.Errorf("records %s became %s, %v", text(records), text(again), err)
		}
	})
}
