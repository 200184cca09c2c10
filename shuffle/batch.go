package shuffle

import (
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/shuffle/block"
)

// buffer holds keyed rows in memory: the keys and, beside them, the columns of
// their payloads.
type buffer[V any] struct {
	*workspace
	typ  *column.Type
	held *memory.Reservation
	// floor is what the buffer may hold even when its budget refuses.
	floor int64
}

func newBuffer[V any](typ *column.Type, budget *memory.Budget, owner string) *buffer[V] {
	return &buffer[V]{
		workspace: getWorkspace(typ, budget.Limit()), typ: typ, held: budget.Reserve(owner),
		floor: min(floorBytes, budget.Limit()/floorShare),
	}
}

// add appends n rows: keys, and payloads that stand stride bytes apart.
func (b *buffer[V]) add(keys *column.Keys, payload unsafe.Pointer, stride uintptr, n int) error {
	if err := b.rows.Append(payload, stride, n); err != nil {
		return err
	}
	b.keys.Append(keys)
	return nil
}

func (b *buffer[V]) len() int { return b.keys.Len() }

// bytes is the size of the rows held.
func (b *buffer[V]) bytes() int64 { return b.keys.Size() + b.rows.Bytes() }

// full reserves what the buffer has grown to and reports whether it must be
// emptied. extra is memory a row that the emptying itself will need.
func (b *buffer[V]) full(extra int64) bool {
	size := b.bytes() + extra*int64(b.len())
	if size > bufferBytes {
		return true
	}
	if b.held.Set(size) {
		return false
	}
	if size <= b.floor {
		b.held.Must(size - b.held.Held())
		return false
	}
	return true
}

// reset forgets the rows. The memory is kept for the next ones; it is given
// back to the budget all the same, since the next rows reserve it again.
func (b *buffer[V]) reset() {
	b.workspace.reset()
	b.held.Set(0)
}

// release gives the memory back; the buffer is not used afterwards. Only the
// first call counts.
func (b *buffer[V]) release() {
	if b.workspace == nil {
		return
	}
	putWorkspace(b.typ, b.workspace)
	b.workspace = nil
	b.held.Release()
}

// blockWriter encodes selected rows of a buffer as blocks.
type blockWriter struct {
	encoder *block.Encoder
	size    int64 // of a block, at about
	frame   []byte
	out     []byte
}

func newBlockWriter(env *Env) blockWriter {
	return blockWriter{encoder: block.NewEncoder(env.Codec), size: env.blockBytes()}
}

// blocks cuts the selected rows of b into blocks and hands each, encoded, to
// emit together with the rows in it. Encoded bytes are valid until emit returns.
func blocks[V any](w *blockWriter, b *buffer[V], sel []uint32, emit func(stored []byte, rawBytes int, sel []uint32) error) error {
	if len(sel) == 0 {
		return nil
	}
	perBlock := int(w.size / max(b.bytes()/int64(b.len()), 1))
	for perBlock = max(perBlock, 1); len(sel) > 0; {
		n := min(perBlock, len(sel))
		if err := oneBlock(w, b, sel[:n], emit); err != nil {
			return err
		}
		sel = sel[n:]
	}
	return nil
}

// oneBlock encodes rows as one block, or, where they are larger than their
// average promised, as several.
func oneBlock[V any](w *blockWriter, b *buffer[V], sel []uint32, emit func([]byte, int, []uint32) error) error {
	w.frame = b.keys.AppendFrame(w.frame[:0], sel)
	w.frame = b.rows.AppendFrame(w.frame, sel)
	if len(w.frame) > block.MaxRawBytes && len(sel) > 1 {
		half := len(sel) / 2
		if err := oneBlock(w, b, sel[:half], emit); err != nil {
			return err
		}
		return oneBlock(w, b, sel[half:], emit)
	}
	if len(w.frame) > block.MaxRowBytes {
		return rowTooLarge(int64(len(w.frame)))
	}
	var err error
	if w.out, err = w.encoder.Append(w.out[:0], w.frame, len(sel)); err != nil {
		return err
	}
	return emit(w.out, len(w.frame), sel)
}

// chunk is a decoded block: keyed rows as Go values. Strings inside view
// memory that is never written again.
type chunk[V any] struct {
	keys column.Keys
	rows []V
}

// blockReader decodes blocks into chunks.
type blockReader[V any] struct {
	typ     *column.Type
	decoder *block.Decoder
	reuses  bool
	raw     []byte // the block before, if its memory is used again
}

func newBlockReader[V any](typ *column.Type) blockReader[V] {
	return blockReader[V]{typ: typ, decoder: block.NewDecoder()}
}

// reuse makes the reader decode into one buffer, raw to begin with: strings
// inside rows are then valid until the next block only.
func (r *blockReader[V]) reuse(raw []byte) { r.reuses, r.raw = true, raw }

// decode decodes the block at the beginning of stored into c, whose row slice
// it reuses, and returns the bytes behind the block.
func (r *blockReader[V]) decode(stored []byte, c *chunk[V]) (rest []byte, err error) {
	h, err := block.ReadHeader(stored)
	if err != nil {
		return nil, err
	}
	size := block.HeaderBytes + int(h.StoredBytes)
	if size > len(stored) {
		return nil, fault.New(fault.Corrupt, "block of %d bytes is cut off after %d", size, len(stored))
	}
	raw, h, err := r.decoder.Decode(r.raw, stored[:size])
	if err != nil {
		return nil, err
	}
	if r.reuses {
		r.raw = raw
	}
	return stored[size:], r.decodeRaw(raw, int(h.Rows), c)
}

// decodeRaw decodes the payload of a block of n rows into c; the rows keep raw.
func (r *blockReader[V]) decodeRaw(raw []byte, n int, c *chunk[V]) error {
	keys, frame, err := column.DecodeKeys(raw, n)
	if err != nil {
		return err
	}
	c.keys = keys
	return r.decodeRows(frame, n, c)
}

// decodeRows decodes a frame of n rows into c.
func (r *blockReader[V]) decodeRows(frame []byte, n int, c *chunk[V]) error {
	rec, err := column.DecodeFrame(r.typ, frame, n)
	if err != nil {
		return err
	}
	if cap(c.rows) < n {
		c.rows = make([]V, n)
	}
	c.rows = c.rows[:n]
	return column.ScanRows(r.typ, rec, 0, c.rows)
}
