package main

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/sdk/sheaftest"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

func TestGolden(t *testing.T) {
	lines := sheaftest.Run(t, wordcount, Args{Input: "testdata/books", Output: filepath.Join(t.TempDir(), "counts")})
	slices.Sort(lines) // counts come in no order
	golden(t, "testdata/counts.txt", lines)
}

func golden(t *testing.T, path string, lines []string) {
	t.Helper()
	got := strings.Join(lines, "\n") + "\n"
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the job wrote\n%s\nwant (%s)\n%s", got, path, want)
	}
}

func Example_printTop() {
	_ = printTop([]count{{Key: "the", Value: 135023}, {Key: "sheaf", Value: 3}})
	// Output:
	//     135023  the
	//          3  sheaf
}
