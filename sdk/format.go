package sdk

import (
	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Read gives the rows of a source; formats call it. The source's columns must
// be those of T.
func Read[T any](p *Pipeline, src Source) Dataset[T] {
	at := caller()
	p.refuseBroken(at, src)
	typ := rowType[T](p, at)
	return add[T](p, &graph.Node{
		Role: graph.Input, Op: "Read", Detail: src.Name(), At: at, Type: typ,
		Impl: &operator.Input{Source: src, Edge: operator.EdgeOf[T](typ)},
	})
}

// Write writes rows as files of a format into a new directory; formats call
// it. All files become visible at once, when the whole job has succeeded.
func Write[T any](in Dataset[T], destination string, f Format[T]) {
	p, at := in.pipelineOf("Write")
	if destination == "" {
		p.failf(at, "Write needs a destination directory, but got an empty name")
	}
	p.refuseBroken(at, f)
	// A format that was given wrong options says so here, at the user's place.
	if broken, ok := f.(interface{ Err() error }); ok && broken.Err() != nil {
		p.graph.Fail(at, broken.Err())
	}
	p.graph.Add(&graph.Node{
		Role: graph.Output, Op: "Write", Detail: f.Name(), At: at, Inputs: in.inputs(),
		Destination: destination, Suffix: f.Suffix(), Impl: operator.Write(f),
	})
}

// refuseBroken reports what is wrong with the arguments of a format's
// constructor. Sources and formats whose constructors have no error result say
// so by a method Err.
func (p *Pipeline) refuseBroken(at graph.Position, format any) {
	if b, ok := format.(interface{ Err() error }); ok && b.Err() != nil {
		p.graph.Fail(at, b.Err())
	}
}

// The interfaces that formats implement.
type (
	// Source is where rows come from.
	Source = graph.Source
	// BatchReader reads the rows of one split.
	BatchReader = graph.BatchReader
	// ReadOptions bound what a reader gives at once.
	ReadOptions = graph.ReadOptions
	// Format writes rows of T as files.
	Format[T any] = graph.Format[T]
	// RowWriter writes the rows of one file.
	RowWriter[T any] = graph.RowWriter[T]
	// Split is what one task reads of a source.
	Split = plan.Split
)
