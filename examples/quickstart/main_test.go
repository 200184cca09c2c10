package main

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/sheafdata/sheaf/sdk/sheaftest"
)

func TestWordCount(t *testing.T) {
	got := sheaftest.Run(t, wordcount, Args{
		Input:  "testdata/*.txt",
		Output: filepath.Join(t.TempDir(), "counts"),
	})
	slices.Sort(got) // counts come in no order
	want := []string{"be\t2", "not\t1", "or\t1", "to\t2"}
	if !slices.Equal(got, want) {
		t.Errorf("wordcount(testdata) = %q, want %q", got, want)
	}
}
