package jsonl_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/jsonl"
)

// What is wrong with types and options fails the job before it runs, at the
// place of the call.
func TestWrongArgumentsFailTheJob(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		build func(p *sdk.Pipeline)
		want  string
	}{
		"type to read": {func(p *sdk.Pipeline) {
			type quoted struct {
				N int `json:",string"`
			}
			jsonl.Write(jsonl.Read[quoted](p, dir), filepath.Join(dir, "out"))
		}, `field N: the json option "string" is not supported`},
		"type without columns": {func(p *sdk.Pipeline) {
			jsonl.Write(sdk.Map(jsonl.Read[map[string]int](p, dir), func(m map[string]int) int { return len(m) }), filepath.Join(dir, "out"))
		}, "cannot be stored in a column"},
		"options": {func(p *sdk.Pipeline) {
			jsonl.Write(sdk.Values(p, 1), filepath.Join(dir, "out"), jsonl.WriteOptions{Compression: "lzma"})
		}, `compression "lzma" is not known`},
	} {
		t.Run(name, func(t *testing.T) {
			job := sdk.Define("wrong", func(p *sdk.Pipeline, _ struct{}) error { c.build(p); return nil })
			_, err := sdk.Run(context.Background(), job, struct{}{})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "job_test.go") {
				t.Errorf("Run: error %v, want one with %q and this file", err, c.want)
			}
		})
	}
}
