package minicluster_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
	"github.com/sheafdata/sheaf/sdk/sheaftest"
	"github.com/sheafdata/sheaf/sdk/sheaftest/minicluster"
)

func TestMain(m *testing.M) { minicluster.Main(m, wordcount) }

type wordArgs struct{ Input, Output string }

var wordcount = sdk.Define("wordcount", func(p *sdk.Pipeline, a wordArgs) error {
	words := sdk.FlatMap(text.Read(p, a.Input), func(line string, emit sdk.Emit[string]) {
		for w := range sdk.Words(line) {
			emit(w)
		}
	})
	text.Write(sdk.Count(words), a.Output)
	return nil
})

func TestFirst(t *testing.T) {
	began := time.Now()
	c := minicluster.New(t)
	t.Log("started", time.Since(began))
	for range 2 {
		began = time.Now()
		out := filepath.Join(t.TempDir(), "out")
		res := minicluster.Run(t, c, wordcount, wordArgs{Input: "*.go", Output: out})
		t.Log("ran", time.Since(began), res)
		local := filepath.Join(t.TempDir(), "out")
		want := sheaftest.Run(t, wordcount, wordArgs{Input: "*.go", Output: local})
		if got := sheaftest.Lines(t, out); !slices.Equal(got, want) {
			t.Errorf("got %d lines, want %d", len(got), len(want))
		}
	}
}
