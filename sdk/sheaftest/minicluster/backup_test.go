package minicluster_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
	"github.com/sheafdata/sheaf/sdk/sheaftest"
	"github.com/sheafdata/sheaf/sdk/sheaftest/minicluster"
)

// slowed is a job in which the first attempt at the row "slow" never ends by
// itself: it stands for a machine that has nearly stopped.
var slowed = sdk.Define("slowed", func(p *sdk.Pipeline, a wordArgs) error {
	lines := sdk.MapErr(text.Read(p, a.Input), func(ctx *sdk.Context, line string) (string, error) {
		if line != "slow" {
			return line, nil
		}
		first := filepath.Join(filepath.Dir(a.Output), "first")
		f, err := os.OpenFile(first, os.O_CREATE|os.O_EXCL, 0o600)
		if os.IsExist(err) {
			return line, nil
		}
		if err != nil {
			return line, err
		}
		f.Close()
		<-ctx.Done()
		return line, os.WriteFile(first+".canceled", nil, 0o600)
	})
	text.Write(sdk.Sort(lines), a.Output)
	return nil
})

// TestBackup waits for a task that only its backup finishes.
func TestBackup(t *testing.T) {
	t.Parallel()
	c := minicluster.New(t, minicluster.Options{SplitBytes: 1 << 10})
	dir := t.TempDir()
	want := []string{"slow"}
	for i := range 14 {
		line := fmt.Sprintf("quick %02d", i)
		if i == 7 {
			line = "slow"
		} else {
			want = append(want, line)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i, ".txt")), []byte(line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(want)
	a := wordArgs{Input: filepath.Join(dir, "*.txt"), Output: filepath.Join(dir, "out")}
	minicluster.Run(t, c, slowed, a)
	if got := sheaftest.Lines(t, a.Output); !slices.Equal(got, want) {
		t.Errorf("the job wrote %q, want %q", got, strings.Join(want, " "))
	}
	for end := time.After(10 * time.Second); !exists(filepath.Join(dir, "first.canceled")); {
		select {
		case <-end:
			t.Fatal("the attempt that lost was not canceled")
		case <-time.After(5 * time.Millisecond):
		}
	}
}
