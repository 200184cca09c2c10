package main

import (
	"path/filepath"
	"testing"

	"github.com/sheafdata/sheaf/internal/golden"
	"github.com/sheafdata/sheaf/sdk/sheaftest"
)

func TestGolden(t *testing.T) {
	// Words and files are sorted, so the lines have one order.
	lines := sheaftest.Run(t, invertedindex, Args{Input: "testdata/books", Output: filepath.Join(t.TempDir(), "index")})
	golden.CheckLines(t, "testdata/index.txt", lines)
}
