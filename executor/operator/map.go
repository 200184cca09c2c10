package operator

import "github.com/sheafdata/sheaf/internal/column"

// Map returns the operator that gives fn's result for every row.
func Map[T, U any](edge *Edge, fn func(T) U) *Fused {
	return mapping(edge, func(_ *Context, in []T, sel []int32, out []U) error {
		if sel != nil {
			for i, row := range sel {
				out[i] = fn(in[row])
			}
			return nil
		}
		for i := range in {
			out[i] = fn(in[i])
		}
		return nil
	})
}

// TryMap is Map for a function that may fail.
func TryMap[T, U any](edge *Edge, fn func(*Context, T) (U, error)) *Fused {
	return mapping(edge, func(ctx *Context, in []T, sel []int32, out []U) error {
		for i := range out {
			row := i
			if sel != nil {
				row = int(sel[i])
			}
			var err error
			if out[i], err = fn(ctx, in[row]); err != nil {
				return userError(err)
			}
		}
		return nil
	})
}

// mapping returns the operator that fills out, chunk by chunk, from the rows of
// in that sel numbers, or from all if sel is nil: as many as out has.
func mapping[T, U any](edge *Edge, fill func(ctx *Context, in []T, sel []int32, out []U) error) *Fused {
	return &Fused{Edge: edge, Attach: func(t *Task, out any) any {
		return &mapper[T, U]{ctx: t.Context, fill: fill, out: out.(Receiver[U]), typ: edge.typ, buf: make([]U, t.ChunkRows), step: 1}
	}}
}

type mapper[T, U any] struct {
	ctx  *Context
	fill func(*Context, []T, []int32, []U) error
	out  Receiver[U]
	typ  *column.Type // of U
	buf  []U
	step int // rows that are mapped at once: their results are about chunkBytes at most
}

func (m *mapper[T, U]) Push(rows []T) error {
	for len(rows) > 0 {
		n := min(len(rows), m.step)
		if err := m.push(rows[:n], nil, n); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// PushSelected implements selected.
func (m *mapper[T, U]) PushSelected(rows []T, sel []int32) error {
	for len(sel) > 0 {
		n := min(len(sel), m.step)
		if err := m.push(rows, sel[:n], n); err != nil {
			return err
		}
		sel = sel[n:]
	}
	return nil
}

// push maps n rows and hands the results on.
func (m *mapper[T, U]) push(rows []T, sel []int32, n int) error {
	if err := m.fill(m.ctx, rows, sel, m.buf[:n]); err != nil {
		return err
	}
	if err := m.out.Push(m.buf[:n]); err != nil {
		return err
	}
	m.adapt(n)
	return nil
}

// adapt sets step by the size of the n results at hand. It grows by unseenRows
// times at most, for the next ones may be larger.
func (m *mapper[T, U]) adapt(n int) {
	size := sizeOf(m.typ, m.buf[:n])
	m.step = int(min(max(chunkBytes/(size/int64(n)+1), 1), int64(n)*unseenRows, int64(len(m.buf))))
	if size >= chunkBytes {
		clear(m.buf[:n]) // or they would be kept until as many others came
	}
}

func (m *mapper[T, U]) Close() error { return m.out.Close() }
