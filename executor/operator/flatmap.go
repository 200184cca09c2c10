package operator

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
		return &appendMapper[T, U]{fn: fn, out: out.(Receiver[U]), rows: t.ChunkRows}
	}}
}

type appendMapper[T, U any] struct {
	fn   func(dst []U, row T) []U
	out  Receiver[U]
	rows int // of a chunk, at about
	buf  []U
}

func (m *appendMapper[T, U]) Push(rows []T) error {
	for i := range rows {
		m.buf = m.fn(m.buf, rows[i])
		if len(m.buf) >= m.rows || i == len(rows)-1 && len(m.buf) > 0 {
			if err := m.out.Push(m.buf); err != nil {
				return err
			}
			m.buf = m.buf[:0]
		}
	}
	return nil
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
		f.emitter = newEmitter(t.Context, out.(Receiver[U]), t.ChunkRows)
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
	buf []U
	err error
}

func newEmitter[U any](ctx *Context, out Receiver[U], rows int) *emitter[U] {
	return &emitter[U]{ctx: ctx, out: out, buf: make([]U, 0, rows)}
}

func (e *emitter[U]) emit(row U) {
	e.buf = append(e.buf, row)
	if len(e.buf) == cap(e.buf) {
		e.push()
	}
}

func (e *emitter[U]) push() {
	if e.err == nil {
		e.err = e.ctx.Err()
	}
	if e.err == nil {
		e.err = e.out.Push(e.buf)
	}
	e.buf = e.buf[:0]
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
	if len(e.buf) > 0 {
		e.push()
	}
	return e.err
}
