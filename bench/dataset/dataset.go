// Package dataset makes the data that the benchmarks read: the same bytes for
// the same kind and size on every run, from fixed seeds. It is called by the
// command generate and owns no goroutine.
package dataset

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Kind is a kind of data.
type Kind string

// The kinds, and what their sizes count.
const (
	// Text is words whose frequencies follow Zipf's law, lines of about 76
	// characters; its size is in bytes, and the last line goes beyond it. A
	// smaller text is the beginning of a larger one, but for its last line end.
	Text Kind = "text"
	// Sort is rows of 100 bytes with a random key of 10 printable characters,
	// as the sort benchmarks have them; its size is in rows. A smaller file is
	// the beginning of a larger one.
	Sort Kind = "sort"
	// Sales is CSV with a header, six key columns and three values, in the shape
	// of the H2O group-by benchmark; its size is in rows. The number of keys
	// grows with it, so that a smaller file is no beginning of a larger one.
	Sales Kind = "sales"
	// Distinct is lines of 20 bytes that are all different, in no order; its
	// size is in rows. A smaller file is the beginning of a larger one.
	Distinct Kind = "distinct"
	// Skew is lines of a key, a tab and a number, nine of ten with the same key;
	// its size is in rows. A smaller file is the beginning of a larger one.
	Skew Kind = "skew"
)

// makers write the kinds.
var makers = map[Kind]func(w *bufio.Writer, size int64){
	Text:     writeText,
	Sort:     writeSort,
	Sales:    writeSales,
	Distinct: writeDistinct,
	Skew:     writeSkew,
}

// Spec says which data: a kind and a size. It is written as "text:1048576".
type Spec struct {
	Kind Kind
	Size int64
}

// ParseSpec reads what String writes.
func ParseSpec(s string) (Spec, error) {
	kind, number, _ := strings.Cut(s, ":")
	size, err := strconv.ParseInt(number, 10, 64)
	if err != nil || size < 1 || makers[Kind(kind)] == nil {
		return Spec{}, fmt.Errorf("data %q: expected KIND:SIZE, for example %v", s, Spec{Text, 1 << 20})
	}
	return Spec{Kind(kind), size}, nil
}

func (s Spec) String() string { return fmt.Sprintf("%s:%d", s.Kind, s.Size) }

// File is the name of a file with this data.
func (s Spec) File() string {
	suffix := "txt"
	if s.Kind == Sales {
		suffix = "csv"
	}
	return fmt.Sprintf("%s-%d.%s", s.Kind, s.Size, suffix)
}

// Write writes the data.
func Write(w io.Writer, s Spec) error {
	write := makers[s.Kind]
	if write == nil || s.Size < 1 {
		return fmt.Errorf("there is no data %v", s)
	}
	// Errors of a bufio.Writer stick, so that Flush reports those of every write.
	buffered := bufio.NewWriterSize(w, 1<<20)
	write(buffered, s.Size)
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("write data %v: %w", s, err)
	}
	return nil
}
