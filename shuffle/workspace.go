package shuffle

import (
	"math/bits"
	"sync"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// workspace is the memory in which a writer collects, orders and digests rows.
// It goes from task to task: growing tens of megabytes anew, by doubling and
// page by page, took a third of the CPU time of a sort. What nobody uses, the
// garbage collector takes away.
type workspace struct {
	keys   column.Keys
	rows   *column.Builder
	number []uint16 // bucket of every row
	order  []uint32 // of rows on their way out
	hashes []uint64 // of rows, for digests
	sort   column.SortScratch
}

// workspaces holds a *sync.Pool for every *column.Type: a builder belongs to
// its type.
var workspaces sync.Map

// getWorkspace returns an empty workspace that holds at most limit bytes: one
// that a larger budget let grow would be a burden on this one.
func getWorkspace(typ *column.Type, limit int64) *workspace {
	if pool, ok := workspaces.Load(typ); ok {
		if w, ok := pool.(*sync.Pool).Get().(*workspace); ok && w.rows.Cap()+w.keys.Bytes() <= limit {
			return w
		}
	}
	return &workspace{rows: column.NewBuilder(typ)}
}

func putWorkspace(typ *column.Type, w *workspace) {
	w.reset()
	pool, ok := workspaces.Load(typ)
	if !ok {
		pool, _ = workspaces.LoadOrStore(typ, new(sync.Pool))
	}
	pool.(*sync.Pool).Put(w)
}

// reset forgets the rows and keeps the memory.
func (w *workspace) reset() {
	w.keys.Reset()
	w.rows.Reset()
	w.number = w.number[:0]
}

// inOrder makes order that in which the rows stand.
func (w *workspace) inOrder() []uint32 {
	w.order = w.order[:0]
	for i := range uint32(w.keys.Len()) {
		w.order = append(w.order, i)
	}
	return w.order
}

// hashRows fills hashes with a hash of every row, key and payload. It goes
// through memory in order, before the rows are looked at in another.
func (w *workspace) hashRows() {
	w.hashes = w.rows.HashRows(w.hashes[:0])
	for i := range w.hashes {
		w.hashes[i] = rowHash(w.keys.At(i), w.hashes[i])
	}
}

// rowHash is the hash of a row by its key and the hash of its payload.
func rowHash(key []byte, payload uint64) uint64 {
	hi, lo := bits.Mul64(column.HashKey(key)^0x9e3779b97f4a7c15, payload|1)
	return hi ^ lo
}

// digestAll adds all rows to the segment's row digest. It goes through memory
// in order: by the order of a sort it took five times as long.
func (w *workspace) digestAll(seg *store.Segment) {
	w.hashRows()
	for _, h := range w.hashes {
		seg.Sum += h
		seg.Xor ^= h
	}
}

// digest is digestAll of some rows.
func (w *workspace) digest(seg *store.Segment, rows []uint32) {
	if len(rows) == w.keys.Len() {
		w.digestAll(seg)
		return
	}
	w.hashRows()
	for _, i := range rows {
		seg.Sum += w.hashes[i]
		seg.Xor ^= w.hashes[i]
	}
}
