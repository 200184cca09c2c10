package operator

// Filter returns the operator that gives the rows for which keep is true.
func Filter[T any](edge *Edge, keep func(T) bool) *Fused {
	return filtering(edge, func(_ *Context, in []T, sel []int32) (int, error) {
		n := 0
		for i := range in {
			// Written always, so that there is no jump to predict.
			sel[n] = int32(i)
			if keep(in[i]) {
				n++
			}
		}
		return n, nil
	})
}

// TryFilter is Filter for a function that may fail.
func TryFilter[T any](edge *Edge, keep func(*Context, T) (bool, error)) *Fused {
	return filtering(edge, func(ctx *Context, in []T, sel []int32) (int, error) {
		n := 0
		for i := range in {
			sel[n] = int32(i)
			ok, err := keep(ctx, in[i])
			if err != nil {
				return 0, userError(err)
			}
			if ok {
				n++
			}
		}
		return n, nil
	})
}

// selected is a receiver that takes the rows of a slice that sel numbers, in
// that order: what a filter keeps is then not copied.
type selected[T any] interface {
	PushSelected(rows []T, sel []int32) error
}

// filtering returns the operator that gives the rows whose numbers pick writes
// to sel, which has room for all; it returns how many.
func filtering[T any](edge *Edge, pick func(ctx *Context, in []T, sel []int32) (int, error)) *Fused {
	return &Fused{Edge: edge, Attach: func(t *Task, out any) any {
		f := &filter[T]{ctx: t.Context, pick: pick, out: out.(Receiver[T]), sel: make([]int32, t.ChunkRows)}
		if f.selected, _ = out.(selected[T]); f.selected == nil {
			f.buf = make([]T, 0, t.ChunkRows)
		}
		return f
	}}
}

type filter[T any] struct {
	ctx      *Context
	pick     func(ctx *Context, in []T, sel []int32) (int, error)
	out      Receiver[T]
	selected selected[T] // out, if it can
	sel      []int32
	buf      []T
}

func (f *filter[T]) Push(rows []T) error {
	for len(rows) > 0 {
		n := min(len(rows), len(f.sel))
		kept, err := f.pick(f.ctx, rows[:n], f.sel)
		if err != nil {
			return err
		}
		if err := f.push(rows[:n], f.sel[:kept]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// push hands on the selected rows.
func (f *filter[T]) push(rows []T, sel []int32) error {
	switch {
	case len(sel) == 0:
		return nil
	case len(sel) == len(rows):
		return f.out.Push(rows)
	case f.selected != nil:
		return f.selected.PushSelected(rows, sel)
	}
	kept := f.buf[:0]
	for _, i := range sel {
		kept = append(kept, rows[i])
	}
	err := f.out.Push(kept)
	if len(rows) <= unseenRows {
		clear(kept) // few rows may be large ones, as in scanner
	}
	return err
}

func (f *filter[T]) Close() error { return f.out.Close() }
