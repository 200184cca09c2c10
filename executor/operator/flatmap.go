package operator

import "github.com/sheafdata/sheaf/internal/column"

// Emit takes one row that a user function gives.
type Emit[U any] func(U)

// FlatMap returns the operator that gives every row that fn emits.
func FlatMap[T, U any](edge *Edge, fn func(T, Emit[U])) *Fused {
	return flatMapping(edge, func(_ *Context, in []T, emit Emit[U]) error {
		for i := range in {
			fn(in[i], emit)
		}
		return nil
	})
}

// TryFlatMap is FlatMap for a function that may fail.
func TryFlatMap[T, U any](edge *Edge, fn func(*Context, T, Emit[U]) error) *Fused {
	return flatMapping(edge, func(ctx *Context, in []T, emit Emit[U]) error {
		for i := range in {
			if err := fn(ctx, in[i], emit); err != nil {
				return userError(err)
			}
		}
		return nil
	})
}

// AppendMap is FlatMap for a function that appends what it gives to dst: where
// a row gives many small rows, that saves a call for each.
func AppendMap[T, U any](edge *Edge, fn func(dst []U, row T) []U) *Fused {
	return &Fused{Edge: edge, Attach: func(t *Task, out any) any {
		return &appendMapper[T, U]{fn: fn, out: out.(Receiver[U]), typ: edge.typ, rows: t.ChunkRows}
	}}
}

type appendMapper[T, U any] struct {
	fn   func(dst []U, row T) []U
	out  Receiver[U]
	typ  *column.Type // of U
	rows int          // of a chunk, at about
	buf  []U
	// seen are the rows of buf that are measured, bytes their size.
	seen  int
	bytes int64
}

func (m *appendMapper[T, U]) Push(rows []T) error {
	for i := range rows {
		m.buf = m.fn(m.buf, rows[i])
		if len(m.buf) >= m.rows || m.large(i) || i == len(rows)-1 && len(m.buf) > 0 {
			if err := m.out.Push(m.buf); err != nil {
				return err
			}
			if m.bytes >= chunkBytes {
				clear(m.buf)
			}
			m.buf, m.seen, m.bytes = m.buf[:0], 0, 0
		}
	}
	return nil
}

// large reports, after input row i, whether what it and those before it gave is
// enough for a chunk; now and then it looks.
func (m *appendMapper[T, U]) large(i int) bool {
	if i%unseenRows != 0 {
		return false
	}
	m.bytes += sizeOf(m.typ, m.buf[m.seen:])
	m.seen = len(m.buf)
	return m.bytes >= chunkBytes
}

func (m *appendMapper[T, U]) Close() error { return m.out.Close() }

// FlatMapPairs is FlatMap for a function that emits keys and values.
func FlatMapPairs[T, K, V any](edge *Edge, fn func(T, func(K, V))) *Fused {
	return flatMapping(edge, func(_ *Context, in []T, emit Emit[KV[K, V]]) error {
		pair := func(key K, value V) { emit(KV[K, V]{key, value}) }
		for i := range in {
			fn(in[i], pair)
		}
		return nil
	})
}

func flatMapping[T, U any](edge *Edge, each func(*Context, []T, Emit[U]) error) *Fused {
	return &Fused{Edge: edge, Attach: func(t *Task, out any) any {
		f := &flatMapper[T, U]{ctx: t.Context, each: each}
		f.emitter = newEmitter(t.Context, out.(Receiver[U]), edge.typ, t.ChunkRows)
		f.emit = f.emitter.emit
		return f
	}}
}

type flatMapper[T, U any] struct {
	ctx     *Context
	each    func(*Context, []T, Emit[U]) error
	emitter *emitter[U]
	emit    Emit[U]
}

func (f *flatMapper[T, U]) Push(rows []T) error {
	return f.emitter.flush(f.each(f.ctx, rows, f.emit))
}

func (f *flatMapper[T, U]) Close() error { return f.emitter.out.Close() }

// emitter collects emitted rows into chunks for a receiver. A user function
// cannot stop at an error of the receiver, so the first one is kept, what is
// emitted after it is dropped, and flush reports it. A canceled attempt is such
// an error: one row may emit without end.
type emitter[U any] struct {
	ctx *Context
	out Receiver[U]
	buf chunk[U]
	err error
}

func newEmitter[U any](ctx *Context, out Receiver[U], typ *column.Type, rows int) *emitter[U] {
	return &emitter[U]{ctx: ctx, out: out, buf: newChunk[U](typ, rows)}
}

func (e *emitter[U]) emit(row U) {
	if e.buf.add(row) {
		e.push()
	}
}

func (e *emitter[U]) push() {
	if e.err == nil {
		e.err = e.ctx.Err()
	}
	if e.err == nil {
		e.err = e.out.Push(e.buf.rows)
	}
	e.buf.reset()
}

// flush hands on what is left, unless the user function failed with err. The
// receiver's own error comes first: it may have led to the other. Nothing is
// held back between two Push calls of an operator, so that a failure is always
// about a row of the Push at hand.
func (e *emitter[U]) flush(err error) error {
	if e.err != nil {
		return e.err
	}
	if err != nil {
		return err
	}
	if len(e.buf.rows) > 0 {
		e.push()
	}
	return e.err
}
