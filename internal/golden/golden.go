// Package golden compares what a test got with a file that is kept beside it
// and reviewed with every change. It is for tests alone. The flag -rewrite of
// go test writes the files anew:
//
//	go test ./the/package -rewrite
//
// It owns no goroutine.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// Check compares got with the content of a golden file, and reports a
// difference as an error: lines for text, a dump for other bytes.
func Check[B string | []byte](t testing.TB, path string, got B) {
	t.Helper()
	if diff := difference(Content(t, path, got), []byte(got)); diff != "" {
		t.Errorf("output differs from %s (-want +got), rewrite with -rewrite:\n%s", path, diff)
	}
}

// CheckLines is Check of a text of lines, each of which gets its line end here.
func CheckLines(t testing.TB, path string, lines []string) {
	t.Helper()
	var text []byte
	for _, line := range lines {
		text = append(append(text, line...), '\n')
	}
	Check(t, path, text)
}

// Content returns the content of a golden file, after -rewrite has replaced it
// by got. It is for files that a test compares by rules of its own.
func Content[B string | []byte](t testing.TB, path string, got B) []byte {
	t.Helper()
	if *rewrite {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("golden file, made with -rewrite: %v", err)
	}
	return want
}

func difference(want, got []byte) string {
	if utf8.Valid(want) && utf8.Valid(got) {
		return cmp.Diff(string(want), string(got))
	}
	return cmp.Diff(want, got)
}
