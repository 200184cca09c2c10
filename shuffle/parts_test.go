package shuffle

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/shuffle/block"
)

func ptr[T any](rows []T) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(rows)) }

// TestPartLevels checks that rows which agree in their bucket and in the parts
// of all levels above are still spread by the next level: otherwise an
// aggregation that does not fit its budget would write the same rows again and
// again.
func TestPartLevels(t *testing.T) {
	p := newPlace(t, 64<<20, 0, block.None)
	var list [][]byte
	for i := range 200_000 {
		key := fmt.Appendf(nil, "%d", i)
		if column.Bucket(column.HashKey(key), 256) == 77 {
			list = append(list, key)
		}
	}
	for level := 1; level <= PartLevels; level++ {
		parts := NewParts[int64](p.env(), level, typeOf[int64](t))
		var keys column.Keys
		for _, k := range list {
			keys.Add(k)
		}
		if err := parts.Write(&keys, make([]int64, len(list))); err != nil {
			t.Fatalf("Write: %v", err)
		}
		if err := parts.Finish(); err != nil {
			t.Fatalf("Finish: %v", err)
		}
		for part := range PartsPerLevel {
			n := 0
			err := parts.Read(t.Context(), part, func(keys *column.Keys, rows []int64) error {
				n += len(rows)
				return nil
			})
			if err != nil {
				t.Fatalf("Read(%d): %v", part, err)
			}
			if fair := len(list) / PartsPerLevel; n < fair/3 || n > 3*fair {
				t.Errorf("level %d: part %d has %d of %d rows of one bucket, want about %d", level, part, n, len(list), fair)
			}
		}
		parts.Close()
	}
}

func TestPartsEqualModel(t *testing.T) {
	for seed := range seeds() / 2 {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 2))
			kind := pick(r, kindNames()...)
			p := newPlace(t, pick(r, int64(0), 20<<10, 8<<20), 0, pick(r, block.None, block.S2))
			env := p.env()
			parts := NewParts[item](env, 1+r.IntN(PartLevels), typeOf[item](t))
			defer parts.Close()
			var id int64
			var all []keyed
			for range r.IntN(8) {
				rows := randomRows(r, kind, r.IntN(800), 60, &id)
				var keys column.Keys
				var items []item
				for _, row := range rows {
					keys.Add(row.key)
					items = append(items, row.row)
				}
				if err := parts.Write(&keys, items); err != nil {
					t.Fatalf("Write: %v", err)
				}
				all = append(all, rows...)
			}
			if err := parts.Finish(); err != nil {
				t.Fatalf("Finish: %v", err)
			}
			partOf := map[string]int{}
			seen := map[int64]int64{} // by id, the id read before it in its part
			for part := range PartsPerLevel {
				last := int64(0)
				err := parts.Read(t.Context(), part, func(keys *column.Keys, rows []item) error {
					for i, row := range rows {
						k := string(keys.At(i))
						if other, ok := partOf[k]; ok && other != part {
							t.Errorf("key %q is in parts %d and %d", k, other, part)
						}
						partOf[k] = part
						if row.ID <= last {
							t.Errorf("part %d: row %d comes after %d", part, row.ID, last)
						}
						if want := all[row.ID-1]; !bytes.Equal(want.key, keys.At(i)) || !want.row.equal(row) {
							t.Errorf("row %v with key %q, want %v with %q", row, k, want.row, want.key)
						}
						if _, doubled := seen[row.ID]; doubled {
							t.Errorf("row %d came twice", row.ID)
						}
						seen[row.ID], last = last, row.ID
					}
					return nil
				})
				if err != nil {
					t.Fatalf("Read(%d): %v", part, err)
				}
			}
			if len(seen) != len(all) {
				t.Errorf("%d rows came back of %d", len(seen), len(all))
			}
		})
	}
}
