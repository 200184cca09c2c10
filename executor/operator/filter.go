package operator

// Filter returns the operator that gives the rows for which keep is true.
func Filter[T any](edge *Edge, keep func(T) bool) *Fused {
	return filtering(edge, func(_ *Context, in, out []T) ([]T, error) {
		for i := range in {
			if keep(in[i]) {
				out = append(out, in[i])
			}
		}
		return out, nil
	})
}

// TryFilter is Filter for a function that may fail.
func TryFilter[T any](edge *Edge, keep func(*Context, T) (bool, error)) *Fused {
	return filtering(edge, func(ctx *Context, in, out []T) ([]T, error) {
		for i := range in {
			ok, err := keep(ctx, in[i])
			if err != nil {
				return nil, userError(err)
			}
			if ok {
				out = append(out, in[i])
			}
		}
		return out, nil
	})
}

// filtering returns the operator that appends to out what it wants of in.
func filtering[T any](edge *Edge, pick func(ctx *Context, in, out []T) ([]T, error)) *Fused {
	return &Fused{Edge: edge, Attach: func(t *Task, out any) any {
		return &filter[T]{ctx: t.Context, pick: pick, out: out.(Receiver[T]), buf: make([]T, 0, t.ChunkRows)}
	}}
}

type filter[T any] struct {
	ctx  *Context
	pick func(ctx *Context, in, out []T) ([]T, error)
	out  Receiver[T]
	buf  []T
}

func (f *filter[T]) Push(rows []T) error {
	for len(rows) > 0 {
		n := min(len(rows), cap(f.buf))
		kept, err := f.pick(f.ctx, rows[:n], f.buf[:0])
		if err != nil {
			return err
		}
		rows = rows[n:]
		if len(kept) == 0 {
			continue
		}
		if err := f.out.Push(kept); err != nil {
			return err
		}
		if n <= unseenRows {
			clear(kept) // few rows may be large ones, as in scanner
		}
	}
	return nil
}

func (f *filter[T]) Close() error { return f.out.Close() }
