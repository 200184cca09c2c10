// Package formattest is the conformance suite of file formats: whoever adds
// one calls Run in its test and has proved that however a file is cut,
// compressed, damaged or bounded, its rows come out once, in order, with their
// places, or an error names the file. It owns no goroutine.
package formattest

import (
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/sheafdata/sheaf/internal/graph"
)

// Suite describes a format to Run. Source, Suffix and Samples are required.
type Suite struct {
	// Source returns the format's source over an input.
	Source func(input string) graph.Source
	// Suffix ends the names of the format's plain files: ".txt".
	Suffix string
	// Samples are files and what is in them. Short ones (up to some hundred
	// bytes) are cut at every place; give odd ones. The first is to be short:
	// it is the one that is damaged bit by bit.
	Samples []Sample
	// Random returns a small random file; nil if there is none to give.
	Random func(rng *rand.Rand) Sample
	// Long returns a file of several rows of which one, not the first, has n
	// bytes as MaxRowBytes counts them, and the others fewer than 100; nil if
	// rows have no length of their own.
	Long func(n int) Sample
	// Write writes rows, given as Render shows them, in a compression ("",
	// "gzip", "zstd") and returns the suffix of such files; nil if the format
	// is only read.
	// WriteRows does most of it.
	Write func(w io.Writer, rows []string, compression string) (suffix string, err error)
	// Render shows every row of a batch; nil shows the first column, which is
	// one of strings or binaries.
	Render func(batch arrow.Record) []string
	// Bad returns a random file in which some rows cannot be decoded, and where
	// those begin: the sample holds the others. It is nil where any row can be, or
	// where nobody knows the end of such a row.
	Bad func(rng *rand.Rand) (sample Sample, bad []int64)
	// SuffixOnly says that files are decompressed by their names alone.
	SuffixOnly bool
}

// Sample is the content of a file and the rows in it.
type Sample struct {
	Name    string
	Data    []byte
	Rows    []string // as Render shows them
	Offsets []int64  // where each row begins in Data
	OneWay  bool     // no writer could write Rows so that they are read back
}

// Run runs the whole suite.
func Run(t *testing.T, s Suite) {
	if s.Render == nil {
		s.Render = renderFirst
	}
	t.Run("splits", s.testSplits)
	t.Run("random", s.testRandom)
	t.Run("batches", s.testBatches)
	t.Run("long rows", s.testLongRows)
	t.Run("row limit", s.testRowLimit)
	t.Run("several files", s.testSeveralFiles)
	t.Run("changed file", s.testChangedFile)
	t.Run("compressed", s.testCompressed)
	t.Run("damaged", s.testDamaged)
	t.Run("misnamed", s.testMisnamed)
	t.Run("write", s.testWrite)
	RunBad(t, s)
}

// renderFirst shows the first column.
func renderFirst(batch arrow.Record) []string {
	rows := make([]string, batch.NumRows())
	for i := range rows {
		switch c := batch.Column(0).(type) {
		case *array.String:
			rows[i] = c.Value(i)
		case *array.Binary:
			rows[i] = string(c.Value(i))
		default:
			panic(fmt.Sprintf("the first column is a %T: set Suite.Render", c))
		}
	}
	return rows
}

// seeded returns a random source whose seed stands in the test's log.
func seeded(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
