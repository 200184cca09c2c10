package format

import (
	"io"

	"github.com/sheafdata/sheaf/internal/graph"
)

// OrBroken returns f or, if there is an error, a format that writes nothing:
// err says what is wrong with the arguments of a constructor, for functions that
// have no error result. Its method Err lets whoever builds the graph report that
// before anything runs.
func OrBroken[T any](name string, f graph.Format[T], err error) graph.Format[T] {
	if err != nil {
		return &broken[T]{name, err}
	}
	return f
}

type broken[T any] struct {
	name string
	err  error
}

// Name implements graph.Format.
func (b *broken[T]) Name() string { return b.name }

// Suffix implements graph.Format.
func (b *broken[T]) Suffix() string { return "" }

// Err returns what is wrong with the format.
func (b *broken[T]) Err() error { return b.err }

// NewWriter implements graph.Format.
func (b *broken[T]) NewWriter(io.Writer) (graph.RowWriter[T], error) { return nil, b.err }
