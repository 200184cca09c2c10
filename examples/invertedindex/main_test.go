package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/sdk/sheaftest"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

func TestGolden(t *testing.T) {
	const path = "testdata/index.txt"
	// Words and files are sorted, so the lines have one order.
	lines := sheaftest.Run(t, invertedindex, Args{Input: "testdata/books", Output: filepath.Join(t.TempDir(), "index")})
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
