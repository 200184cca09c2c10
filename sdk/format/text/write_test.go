package text

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/sdk/format/formattest"
)

// written returns what a format makes of rows.
func written[T any](t *testing.T, f graph.Format[T], rows []T) string {
	t.Helper()
	var buf bytes.Buffer
	w, err := f.NewWriter(&buf)
	if err != nil {
		t.Fatalf("NewWriter: %v", err)
	}
	if err := w.Write(rows); err != nil {
		t.Fatalf("Write: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	return buf.String()
}

func checkWritten[T any](t *testing.T, want string, rows ...T) {
	t.Helper()
	f, err := NewFormat[T]()
	if err != nil {
		t.Errorf("NewFormat[%T]: %v", *new(T), err)
		return
	}
	if got := written(t, f, rows); got != want {
		t.Errorf("rows %v are written as %q, want %q", rows, got, want)
	}
}

type name string

type everything struct {
	A int
	B int8
	C int16
	D int32
	E int64
	F uint
	G uint8
	H uint16
	I uint32
	J uint64
	K float32
	L float64
	M bool
	N string
	O []byte
	P time.Time
	Q *int
	R *string
	S name
	T int `sheaf:"-"`
}

func TestNewFormat(t *testing.T) {
	checkWritten(t, "a\n\nb c\n", "a", "", "b c")
	checkWritten(t, "x\n\n", []byte("x"), nil)
	checkWritten(t, "-9223372036854775808\n7\n", int64(math.MinInt64), 7)
	checkWritten(t, "255\n", uint8(255))
	checkWritten(t, "0.1\n1e+21\nNaN\n-Inf\n", 0.1, 1e21, math.NaN(), math.Inf(-1))
	checkWritten(t, "0.1\n", float32(0.1))
	checkWritten(t, "true\nfalse\n", true, false)
	checkWritten(t, "2024-02-29T12:30:00.000000001Z\n", time.Date(2024, 2, 29, 12, 30, 0, 1, time.UTC))
	checkWritten(t, "n\n", name("n"))
	n, s := 5, "p"
	checkWritten(t, "\n5\n", nil, &n)
	checkWritten(t, "key\t3\n", struct {
		Key   string
		Value int64
	}{"key", 3})
	checkWritten(t, "\n", struct{}{})
	checkWritten(t, "-1\t-2\t-3\t-4\t-5\t1\t2\t3\t4\t5\t0.5\t0.25\ttrue\ts\tb\t2000-01-01T00:00:00Z\t5\tp\tn\n"+
		"0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\tfalse\t\t\t0001-01-01T00:00:00Z\t\t\t\n",
		everything{-1, -2, -3, -4, -5, 1, 2, 3, 4, 5, 0.5, 0.25, true, "s", []byte("b"), time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), &n, &s, "n", 9},
		everything{})
}

type nested struct {
	ID    int
	Inner struct{ X int }
}

type listed struct{ Tags []string }

func checkRefused[T any](t *testing.T, want string, opts ...WriteOptions) {
	t.Helper()
	_, err := NewFormat[T](opts...)
	if err == nil || fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) {
		t.Errorf("NewFormat[%T](%v): error %v, want an invalid one with %q", *new(T), opts, err, want)
	}
}

func TestNewFormatRefuses(t *testing.T) {
	checkRefused[nested](t, "field Inner")
	checkRefused[nested](t, "text.WriteFunc")
	checkRefused[listed](t, "field Tags")
	checkRefused[[]string](t, "text.WriteFunc")
	checkRefused[*nested](t, "text.WriteFunc")
	checkRefused[map[string]int](t, "cannot be stored")
	checkRefused[string](t, `"brotli" is not known`, WriteOptions{Compression: "brotli"})
	checkRefused[string](t, "at most one", WriteOptions{}, WriteOptions{})
}

func TestNewFormatFunc(t *testing.T) {
	f, err := NewFormatFunc(func(dst []byte, row nested) []byte { return append(dst, byte('0'+row.ID), byte('0'+row.Inner.X)) }, WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	row := nested{ID: 1}
	row.Inner.X = 2
	if got := written(t, f, []nested{row, {}}); got != "12\n00\n" {
		t.Errorf("rows are written as %q, want %q", got, "12\n00\n")
	}
}

func TestSuffix(t *testing.T) {
	for compression, want := range map[string]string{"": ".txt", "none": ".txt", "gzip": ".txt.gz", "zstd": ".txt.zst"} {
		f, err := NewFormat[string](WriteOptions{Compression: compression})
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Suffix(); got != want {
			t.Errorf("Suffix with compression %q = %q, want %q", compression, got, want)
		}
		if got := f.Name(); got != "text" {
			t.Errorf("Name() = %q, want %q", got, "text")
		}
	}
}

func TestWriteAllocatesNothingPerRow(t *testing.T) {
	type row struct {
		Key   string
		Value int64
		Score float64
	}
	f, err := NewFormat[row]()
	if err != nil {
		t.Fatal(err)
	}
	rows := make([]row, 1000)
	for i := range rows {
		rows[i] = row{"some key", int64(i) * 1_000_003, float64(i) / 3}
	}
	formattest.CheckWriteAllocations(t, f, rows)
}
