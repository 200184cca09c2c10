package kept

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/golden"
	"github.com/sheafdata/sheaf/internal/graph"
)

type row struct {
	Name  string
	Score *float64
	Tags  []string
}

func typeOf[T any](t testing.TB) *column.Type {
	typ, err := column.For[T]()
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func rows(n int) []row {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	all := make([]row, n)
	for i := range all {
		all[i].Name = strings.Repeat("x", r.IntN(40))
		if r.IntN(2) == 0 {
			f := r.Float64()
			all[i].Score = &f
		}
		for range r.IntN(3) {
			all[i].Tags = append(all[i].Tags, fmt.Sprint(r.IntN(9)))
		}
	}
	return all
}

func write[T any](t testing.TB, rows []T) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := Format[T](typeOf[T](t)).NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(rows), w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read[T any](t testing.TB, content []byte, opts graph.ReadOptions) (all []T, err error) {
	typ := typeOf[T](t)
	r, err := newReader(typ, bytes.NewReader(content), int64(len(content)), "f", opts)
	if err != nil {
		return nil, err
	}
	for {
		batch, err := r.Next()
		if err == io.EOF {
			if r.BytesRead()+footBytes != int64(len(content)) {
				t.Errorf("%d bytes read of %d", r.BytesRead(), len(content))
			}
			return all, nil
		}
		if err != nil {
			return all, err
		}
		some := make([]T, batch.NumRows())
		if err := column.ScanRows(typ, batch, 0, some); err != nil {
			t.Fatal(err)
		}
		all = append(all, some...)
	}
}

func TestRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, 63, 64, 65, 4095, 4097, 30_000} {
		for _, limit := range []int{0, 1000} {
			want := rows(n)
			got, err := read[row](t, write(t, want), graph.ReadOptions{BatchRows: limit})
			if err != nil || len(got) != n || n > 0 && !reflect.DeepEqual(got, want) {
				t.Errorf("%d rows, batches of %d: %d came back (%v), or others", n, limit, len(got), err)
			}
		}
	}
}

func TestLongRows(t *testing.T) {
	var want []string
	for i := range 8 {
		want = append(want, strings.Repeat("long", 1<<(12+i)), "short")
	}
	var asked int64
	got, err := read[string](t, write(t, want), graph.ReadOptions{Room: func(n int64) error {
		asked = max(asked, n)
		return nil
	}})
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%d rows of %d came back (%v), or others", len(got), len(want), err)
	}
	if asked < int64(len(want[14])) {
		t.Errorf("room was asked for %d bytes, want that of the longest row, %d", asked, len(want[14]))
	}
}

func TestGolden(t *testing.T) {
	score := 0.5
	golden.Check(t, "testdata/rows.kept.txt", fmt.Appendf(nil, "%x\n", write(t, []row{{"a", &score, []string{"x"}}, {Name: "b"}})))
}

// TestDamage: every flipped bit and every cut of a file is found, before or
// after rows came out of it.
func TestDamage(t *testing.T) {
	content := write(t, rows(20))
	for bit := range 8 * len(content) {
		bad := bytes.Clone(content)
		bad[bit/8] ^= 1 << (bit % 8)
		if _, err := read[row](t, bad, graph.ReadOptions{}); fault.KindOf(err) != fault.Invalid || !strings.HasPrefix(err.Error(), "f, offset ") {
			t.Fatalf("bit %d of byte %d flipped: error %v, want an invalid one with its place", bit%8, bit/8, err)
		}
	}
	for n := range content {
		if _, err := read[row](t, content[:n], graph.ReadOptions{}); fault.KindOf(err) != fault.Invalid {
			t.Fatalf("cut to %d bytes: error %v, want an invalid one", n, err)
		}
	}
	if _, err := read[row](t, append(bytes.Clone(content), 0), graph.ReadOptions{}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a byte more: error %v, want an invalid one", err)
	}
}

// TestLostBlock: a file without one of its blocks is not a shorter one.
func TestLostBlock(t *testing.T) {
	content := write(t, rows(10_000))
	at := bytes.LastIndex(content, []byte("SHBK"))
	short := append(bytes.Clone(content[:at]), content[len(content)-footBytes:]...)
	if _, err := read[row](t, short, graph.ReadOptions{}); err == nil || !strings.Contains(err.Error(), "stand before an end that says 10000") {
		t.Errorf("error %v, want one about missing rows", err)
	}
}

func TestOtherType(t *testing.T) {
	_, err := read[string](t, write(t, rows(3)), graph.ReadOptions{})
	if err == nil || !strings.Contains(err.Error(), "is read as string") {
		t.Errorf("error %v, want that of another type", err)
	}
}

func TestSource(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a,b*") // a name that means nothing
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	src := Source(typeOf[row](t), dir)
	if splits, err := src.Enumerate(t.Context()); err != nil || len(splits) != 0 {
		t.Errorf("an empty directory has splits %v, %v", splits, err)
	}
	for i, n := range []int{7, 0, 9} {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("part-", i, Suffix)), write(t, rows(n)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "_SUCCESS.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	splits, err := src.Enumerate(t.Context())
	if err != nil || len(splits) != 3 {
		t.Fatalf("splits %v, %v, want 3", splits, err)
	}
	total := int64(0)
	for _, s := range splits {
		r, err := src.Open(t.Context(), s, graph.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for batch, err := r.Next(); err != io.EOF; batch, err = r.Next() {
			if err != nil {
				t.Fatal(err)
			}
			total += batch.NumRows()
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if total != 16 {
		t.Errorf("%d rows, want 16", total)
	}
	if _, err := Source(typeOf[row](t), filepath.Join(dir, "none")).Enumerate(t.Context()); err == nil || !strings.Contains(err.Error(), "no such input") {
		t.Errorf("a directory that is not there: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(write(f, rows(0)))
	f.Add(write(f, rows(3)))
	f.Fuzz(func(t *testing.T, content []byte) {
		typ := typeOf[row](t)
		r, err := newReader(typ, bytes.NewReader(content), int64(len(content)), "f", graph.ReadOptions{})
		for err == nil {
			_, err = r.Next()
		}
		if err != io.EOF && fault.KindOf(err) != fault.Invalid {
			t.Errorf("error %v of kind %v", err, fault.KindOf(err))
		}
	})
}
