package sdk_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/fixed"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

// TestFormatArguments holds that wrong arguments of a format are refused when
// the graph is built, by a message that names the user's file and line.
func TestFormatArguments(t *testing.T) {
	type nested struct{ Inner struct{ A int64 } }
	tests := []struct {
		name  string
		build func(p *sdk.Pipeline, dir string)
		want  string
	}{
		{"row that is no line", func(p *sdk.Pipeline, dir string) {
			text.Write(sdk.Values(p, nested{}), dir)
		}, "text.WriteFunc"},
		{"compression that does not exist", func(p *sdk.Pipeline, dir string) {
			text.Write(sdk.Values(p, "a"), dir, text.WriteOptions{Compression: "lz4"})
		}, `"lz4" is not known`},
		{"rows of no bytes written", func(p *sdk.Pipeline, dir string) {
			fixed.Write(sdk.Values(p, []byte("a")), dir, 0)
		}, "rows of 0 bytes"},
		{"rows of no bytes read", func(p *sdk.Pipeline, dir string) {
			fixed.Write(fixed.Read(p, "rows.bin", 0), dir, 1)
		}, "rows of 0 bytes"},
		{"no destination", func(p *sdk.Pipeline, _ string) {
			text.Write(sdk.Values(p, "a"), "")
		}, "needs a destination"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			job := sdk.Define("wrong", func(p *sdk.Pipeline, _ struct{}) error {
				test.build(p, filepath.Join(t.TempDir(), "out"))
				return nil
			})
			_, err := sdk.Run(context.Background(), job, struct{}{})
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "format_test.go:") {
				t.Errorf("Run(%s) = %v, want an error that says %q and names format_test.go", test.name, err, test.want)
			}
		})
	}
}
