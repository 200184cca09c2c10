package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/golden"
	"github.com/sheafdata/sheaf/sdk/sheaftest"
)

func TestGolden(t *testing.T) {
	for _, test := range []struct{ name, pattern, want string }{
		{"a word", `\bsheaf\b`, "testdata/sheaf.txt"},
		{"every line", ``, "testdata/every.txt"},
		{"no line", `nowhere`, "testdata/none.txt"},
	} {
		t.Run(test.name, func(t *testing.T) {
			lines := sheaftest.Run(t, grep, Args{Pattern: test.pattern, Input: "testdata/books", Output: filepath.Join(t.TempDir(), "matches")})
			golden.CheckLines(t, test.want, lines)
		})
	}
}

// TestNumbersAcrossSplits checks line numbers in a file that is longer than one
// task gets, and the order of the matches.
func TestNumbersAcrossSplits(t *testing.T) {
	const lines = 200_000
	var b strings.Builder
	want := []string{}
	in := filepath.Join(t.TempDir(), "long.txt")
	for i := 1; i <= lines; i++ {
		if i%50_000 == 0 {
			b.WriteString("a needle\n")
		} else {
			b.WriteString("hay hay hay\n")
		}
	}
	for _, number := range []string{"50000", "100000", "150000", "200000"} {
		want = append(want, in+":"+number+":a needle")
	}
	if err := os.WriteFile(in, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	got := sheaftest.Run(t, grep, Args{Pattern: "needle", Input: in, Output: filepath.Join(t.TempDir(), "matches")})
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("matches are\n%s\nwant\n%s", g, w)
	}
}
