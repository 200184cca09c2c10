package minicluster_test

import (
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
	"github.com/sheafdata/sheaf/sdk/sheaftest/minicluster"
)

// shops groups lines by what stands before their first space.
var shops = sdk.Define("shops", func(p *sdk.Pipeline, a wordArgs) error {
	keyed := sdk.KeyBy(text.Read(p, a.Input), func(line string) string { shop, _, _ := strings.Cut(line, " "); return shop })
	sdk.Return(sdk.GroupByKey(keyed, func(shop string, lines iter.Seq[string], emit sdk.Emit[string]) { emit(shop) }), "shops")
	return nil
})

// shopping is a driver of shops.
var shopping = sdk.Drive("shopping", func(s *sdk.Session, a wordArgs) error {
	res, err := sdk.RunIn(s, shops, a)
	if err != nil {
		return err
	}
	return os.WriteFile(a.Output, []byte(res.HotKeys[0].Key), 0o600)
}, shops)

// TestHotKeys holds that a cluster names the hot keys of a job, and of the jobs of a
// driver, as local mode does.
func TestHotKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := wordArgs{Input: filepath.Join(dir, "in.txt"), Output: filepath.Join(dir, "out")}
	r := rand.New(rand.NewPCG(3, 3))
	var b strings.Builder
	for i := range 2400 {
		line := make([]byte, 1<<10)
		for k := range line {
			line[k] = byte('0' + r.IntN(64))
		}
		shop := "mall"
		if i%4 == 0 {
			shop = string(line[:12])
		}
		b.WriteString(shop + " " + string(line) + "\n")
	}
	write(t, a.Input, b.String())
	c := minicluster.New(t, minicluster.Options{Executors: 2, SplitBytes: 1 << 20})
	res := minicluster.Run(t, c, shops, a)
	if len(res.HotKeys) != 1 || res.HotKeys[0].Key != `"mall"` || res.HotKeys[0].Rows != 1800 || !strings.HasPrefix(res.HotKeys[0].At, "minicluster/hotkeys_test.go:") {
		t.Fatalf("HotKeys = %+v, want the mall with 1800 rows", res.HotKeys)
	}
	driver := minicluster.RunDriver(t, c, shopping, a)
	if !reflect.DeepEqual(driver.HotKeys, res.HotKeys) {
		t.Errorf("the driver's HotKeys are %+v, want %+v", driver.HotKeys, res.HotKeys)
	}
	if got, err := os.ReadFile(a.Output); err != nil || string(got) != `"mall"` {
		t.Errorf("the driver was told of key %s, %v, want the mall", got, err)
	}
}
