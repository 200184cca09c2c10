package csv

import (
	"bytes"
	stdcsv "encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/graph"
)

// written writes rows and returns the file.
func written[T any](t testing.TB, rows []T, opts ...WriteOptions) string {
	t.Helper()
	f, err := NewFormat[T](opts...)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	w, err := f.NewWriter(&buf)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

func TestWrite(t *testing.T) {
	type row struct {
		Text string  `csv:"the text"`
		Some *string `sheaf:"some, or not"`
		N    *int
		F    float32
		At   time.Time
		Data []byte
		Left int `sheaf:"-"`
	}
	at := time.Date(2024, 1, 2, 3, 4, 5, 600, time.FixedZone("", 3600))
	const header = "the text,\"some, or not\",N,F,At,Data\n"
	for _, c := range []struct {
		name string
		row  row
		opts WriteOptions
		want string
	}{
		{"zero", row{At: at}, WriteOptions{}, header + ",,,0,2024-01-02T03:04:05.0000006+01:00,\n"},
		{"quotes only where needed", row{"a,b", ptr("c\"d\""), ptr(-5), 0.1, at, []byte("e f"), 9}, WriteOptions{}, header + "\"a,b\",\"c\"\"d\"\"\",-5,0.1,2024-01-02T03:04:05.0000006+01:00,e f\n"},
		{"lines and ends", row{" a", ptr("b\t"), nil, 0, at, []byte("\n"), 0}, WriteOptions{}, header + "\" a\",\"b\t\",,0,2024-01-02T03:04:05.0000006+01:00,\"\n\"\n"},
		{"empty, not null", row{"", ptr(""), nil, 0, at, []byte{}, 0}, WriteOptions{}, header + ",\"\",,0,2024-01-02T03:04:05.0000006+01:00,\"\"\n"},
		{"byte order mark", row{bom, nil, nil, 0, at, nil, 0}, WriteOptions{NoHeader: true}, "\"" + bom + "\",,,0,2024-01-02T03:04:05.0000006+01:00,\n"},
		{"options", row{"a,b;", nil, nil, 0, at, nil, 0}, WriteOptions{NoHeader: true, Comma: ';', TimeLayout: "2.1.2006; 15:04"}, "\"a,b;\";;;0;\"2.1.2024; 03:04\";\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := written(t, []row{c.row}, c.opts); got != c.want {
				t.Errorf("written(%+v) = %q, want %q", c.row, got, c.want)
			}
		})
	}
	if got, want := written(t, []one{{"a"}, {""}}), "A\na\n\"\"\n"; got != want {
		t.Errorf("written rows of one text = %q, want %q", got, want)
	}
	if got, want := written[one](t, nil), "A\n"; got != want {
		t.Errorf("written without rows = %q, want %q", got, want)
	}
}

func randomText(rng *rand.Rand) string {
	var b strings.Builder
	for range rng.IntN(12) {
		b.WriteString([]string{"a", "bc", ",", "\"", "\n", "\r", "\r\n", " ", ";", "\t", "é", "\x00", "\xff", "#", bom}[rng.IntN(15)])
	}
	return b.String()
}

func maybe[T any](rng *rand.Rand, v T) *T {
	if rng.IntN(3) == 0 {
		return nil
	}
	return &v
}

func randomRow(rng *rand.Rand) every {
	bits := rng.Uint64() >> rng.IntN(64)
	float := []float64{float64(bits), float64(rng.IntN(1e9)) / 1e4, -rng.Float64(), rng.NormFloat64() * 1e100, 0}[rng.IntN(5)]
	at := time.Unix(rng.Int64N(1<<33), rng.Int64N(1e9)).UTC()
	r := every{
		Flag: rng.IntN(2) == 0, I: int(bits), I8: int8(bits), I16: int16(bits), I32: int32(bits), I64: -int64(bits >> 1),
		U: uint(bits), U8: uint8(bits), U16: uint16(bits), U32: uint32(bits), U64: bits,
		F32: float32(float), F64: float, Text: randomText(rng), At: at,
		PFlag: maybe(rng, true), PI: maybe(rng, int64(bits)), PF: maybe(rng, float), PText: maybe(rng, randomText(rng)), PAt: maybe(rng, at),
	}
	if rng.IntN(3) > 0 {
		r.Bytes = []byte(randomText(rng))
	}
	return r
}

// TestRoundTrip writes random rows and reads them back, whole and in pieces,
// by this package and, as texts, by encoding/csv.
func TestRoundTrip(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 30 {
		rows := make([]every, rng.IntN(200))
		for i := range rows {
			rows[i] = randomRow(rng)
		}
		w := WriteOptions{Comma: []rune{0, ';', '\t'}[rng.IntN(3)], NoHeader: rng.IntN(2) == 0}
		content := written(t, rows, w)
		o := ReadOptions{Comma: w.Comma, NoHeader: w.NoHeader, TrimSpace: rng.IntN(3) == 0, LazyQuotes: rng.IntN(4) == 0}
		src := Source[every](writeFile(t, "file.csv", content), o)
		got, err := readRows[every](t, src, rng.Int64N(500), graph.ReadOptions{})
		if err != nil {
			t.Fatalf("read back with %+v: %v", o, err)
		}
		if len(got) != len(rows) {
			t.Fatalf("%d rows come back, want %d (%+v)", len(got), len(rows), o)
		}
		for i := range rows {
			if !reflect.DeepEqual(got[i], rows[i]) {
				t.Fatalf("row %d comes back as %+v, want %+v (%+v)", i, got[i], rows[i], o)
			}
		}
		texts, _, err := reference(content, func(r *stdcsv.Reader) {
			if w.Comma != 0 {
				r.Comma = w.Comma
			}
		})
		if err != nil {
			t.Fatalf("encoding/csv: %v", err)
		}
		if !w.NoHeader {
			texts = texts[1:]
		}
		for i, row := range texts {
			want := []string{fmt.Sprint(rows[i].Flag), fmt.Sprint(rows[i].I64), strings.ReplaceAll(rows[i].Text, "\r\n", "\n")}
			if got := []string{row[0], row[5], row[13]}; !slices.Equal(got, want) {
				t.Fatalf("encoding/csv reads row %d as %q, want %q", i, got, want)
			}
		}
	}
}

// TestReadsEncodingCSV reads what encoding/csv writes.
func TestReadsEncodingCSV(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 50 {
		var buf bytes.Buffer
		w := stdcsv.NewWriter(&buf)
		w.UseCRLF = rng.IntN(2) == 0
		var want []three
		for range rng.IntN(100) {
			// It writes no byte order mark in quotes, and of a text with "\r" another.
			text := func() string {
				return strings.NewReplacer("\r", "", bom, "").Replace(randomText(rng))
			}
			row := three{text(), text(), text()}
			want = append(want, row)
			if err := w.Write([]string{row.A, row.B, row.C}); err != nil {
				t.Fatal(err)
			}
		}
		if w.Flush(); w.Error() != nil {
			t.Fatal(w.Error())
		}
		src := Source[three](writeFile(t, "file.csv", buf.String()), ReadOptions{NoHeader: true})
		got, err := readRows[three](t, src, rng.Int64N(500), graph.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if want := len(want); len(got) != want {
			t.Fatalf("%d rows of %q, want %d", len(got), buf.String(), want)
		}
		for i := range got {
			for _, field := range []*string{&got[i].A, &got[i].B, &got[i].C} {
				if w.UseCRLF { // its newlines inside quotes are two bytes too
					*field = strings.ReplaceAll(*field, "\r\n", "\n")
				}
			}
			if got[i] != want[i] {
				t.Fatalf("row %d is %q, want %q", i, got[i], want[i])
			}
		}
	}
}

// TestWriteFails gives the writer's error back.
func TestWriteFails(t *testing.T) {
	f, err := NewFormat[one]()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(os.DevNull) // not open for writing
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w, err := f.NewWriter(io.Writer(file))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write([]one{{"a"}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err == nil {
		t.Error("Close: no error, want that of the file")
	}
}
