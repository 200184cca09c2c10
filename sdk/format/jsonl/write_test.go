package jsonl

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/sdk/format/formattest"
)

func TestWriteRefusesNumbers(t *testing.T) {
	type reading struct {
		Value  float64 `json:"value"`
		Shop   struct{ Rates []float32 }
		Broken *brokenText
		At     time.Time
	}
	inf := reading{}
	inf.Shop.Rates = []float32{1, float32(math.Inf(-1))}
	for want, row := range map[string]reading{
		`member "value": NaN is no number of JSON`:          {Value: math.NaN()},
		`member "value": +Inf is no number of JSON`:         {Value: math.Inf(1)},
		`member "Shop.Rates[1]": -Inf is no number of JSON`: inf,
		`member "Broken": json: error calling`:              {Broken: &brokenText{}},
		`member "At": `:                                     {At: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		_, err := writeRows(&bytes.Buffer{}, []reading{{}, row}, "")
		if want = strings.TrimSuffix(want, "json: error calling"); err == nil || !strings.Contains(err.Error(), want) || fault.KindOf(err) != fault.Invalid {
			t.Errorf("write %+v: error %v, want an invalid one with %q", row, err, want)
		}
	}
}

// brokenText writes itself as what is no JSON.
type brokenText struct{ N int }

func (brokenText) MarshalJSON() ([]byte, error) { return []byte("{,}"), nil }

// Columns that are renamed keep their names in JSON, unless the json tag says
// another; encoding/json knows only that tag.
func TestColumnNames(t *testing.T) {
	type priced struct {
		Cents int `sheaf:"price_cents"`
		Both  int `sheaf:"column" json:"member"`
		Base  `sheaf:"base"`
		Left  chan int `sheaf:"-"`
	}
	row := priced{Cents: 1, Both: 2, Base: Base{3}}
	var buf bytes.Buffer
	if _, err := writeRows(&buf, []priced{row}, ""); err != nil {
		t.Fatal(err)
	}
	if got, want := buf.String(), `{"price_cents":1,"member":2,"base":{"ID":3}}`+"\n"; got != want {
		t.Errorf("row is written as %s, want %s", got, want)
	}
	rows, err := readFile[priced](file(t, buf.String()))
	if err != nil || len(rows) != 1 || rows[0] != row {
		t.Errorf("Read = %+v, error %v, want %+v", rows, err, row)
	}
}

// Without a member of their own, fields are zero although an earlier row of
// the same memory had it.
func TestMissingMembersAreZero(t *testing.T) {
	var b strings.Builder
	for range 10_000 {
		b.WriteString(`{"x":1,"label":"l","Tags":["a"]}` + "\n{}\n" + `{"Tags":[null]}` + "\n")
	}
	rows, err := readFile[point](file(t, b.String()))
	if err != nil || len(rows) != 30_000 {
		t.Fatalf("Read: %d rows, error %v, want 30000 rows", len(rows), err)
	}
	for i, row := range rows {
		if want := []string{`{"x":1,"label":"l","Tags":["a"]}`, `{"x":0,"Tags":null}`, `{"x":0,"Tags":[""]}`}[i%3]; row.String() != want {
			t.Fatalf("row %d is %v, want %s", i, row, want)
		}
	}
}

// Lists that outgrow the memory of an arena are moved, and those of rows
// before them stay.
func TestLongLists(t *testing.T) {
	type lists struct {
		A [][]int
		B []string
	}
	var want []lists
	for n := range 200 {
		row := lists{A: make([][]int, n%70), B: make([]string, n*3)}
		for i := range row.A {
			row.A[i] = make([]int, i)
		}
		for i := range row.B {
			row.B[i] = strings.Repeat("\n", i%5)
		}
		want = append(want, row)
	}
	got, err := readFile[lists](file(t, string(linesOf(t, want))))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := shownAsJSON(t, got), shownAsJSON(t, want); got != want {
		t.Errorf("lists differ: %d bytes of JSON, want %d", len(got), len(want))
	}
}

// Ever new member names do not take ever more memory.
func TestManyNames(t *testing.T) {
	parsers := parsersOf[Base](t, ReadOptions{})
	parser := parsers.Get().(*rowParser)
	var b strings.Builder
	b.WriteString(`{"id":7`)
	for i := range 5000 {
		b.WriteString(`,"` + strings.Repeat("n", i%300) + time.Duration(i).String() + `":{"ID":1}`)
	}
	b.WriteString(`,"ID":8}` + "\n")
	parser.in.data = []byte(b.String())
	for range 3 {
		if end, row, err := parser.line(0); end == failed || !row || err != nil {
			t.Fatalf("line: end %d, row %v, error %v, %s", end, row, err, parser.in.message())
		}
	}
	if got := (*Base)(parser.rows.at(2)).ID; got != 8 {
		t.Errorf("ID = %d, want 8", got)
	}
}

func TestFlatRowsAllocateNothing(t *testing.T) {
	lines := linesOf(t, events(1000))
	parsers := parsersOf[event](t, ReadOptions{})
	parser := parsers.Get().(*rowParser)
	parser.in.data = lines
	got := testing.AllocsPerRun(10, func() {
		for at := 0; at < len(lines); {
			end, _, err := parser.line(at)
			if err != nil || end == failed {
				t.Fatal(err, parser.in.message())
			}
			at = end + 1
		}
		if err := parser.flush(); err != nil {
			t.Fatal(err)
		}
		parser.builder.Reset()
	})
	if got > 20 {
		t.Errorf("parsing 1000 rows allocates %v times, want at most 20: some a chunk, none a row", got)
	}
	f, err := NewFormat[event]()
	if err != nil {
		t.Fatal(err)
	}
	formattest.CheckWriteAllocations(t, f, events(1000))
}
