package shuffle

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/shuffle/block"
)

func TestRowBlocksRoundTrip(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 5))
			p := newPlace(t, pick(r, int64(0), 64<<20), 0, pick(r, block.None, block.S2, block.Zstd3))
			b := NewRowBlocks[item](p.env(), typeOf[item](t))
			var id int64
			var want []item
			for range r.IntN(9) {
				var rows []item
				for _, row := range randomRows(r, "empty", r.IntN(2000), pick(r, 0, 30, 1000), &id) {
					rows = append(rows, row.row)
				}
				if len(rows) > 5 && r.IntN(3) == 0 {
					rows[3].Text = randomText(r, 2<<20)
				}
				want = append(want, rows...)
				if err := b.Add(rows); err != nil {
					t.Fatalf("Add: %v", err)
				}
				clear(rows[:0])
			}
			blocks, err := b.Finish()
			if err != nil {
				t.Fatalf("Finish: %v", err)
			}
			var got []item
			err = DecodeRowBlocks(typeOf[item](t), blocks, func(rows []item) error {
				got = append(got, rows...)
				return nil
			})
			if err != nil {
				t.Fatalf("DecodeRowBlocks: %v", err)
			}
			if len(got) != len(want) {
				t.Fatalf("%d rows came back, want %d", len(got), len(want))
			}
			for i := range got {
				if !got[i].equal(want[i]) {
					t.Fatalf("row %d = %v, want %v", i, got[i], want[i])
				}
			}
			if len(blocks) > 0 {
				blocks[0][len(blocks[0])/2] ^= 1
				err := DecodeRowBlocks(typeOf[item](t), blocks, func([]item) error { return nil })
				if fault.KindOf(err) != fault.Corrupt {
					t.Errorf("DecodeRowBlocks of damage = %v, want kind Corrupt", err)
				}
			}
		})
	}
}
