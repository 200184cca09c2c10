package shuffle

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"

	"github.com/sheafdata/sheaf/shuffle/block"
)

// TestMergesUseBuffersAgain merges rows that nearly fill a block, in many
// steps. Merges that decoded every block into new memory, as they once did,
// allocated more than they wrote, and a process beside other work grew
// far beyond its budget until the collector got to it.
func TestMergesUseBuffersAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: memory is measured by the long form, and without the race detector")
	}
	r := rand.New(rand.NewPCG(8, 31))
	p := newPlace(t, 1<<20, 0, block.None)
	var id int64
	rows := randomRows(r, "distinct", 120, 40, &id)
	for i := range rows {
		rows[i].row.Text, rows[i].row.Note = randomText(r, 150<<10), nil
	}
	env := p.env()
	w := NewSortWriter[item](env, 3, typeOf[item](t))
	writeAll(t, r, w, rows)
	before, spilled := allocated(), env.Spilled.Load()
	out := finish(t, w)
	wrote := env.Spilled.Load() - spilled + out.Bytes
	if got := allocated() - before; wrote < 40<<20 || got > uint64(wrote)/3 {
		t.Errorf("merges that wrote %d bytes allocated %d, want at most a third", wrote, got)
	}
	compare(t, "all rows", readSorted(t, p.env(), &plan.Partition{Outputs: []plan.MapOutput{out}}), sortModel([][]keyed{rows}, nil, nil))
}

// allocated is what the process has allocated so far, in bytes.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
