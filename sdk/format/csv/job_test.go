package csv_test

import (
	"context"
	stdcsv "encoding/csv"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/csv"
)

// sum is a row of the result.
type sum struct {
	Shop  string `csv:"shop"`
	Cents int64  `csv:"cents"`
}

// TestGroupBy adds up a column by another, over a file that is cut into several
// splits with newlines in quotes, and compares with a plain program.
func TestGroupBy(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var b strings.Builder
	b.WriteString("remark,cents,shop\n")
	want := map[string]int64{}
	for b.Len() < 5<<20 {
		shop, cents := fmt.Sprintf("shop \"%d\"\nin town", rng.IntN(50)), rng.Int64N(1e6)-1000
		want[shop] += cents
		remark := strings.Repeat("\n,\"\"x,1,y\n", rng.IntN(20))
		fmt.Fprintf(&b, "\"%s\",%d,\"%s\"\n", remark, cents, strings.ReplaceAll(shop, "\"", "\"\""))
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.csv"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	job := sdk.Define("group", func(p *sdk.Pipeline, _ struct{}) error {
		rows := csv.Read[sum](p, in)
		pairs := sdk.Map(rows, func(s sum) sdk.KV[string, int64] { return sdk.KV[string, int64]{Key: s.Shop, Value: s.Cents} })
		sums := sdk.Reduce(pairs, func(a, b int64) int64 { return a + b })
		csv.Write(sums, out)
		return nil
	})
	if _, err := sdk.Run(context.Background(), job, struct{}{}); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	parts, err := filepath.Glob(filepath.Join(out, "part-*.csv"))
	if err != nil || len(parts) == 0 {
		t.Fatalf("output files %v, error %v", parts, err)
	}
	for _, part := range parts {
		f, err := os.Open(part)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := stdcsv.NewReader(f).ReadAll()
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if err != nil || len(rows) == 0 || strings.Join(rows[0], ",") != "Key,Value" {
			t.Fatalf("%s: rows %v, error %v, want a header", part, rows, err)
		}
		for _, row := range rows[1:] {
			if got[row[0]], err = strconv.ParseInt(row[1], 10, 64); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("sums are %v, want %v", got, want)
	}
}

// TestProblemReachesTheUser runs a job over a file with a wrong value.
func TestProblemReachesTheUser(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "orders.csv")
	if err := os.WriteFile(in, []byte("shop,cents\na,1\nb,\"12,50\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	job := sdk.Define("copy", func(p *sdk.Pipeline, _ struct{}) error {
		csv.Write(csv.Read[sum](p, in), filepath.Join(dir, "out"))
		return nil
	})
	_, err := sdk.Run(context.Background(), job, struct{}{})
	want := in + `:3:3: column "cents": "12,50" is not a whole number (int64) (offset 17)`
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Run: error %v, want one with %s", err, want)
	}
	// The place of the call is that of the program, not of this package.
	bad := sdk.Define("bad", func(p *sdk.Pipeline, _ struct{}) error {
		csv.Write(csv.Read[struct{ C chan int }](p, in), filepath.Join(dir, "out2"))
		return nil
	})
	if _, err := sdk.Run(context.Background(), bad, struct{}{}); err == nil || !strings.Contains(err.Error(), "job_test.go") {
		t.Errorf("Run of a bad row type: error %v, want one that names the place in the program", err)
	}
}
