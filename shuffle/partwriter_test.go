package shuffle

import (
	"math/rand/v2"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/block"
)

// TestPlacesAreDigested holds that map outputs of the same rows have other digests
// when rows go elsewhere: to other parts, or, in a sequence, in another order. A
// reader that is done would else keep rows that others read again.
func TestPlacesAreDigested(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	id := int64(0)
	rows := randomRows(r, kindNames()[0], 20, 10, &id)
	digest := func(w rowWriter, key func(i int) []byte, order func(i int) int) string {
		moved := make([]keyed, len(rows))
		for i := range moved {
			moved[i] = keyed{key(i), rows[order(i)].row}
		}
		writeAll(t, r, w, moved)
		return finish(t, w).RowDigest
	}
	as := func(i int) int { return i }
	back := func(i int) int { return len(rows) - 1 - i }
	parts := func(shift int) string {
		p := newPlace(t, 1<<20, 1<<20, block.S2)
		return digest(NewPartWriter[item](p.env(), 0, 4, typeOf[item](t)), func(i int) []byte { return plan.AppendPartKey(nil, (i+shift)%4) }, as)
	}
	if first, again, other := parts(0), parts(0), parts(1); first != again || first == other {
		t.Errorf("digests of parts %s, again %s and, of others, %s", first, again, other)
	}
	sequence := func(order func(int) int) string {
		p := newPlace(t, 1<<20, 1<<20, block.S2)
		w := NewSequenceWriter[item](p.env(), 0, typeOf[item](t))
		return digest(w, func(i int) []byte { return plan.AppendSequenceKey(nil, plan.TaskID{}, int64(i)) }, order)
	}
	if first, again, other := sequence(as), sequence(as), sequence(back); first != again || first == other {
		t.Errorf("digests in order %s, again %s and in another %s", first, again, other)
	}
}
