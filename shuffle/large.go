package shuffle

import (
	"bytes"
	"fmt"
	"io"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/shuffle/block"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// A large row is one of which a task's budget holds few. It does not stand in
// buffers beside others: writers put it to disk at once, from where it stands,
// as a run of its own; merges leave it there until it is asked for; what only
// moves from file to file is copied in small pieces. Its block is not
// compressed, so that it can be read into the memory in which its strings stay.
const (
	// LeastLargeBytes is the size below which no row is large.
	LeastLargeBytes = 2 << 20
	largeShare      = 12 // of a task's budget
)

// LargeBytes is the size from which a row is large for a task with a budget.
func LargeBytes(budget int64) int64 { return max(budget/largeShare, LeastLargeBytes) }

func (e *Env) largeBytes() int64 {
	if e.LargeFrom > 0 {
		return e.LargeFrom
	}
	return LargeBytes(e.Budget.Limit())
}

// isLarge reports whether a block is one of a large row.
func (e *Env) isLarge(h block.Header) bool {
	return h.Rows == 1 && h.Codec == block.None && int64(h.RawBytes) >= e.largeBytes()
}

// EnterLarge waits until a large row may be taken into memory.
func (e *Env) EnterLarge(bytes int64) error {
	if e.Enter == nil {
		return nil
	}
	if err := e.Enter(bytes); err != nil {
		return &roomError{err}
	}
	return nil
}

// roomError is an error of making room for a row, for which what is read is not
// to blame.
type roomError struct{ err error }

// Error implements error.
func (e *roomError) Error() string { return fmt.Sprintf("make room for a large row: %v", e.err) }

// Unwrap returns the cause.
func (e *roomError) Unwrap() error { return e.err }

// LeaveLarge says that the large row is not used any more.
func (e *Env) LeaveLarge() {
	if e.Leave != nil {
		e.Leave()
	}
}

// large reports whether there may be large rows among those to be added.
func (b *buffer[V]) large(env *Env, keys *column.Keys, payload unsafe.Pointer, stride uintptr, n int) bool {
	return keys.Size()+b.typ.SizeRows(payload, stride, n) >= env.largeBytes()
}

// addRows is how a writer takes rows.
type addRows func(keys *column.Keys, payload unsafe.Pointer, stride uintptr, n int) error

// eachRow adds rows one by one: large ones by addLarge, others by add.
func eachRow[V any](b *buffer[V], env *Env, keys *column.Keys, payload unsafe.Pointer, stride uintptr, n int, add addRows, addLarge func(key []byte, row unsafe.Pointer) error) error {
	for i := range n {
		row, key := unsafe.Add(payload, uintptr(i)*stride), keys.At(i)
		var err error
		if one := column.ViewKey(key); b.large(env, &one, row, stride, 1) {
			err = addLarge(key, row)
		} else {
			err = add(&one, row, stride, 1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Spill writes what is in memory to disk and frees it.
func (w *SortWriter[V]) Spill() error {
	if err := w.spill(); err != nil {
		return err
	}
	w.buf.renew()
	return nil
}

// Spill writes what is in memory to disk and frees it.
func (w *HashWriter[V]) Spill() error {
	if err := w.b.spill(); err != nil {
		return err
	}
	w.b.buf.renew()
	return nil
}

// renew frees the memory of a buffer without rows, unless it is little.
func (b *buffer[V]) renew() {
	if b.rows.Cap()+b.keys.Bytes() > LeastLargeBytes {
		b.workspace = &workspace{rows: column.NewBuilder(b.typ)}
	}
}

// addLarge writes a large row as a run of its own. What came before goes to
// disk first: runs are in the order of their rows.
func (w *SortWriter[V]) addLarge(key []byte, row unsafe.Pointer) error {
	if err := w.spill(); err != nil {
		return err
	}
	r, err := w.spills.write(func(out io.Writer, offset int64) ([]store.Segment, error) {
		return writeLarge(out, offset, w.buf.rows, key, row)
	})
	if err != nil {
		return err
	}
	r.segments[0].FirstKey = indexKey(key)
	w.runs = append(w.runs, r)
	return nil
}

// addLarge writes a large row as a run of its own.
func (b *buckets[V]) addLarge(key []byte, row unsafe.Pointer) error {
	if err := b.spill(); err != nil {
		return err
	}
	r, err := b.spills.write(func(out io.Writer, offset int64) ([]store.Segment, error) {
		return writeLarge(out, offset, b.buf.rows, key, row)
	})
	if err != nil {
		return err
	}
	r.segments[0].Bucket = uint32(b.bucketOf(key))
	b.runs = append(b.runs, r)
	return nil
}

// writeLarge writes a row as a block to out, which stands at offset, and
// returns its segment. rows is an empty builder of the row's type.
func writeLarge(out io.Writer, offset int64, rows *column.Builder, key []byte, row unsafe.Pointer) ([]store.Segment, error) {
	var f column.RowFrame
	f.AppendKey(key)
	hash, err := rows.AppendRow(&f, row)
	if err != nil {
		return nil, err
	}
	size := int64(f.Len())
	if size > block.MaxRowBytes {
		return nil, rowTooLarge(size)
	}
	head, err := block.AppendHeader(nil, f.Pieces())
	if err != nil {
		return nil, err
	}
	if _, err := out.Write(head); err != nil {
		return nil, err
	}
	for _, p := range f.Pieces() {
		if _, err := out.Write(p); err != nil {
			return nil, err
		}
	}
	hash = rowHash(key, hash)
	return []store.Segment{{
		Offset: offset, StoredBytes: block.HeaderBytes + size, RawBytes: size, Rows: 1, Sum: hash, Xor: hash,
	}}, nil
}

func rowTooLarge(bytes int64) error {
	return fault.New(fault.Invalid, "a row of %s is larger than the shuffle takes (%s)",
		memory.FormatSize(bytes), memory.FormatSize(block.MaxRowBytes))
}

// indexKeyBytes bounds the keys in an index. It is far more than the bounds of
// partitions have (maxSampleBytes): to compare with those, more is not needed.
const indexKeyBytes = 1 << 10

// indexKey is as much of a key as an index holds.
func indexKey(key []byte) []byte { return bytes.Clone(key[:min(len(key), indexKeyBytes)]) }
