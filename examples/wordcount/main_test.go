package main

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/sheafdata/sheaf/internal/golden"
	"github.com/sheafdata/sheaf/sdk/sheaftest"
)

func TestGolden(t *testing.T) {
	lines := sheaftest.Run(t, wordcount, Args{Input: "testdata/books", Output: filepath.Join(t.TempDir(), "counts")})
	slices.Sort(lines) // counts come in no order
	golden.CheckLines(t, "testdata/counts.txt", lines)
}

func Example_printTop() {
	_ = printTop([]count{{Key: "the", Value: 135023}, {Key: "sheaf", Value: 3}})
	// Output:
	//     135023  the
	//          3  sheaf
}
