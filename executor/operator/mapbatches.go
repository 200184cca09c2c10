package operator

import (
	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
)

// MapBatches returns the operator that gives fn's result for every batch. The
// result's columns must be those of typ; a nil result gives nothing.
func MapBatches(edge *Edge, typ *column.Type, fn func(*Context, arrow.Record) (arrow.Record, error)) *Fused {
	return &Fused{In: Batches, Out: Batches, Edge: edge, Attach: func(t *Task, out any) any {
		return &batchMapper{ctx: t.Context, typ: typ, fn: fn, out: out.(BatchReceiver)}
	}}
}

type batchMapper struct {
	ctx *Context
	typ *column.Type
	fn  func(*Context, arrow.Record) (arrow.Record, error)
	out BatchReceiver
}

func (m *batchMapper) PushBatch(rec arrow.Record) error {
	res, err := m.fn(m.ctx, rec)
	if err != nil {
		return userError(err)
	}
	if res == nil || res.NumRows() == 0 {
		return nil
	}
	if err := column.CheckSchema(m.typ, res.Schema()); err != nil {
		return fault.New(fault.Invalid, "MapBatches gave a batch that is not made of %v: %w", m.typ.Go, err)
	}
	return m.out.PushBatch(res)
}

func (m *batchMapper) Close() error { return m.out.Close() }

// userError marks an error that a user function returned. Its own kind, if it
// has one, is of no account: it may come out of another job that the function
// ran, and says nothing about this one.
func userError(err error) error {
	return &fault.Error{Kind: fault.User, Detail: fault.Detail(err), Err: err}
}
