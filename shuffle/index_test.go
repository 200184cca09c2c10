package shuffle

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/block"
)

// TestReadersKeepTheirPartOfIndexes reads a narrow range of keys out of outputs
// with long indexes. A reader that keeps the indexes whole, as it once did,
// holds megabytes for every hundred outputs that no budget knows of.
func TestReadersKeepTheirPartOfIndexes(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: memory is measured by the long form, and without the race detector")
	}
	p := newPlace(t, 8<<20, 0, block.S2)
	key := func(i int) []byte {
		return append(fmt.Appendf(nil, "%06d", i), bytes.Repeat([]byte("k"), indexKeyBytes)...)
	}
	const rows, outputs = 400, 20
	var outs []plan.MapOutput
	for n := range outputs {
		w := NewSortWriter[item](p.env(), 3, typeOf[item](t))
		for i := range rows {
			keys := column.ViewKey(key(i*outputs + n))
			row := item{Text: string(make([]byte, 33<<10))} // a block of its own
			if err := w.Write(&keys, unsafe.Pointer(&row), unsafe.Sizeof(row), 1); err != nil {
				t.Fatal(err)
			}
		}
		outs = append(outs, finish(t, w))
	}
	before := live()
	part := &plan.Partition{FromKey: key(outputs), ToKey: key(2 * outputs), Outputs: outs}
	err := ReadSorted(t.Context(), p.env(), part, typeOf[item](t), new(Count), func(m *Merge[item]) error {
		got, want := int64(live())-int64(before), int64(outputs*(readAhead+100<<10))
		if got > want {
			t.Errorf("a reader of %d outputs holds %d bytes, want at most %d: the blocks at hand", outputs, got, want)
		}
		n := 0
		for ; m.Next(); n++ {
		}
		if n != outputs {
			t.Errorf("%d rows, want %d", n, outputs)
		}
		return m.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// live is what the heap holds that is in use.
func live() uint64 {
	runtime.GC()
	runtime.GC() // what pools held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
