package operator

// Map returns the operator that gives fn's result for every row.
func Map[T, U any](edge *Edge, fn func(T) U) *Fused {
	return mapping(edge, func(_ *Context, in []T, out []U) error {
		for i := range in {
			out[i] = fn(in[i])
		}
		return nil
	})
}

// TryMap is Map for a function that may fail.
func TryMap[T, U any](edge *Edge, fn func(*Context, T) (U, error)) *Fused {
	return mapping(edge, func(ctx *Context, in []T, out []U) error {
		for i := range in {
			var err error
			if out[i], err = fn(ctx, in[i]); err != nil {
				return userError(err)
			}
		}
		return nil
	})
}

// mapping returns the operator that fills out from in, chunk by chunk.
func mapping[T, U any](edge *Edge, fill func(ctx *Context, in []T, out []U) error) *Fused {
	return &Fused{Edge: edge, Attach: func(t *Task, out any) any {
		return &mapper[T, U]{ctx: t.Context, fill: fill, out: out.(Receiver[U]), buf: make([]U, t.ChunkRows)}
	}}
}

type mapper[T, U any] struct {
	ctx  *Context
	fill func(*Context, []T, []U) error
	out  Receiver[U]
	buf  []U
}

func (m *mapper[T, U]) Push(rows []T) error {
	for len(rows) > 0 {
		n := min(len(rows), len(m.buf))
		if err := m.fill(m.ctx, rows[:n], m.buf[:n]); err != nil {
			return err
		}
		if err := m.out.Push(m.buf[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

func (m *mapper[T, U]) Close() error { return m.out.Close() }
