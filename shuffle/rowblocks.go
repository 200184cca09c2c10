package shuffle

import (
	"bytes"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
)

// RowBlocks encodes rows without keys as blocks in memory: results on their
// way to the driver. One goroutine uses it.
type RowBlocks[V any] struct {
	env    *Env
	buf    *buffer[V]
	writer blockWriter
	keys   column.Keys
	done   [][]byte
	bytes  int64
}

// NewRowBlocks returns an empty encoder; typ is the type of V.
func NewRowBlocks[V any](env *Env, typ *column.Type) *RowBlocks[V] {
	return &RowBlocks[V]{env: env, buf: newBuffer[V](typ, env.Budget, "collect"), writer: newBlockWriter(env)}
}

// Add encodes rows.
func (r *RowBlocks[V]) Add(rows []V) error {
	if len(rows) == 0 || r.env.Discard {
		return nil
	}
	r.keys.Reset()
	for range rows {
		r.keys.Add(nil)
	}
	if err := r.buf.add(&r.keys, unsafe.Pointer(&rows[0]), unsafe.Sizeof(rows[0]), len(rows)); err != nil {
		return err
	}
	if r.buf.bytes() < blockBytes {
		return nil
	}
	return r.flush()
}

func (r *RowBlocks[V]) flush() error {
	err := blocks(&r.writer, r.buf, r.buf.inOrder(), func(stored []byte, _ int, _ []uint32) error {
		r.done = append(r.done, bytes.Clone(stored))
		r.bytes += int64(len(stored))
		r.buf.held.Must(int64(len(stored)))
		return nil
	})
	r.buf.workspace.reset()
	return err
}

// Bytes is the size of the rows held.
func (r *RowBlocks[V]) Bytes() int64 { return r.bytes + r.buf.bytes() }

// Finish returns the blocks.
func (r *RowBlocks[V]) Finish() ([][]byte, error) {
	err := r.flush()
	r.buf.release()
	return r.done, err
}

// Abort frees what the encoder holds.
func (r *RowBlocks[V]) Abort() { r.buf.release() }

// DecodeRowBlocks gives the rows of blocks that RowBlocks made. use may keep
// the strings inside rows, but not the slice.
func DecodeRowBlocks[V any](typ *column.Type, blocks [][]byte, use func(rows []V) error) error {
	r := newBlockReader[V](typ)
	var c chunk[V]
	for _, b := range blocks {
		if _, err := r.decode(b, &c); err != nil {
			return err
		}
		if err := use(c.rows); err != nil {
			return err
		}
	}
	return nil
}
