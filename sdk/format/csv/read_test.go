package csv

import (
	"context"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/sdk/format/formattest"
)

// every is a row with every kind of field.
type every struct {
	Flag  bool
	I     int
	I8    int8
	I16   int16
	I32   int32
	I64   int64
	U     uint
	U8    uint8
	U16   uint16
	U32   uint32
	U64   uint64
	F32   float32
	F64   float64
	Text  string
	Bytes []byte
	At    time.Time
	PFlag *bool
	PI    *int64
	PF    *float64
	PText *string
	PAt   *time.Time
}

func TestEveryKind(t *testing.T) {
	day := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	yes, number, float, empty := true, int64(-7), 0.5, ""
	for _, c := range []struct {
		name, row string
		want      every
	}{
		{"least", "false,-9223372036854775808,-128,-32768,-2147483648,-9223372036854775808,0,0,0,0,0,-3.4028235e38,-1.7976931348623157e308,,,2024-02-29,,,,,",
			every{I: math.MinInt64, I8: -128, I16: -32768, I32: math.MinInt32, I64: math.MinInt64, F32: -math.MaxFloat32, F64: -math.MaxFloat64, At: day}},
		{"most", "true,9223372036854775807,127,32767,2147483647,9223372036854775807,18446744073709551615,255,65535,4294967295,18446744073709551615,3.4028235e38,1.7976931348623157e308,x,y,2024-02-29,t,-7,.5,\"\",2024-02-29",
			every{true, math.MaxInt64, 127, 32767, math.MaxInt32, math.MaxInt64, math.MaxUint64, 255, 65535, math.MaxUint32, math.MaxUint64, math.MaxFloat32, math.MaxFloat64,
				"x", []byte("y"), day, &yes, &number, &float, &empty, &day}},
		{"quoted", `"1","+1","1","1","1","00000000000000000000000000001","1","1","1","1","1","1.5","2.5","a ""b""","","2024-02-29","","","","",""`,
			every{true, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1.5, 2.5, `a "b"`, []byte{}, day, nil, nil, nil, &empty, nil}},
	} {
		t.Run(c.name, func(t *testing.T) {
			// Alone and among others, where numbers are read eight bytes at once.
			for _, content := range []string{c.row, strings.Repeat(c.row+"\n", 20)} {
				rows, err := read[every](t, content, ReadOptions{NoHeader: true})
				if err != nil {
					t.Fatal(err)
				}
				for _, row := range rows {
					if !reflect.DeepEqual(row, c.want) {
						t.Fatalf("read(%s) = %+v, want %+v", c.row, row, c.want)
					}
				}
			}
		})
	}
}

func TestTimes(t *testing.T) {
	type row struct{ At time.Time }
	for text, want := range map[string]string{
		"2006-01-02T15:04:05Z":           "2006-01-02T15:04:05Z",
		"2006-01-02T15:04:05.000000001Z": "2006-01-02T15:04:05.000000001Z",
		"2006-01-02T15:04:05.5+02:00":    "2006-01-02T13:04:05.5Z",
		"2006-01-02T15:04:05-11:30":      "2006-01-03T02:34:05Z",
		"1678-01-01":                     "1678-01-01T00:00:00Z",
		"2261-12-31":                     "2261-12-31T00:00:00Z",
		"2000-02-29":                     "2000-02-29T00:00:00Z",
		"1969-12-31T23:59:59.75Z":        "1969-12-31T23:59:59.75Z",
		"1900-02-29":                     "", "2006-13-01": "", "2006-01-00": "", "2006-01-02T24:00:00Z": "", "2006-01-02 15:04:05": "",
		"1600-01-01": "", "2300-01-01": "", "2006-01-02T15:04:05": "", "2006-01-02T15:04:05+1:00": "", "2006-1-2": "", "2006-01-02T15:04:05.Z": "",
	} {
		rows, err := read[row](t, "At\n"+text+"\n")
		switch {
		case want == "" && err == nil:
			t.Errorf("read(%s) = %v, want an error", text, rows)
		case want != "" && (err != nil || rows[0].At.Format(time.RFC3339Nano) != want):
			t.Errorf("read(%s) = %v, %v, want %s", text, rows, err, want)
		}
	}
	rows, err := read[row](t, "At\n02.01.2006 15:04\n", ReadOptions{TimeLayout: "02.01.2006 15:04"})
	if err != nil || !rows[0].At.Equal(time.Date(2006, 1, 2, 15, 4, 0, 0, time.UTC)) {
		t.Errorf("read with a layout = %v, %v", rows, err)
	}
}

func TestEveryDay(t *testing.T) {
	for at := time.Date(1678, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2262; at = at.AddDate(0, 0, 1) {
		text := at.Format(time.DateOnly)
		if got, ok := parseInstant([]byte(text)); !ok || got != at.UnixNano() {
			t.Fatalf("parseInstant(%s) = %d, %v, want %d", text, got, ok, at.UnixNano())
		}
	}
}

type sale struct {
	Product string  `csv:"product"`
	Price   float64 `sheaf:"price"`
	Count   int8
	Note    *string
}

func TestHeader(t *testing.T) {
	want := sale{"pen", 1.5, 3, nil}
	for _, c := range []struct{ name, content, problem string }{
		{"in order", "product,price,Count,Note\npen,1.5,3,\n", ""},
		{"other order and more columns", "x,Note,Count,y,price,z,product,\n\"1,\n2\",,3,a,1.5,\"\"\"\",pen,\n", ""},
		{"other case", "PRODUCT,Price,count,note\npen,1.5,3,\n", ""},
		{"exact before other case", "Product,PRICE,price,COUNT,Count,product,Note\nx,x,1.5,x,3,pen,\n", ""},
		{"byte order mark", bom + "product,price,Count,Note\npen,1.5,3,\n", ""},
		{"byte order mark and quotes", bom + "\"product\",\"price\",\"Count\",\"Note\"\r\npen,1.5,3,\r\n", ""},
		{"missing column", "product,price,Note\npen,1.5,\n", `file.csv:1:1: no column "Count", of field Count, in the header ["product" "price" "Note"]: name another with the tag ` + "`csv:\"name\"`" + `, or set NoHeader if this line is a row (offset 0)`},
		{"missing behind empty lines", "\n\nproduct,price,Note\npen,1.5,\n", `file.csv:3:1: no column "Count"`},
		{"twice", "product,price,Count,Note,price\npen,1.5,3,,\n", `column "price" stands 2 times in the header`},
		{"ambiguous", "product,PRICE,Price,Count,Note\npen,1.5,1.5,3,\n", `column "price", of field Price, could be any of 2 columns`},
		{"bad header", "product,pr\"ice\n", `file.csv:1:11: a quote stands inside`},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, err := read[sale](t, c.content)
			if c.problem != "" {
				if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), c.problem) {
					t.Errorf("read(%q): error %v, want an invalid one with %s", c.content, err, c.problem)
				}
				return
			}
			if err != nil || len(rows) != 1 || rows[0] != want {
				t.Errorf("read(%q) = %+v, %v, want %+v", c.content, rows, err, want)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	const header = "product,price,Count,Note\n"
	for _, c := range []struct {
		name, content string
		opts          ReadOptions
		want          string
	}{
		{"number", "pen,1.5,3,\npen,\"12,50\",3,\n", ReadOptions{}, `file.csv:3:5: column "price": "12,50" is not a number (float64) (offset 40)`},
		{"whole number", "pen,1.5,2.5,\n", ReadOptions{}, `file.csv:2:9: column "Count": "2.5" is not a whole number (int8) (offset 33)`},
		{"hexadecimal", "pen,0x10,2,\n", ReadOptions{}, `"0x10" is not a number`},
		{"too large", "pen,1.5,300,\n", ReadOptions{}, `file.csv:2:9: column "Count": 300 is out of the range of int8 (offset 33)`},
		{"too large in quotes", "pen,1.5,\"-129\",\n", ReadOptions{}, `column "Count": -129 is out of the range of int8`},
		{"far too large", "pen,1.5,100000000000000000000,\n", ReadOptions{}, `100000000000000000000 is out of the range of int8`},
		{"float too large", "pen,1e999,1,\n", ReadOptions{}, `"1e999" is not a number`},
		{"empty", "pen,,1,\n", ReadOptions{}, `file.csv:2:5: column "price": is empty, and float64 cannot be null: use *float64 for a column with empty fields (offset 29)`},
		{"space", "pen, 1.5,1,\n", ReadOptions{}, `" 1.5" is not a number`},
		{"long", "pen," + strings.Repeat("x", 100) + ",1,\n", ReadOptions{}, `"` + strings.Repeat("x", 40) + `..." is not`},
		{"earliest row first", "pen,1,1,\npen,1,x,\npen,x,1,\n", ReadOptions{}, `file.csv:3:7: column "Count": "x"`},
		{"earliest column first", "pen,1,1,\npen,y,x,\n", ReadOptions{}, `file.csv:3:5: column "price": "y"`},
		{"after lines in quotes", "\"a\nb\n\",1,1,\"\n\"\npen,x,1,\n", ReadOptions{}, `file.csv:6:5: column "price": "x"`},
		{"in a line in quotes", "\"a\nb\n\",x,1,\n", ReadOptions{}, `file.csv:4:3: column "price": "x"`},
		{"too few", "pen,1.5,3,\npen,1.5\n", ReadOptions{}, `file.csv:3:1: the row has 2 fields, want 4 (offset 36)`},
		{"one", "pen\n", ReadOptions{}, `file.csv:2:1: the row has 1 field, want 4 (offset 25)`},
		{"too many", "pen,1.5,3,,\n", ReadOptions{}, `file.csv:2:1: the row has 5 fields, want 4`},
		{"too many that even out", "pen,1.5,3,,\npen,1.5,3\n", ReadOptions{}, `file.csv:2:1: the row has 5 fields, want 4`},
		{"quote inside", "pen,1.5,3,5\" wide\n", ReadOptions{}, `file.csv:2:12: a quote stands inside a field`},
		{"quote inside a column nobody reads", "x,pen,1.5,3,\"5\" wide\"\n", ReadOptions{}, `file.csv:2:`},
		{"text behind quotes", "\"pen\"x,1.5,3,\n", ReadOptions{}, `file.csv:2:5: a quote inside a field in quotes stands alone`},
		{"not closed", "pen,1.5,3,\"x\n\n", ReadOptions{}, `file.csv:2:11: the quote that begins here is not closed before the end of the file`},
		{"ragged, missing", "pen,1.5\n", ReadOptions{Ragged: true}, `column "Count": is empty`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := read[sale](t, header+c.content, c.opts)
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("read(%q): error %v, want an invalid one with %s", c.content, err, c.want)
			}
		})
	}
}

// TestProblemPlaces breaks one row of a long file, read in pieces and
// compressed: the error names its line all the same.
func TestProblemPlaces(t *testing.T) {
	for _, broken := range []int{0, 1, 4095, 4096, 20_000, 49_999} {
		var b strings.Builder
		b.WriteString("B,A\n")
		for i := range 50_000 {
			value := fmt.Sprint(i)
			if i == broken {
				value = "x"
			}
			fmt.Fprintf(&b, "\"two\nlines\",%s\n", value)
		}
		type row struct{ A int }
		want := fmt.Sprintf(":%d:8: column \"A\": \"x\" is not a whole number (int) (offset %d)", 3+2*broken, strings.Index(b.String(), "x\n"))
		for _, suffix := range []string{"", ".gz", ".zst"} {
			data := []byte(b.String())
			if suffix != "" {
				data = formattest.Compress(t, suffix, data)
			}
			path := writeFile(t, "file.csv"+suffix, string(data))
			for _, piece := range []int64{0, 100_003} {
				_, err := readRows[row](t, Source[row](path), piece, graph.ReadOptions{})
				if err == nil || err.Error() != path+want {
					t.Errorf("%s in pieces of %d: error %v, want %s", path, piece, err, path+want)
				}
			}
		}
	}
}

func TestOptions(t *testing.T) {
	a := "a"
	type row struct {
		A *string
		B *int
	}
	five := 5
	for _, c := range []struct {
		name, content string
		opts          ReadOptions
		want          []row
	}{
		{"comma", "A;B\na;5\n", ReadOptions{Comma: ';'}, []row{{&a, &five}}},
		{"tabs", "A\tB\na\t5\n", ReadOptions{Comma: '\t', TrimSpace: true}, []row{{&a, &five}}},
		{"no quotes", "A\n\"\n", ReadOptions{NoHeader: true, NoQuotes: true, Ragged: true}, []row{{ptr("A"), nil}, {ptr("\""), nil}}},
		{"trim", " A ,B\t\n a , 5 \n\t\"a\" ,\"5\"\t\n", ReadOptions{TrimSpace: true}, []row{{&a, &five}, {&a, &five}}},
		{"trim to nothing", "A,B\n  , \n", ReadOptions{TrimSpace: true}, []row{{nil, nil}}},
		{"nulls", "A,B\nNA,NA\n\"NA\",-999\n-999,5\n", ReadOptions{NullValues: []string{"NA", "-999"}}, []row{{nil, nil}, {ptr("NA"), nil}, {nil, &five}}},
		{"comment", "# it\"s\nA,B\n#,\"x\na,5\n#", ReadOptions{Comment: '#'}, []row{{&a, &five}}},
		{"lazy", "A,B\na\"b\"c,5\n\"a\"b\",5\n", ReadOptions{LazyQuotes: true}, []row{{ptr("a\"b\"c"), &five}, {ptr("a\"b"), &five}}},
		{"ragged", "A,B\na\na,5,6,7\n\n\"a\"\n", ReadOptions{Ragged: true}, []row{{&a, nil}, {&a, &five}, {&a, nil}}},
		{"by position", "a,5\n", ReadOptions{NoHeader: true}, []row{{&a, &five}}},
		{"no rows", "A,B", ReadOptions{}, nil},
		{"nothing", "", ReadOptions{}, nil},
		{"nothing but empty lines", bom + "\n\r\n", ReadOptions{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			for piece := range int64(len(c.content)) + 1 {
				src := Source[row](writeFile(t, "file.csv", c.content), c.opts)
				got, err := readRows[row](t, src, piece, graph.ReadOptions{})
				if err != nil || !reflect.DeepEqual(got, c.want) {
					t.Fatalf("read(%q) in pieces of %d = %+v, %v, want %+v", c.content, piece, got, err, c.want)
				}
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

func TestBadArguments(t *testing.T) {
	type nested struct{ Inner struct{ A int } }
	type list struct{ Names []string }
	type twice struct {
		A int `csv:"x"`
		B int `csv:"x"`
	}
	type skipped struct {
		A int `csv:"-"`
	}
	for _, c := range []struct {
		name string
		src  graph.Source
		want string
	}{
		{"no struct", Source[int](""), "rows are of type int"},
		{"nested", Source[nested](""), "field Inner of csv.nested: type struct { A int } has parts"},
		{"list", Source[list](""), "field Names of csv.list: type []string has parts"},
		{"channel", Source[struct{ C chan int }](""), "C: type chan int"},
		{"one name twice", Source[twice](""), `field B of csv.twice: the column name "x" is taken by field A`},
		{"left out", Source[skipped](""), "`sheaf:\"-\"`"},
		{"no fields", Source[struct{}](""), "has no fields"},
		{"comma", Source[one]("", ReadOptions{Comma: 'é'}), `separated by 'é'`},
		{"quote as comma", Source[one]("", ReadOptions{Comma: '"'}), `separated by '"'`},
		{"digit as comma", Source[one]("", ReadOptions{Comma: '1'}), `separated by '1'`},
		{"comment", Source[one]("", ReadOptions{Comment: ','}), `begin with ','`},
		{"quotes", Source[one]("", ReadOptions{NoQuotes: true, LazyQuotes: true}), "exclude each other"},
		{"options", Source[one]("", ReadOptions{}, ReadOptions{}), "2 sets of options"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.src.Enumerate(context.Background())
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Enumerate: error %v, want an invalid one with %s", err, c.want)
			}
		})
	}
	for _, err := range []error{
		second(NewFormat[int]()), second(NewFormat[nested]()), second(NewFormat[one](WriteOptions{Comma: '\n'})),
		second(NewFormat[one](WriteOptions{}, WriteOptions{})), second(NewFormat[one](WriteOptions{Compression: "rar"})),
	} {
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("NewFormat: error %v, want an invalid one", err)
		}
	}
}

func second[T any](_ graph.Format[T], err error) error { return err }

// TestBigQuotedFile cuts a file larger than a step of counting, most of whose
// newlines are in quotes, and opens its pieces in several orders.
func TestBigQuotedFile(t *testing.T) {
	row := "\"" + strings.Repeat("\n,\"\"", 5000) + "\",x\n"
	rows := 3*stepBytes/len(row) + 1
	path := writeFile(t, "file.csv", strings.Repeat(row, rows))
	for name, order := range map[string]func(n, i int) int{
		"forwards":  func(_, i int) int { return i },
		"backwards": func(n, i int) int { return n - 1 - i },
		"jumping":   func(n, i int) int { return i * 7 % n },
	} {
		t.Run(name, func(t *testing.T) {
			src := Source[two](path, ReadOptions{NoHeader: true})
			splits, err := src.Enumerate(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			all := pieces(splits[0], splits[0].Size/13+1)
			if len(all)%7 == 0 {
				t.Fatalf("%d pieces", len(all))
			}
			var starts []string
			for i := range all {
				r, err := src.Open(t.Context(), all[order(len(all), i)], graph.ReadOptions{})
				if err != nil {
					t.Fatal(err)
				}
				for {
					batch, err := r.Next()
					if err != nil {
						break
					}
					for j := range int(batch.NumRows()) {
						starts = append(starts, strings.TrimPrefix(r.Where(j), path+", "))
					}
				}
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
			}
			var want []string
			for i := range rows {
				want = append(want, fmt.Sprintf("offset %d, line %d", i*len(row), i*5001+1))
			}
			slices.Sort(starts)
			slices.Sort(want)
			if !slices.Equal(starts, want) {
				t.Errorf("rows are %v, want %v", starts[:min(9, len(starts))], want[:9])
			}
		})
	}
}

func TestCanceledWhileCounting(t *testing.T) {
	src := Source[two](writeFile(t, "file.csv", strings.Repeat("a,b\n", 3*stepBytes/4)), ReadOptions{NoHeader: true})
	splits, err := src.Enumerate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := splits[0]
	s.Offset, s.Length = s.Size-10, 10
	if _, err := src.Open(ctx, s, graph.ReadOptions{}); fault.KindOf(err) != fault.Canceled {
		t.Errorf("Open: error %v, want a canceled one", err)
	}
}

// TestAllocations shows that memory is taken by batch and not by row.
func TestAllocations(t *testing.T) {
	const rows = 40_000
	type row struct {
		Text, Quoted string
		N            *int
		F            float64
		At           time.Time
	}
	path := writeFile(t, "file.csv", "Text,Quoted,N,F,At\n"+strings.Repeat("some text,\"a \"\"b\"\",\nc\",,1.25e-3,2024-01-02T03:04:05+01:00\n", rows))
	src := Source[row](path)
	splits, err := src.Enumerate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	allocs := testing.AllocsPerRun(2, func() {
		r, err := src.Open(t.Context(), splits[0], graph.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = r.Next()
		}
		if closeErr := r.Close(); err != io.EOF || closeErr != nil {
			t.Fatal(err, closeErr)
		}
	})
	if allocs > rows/20 {
		t.Errorf("%v allocations for %d rows, want about 40 for each batch", allocs, rows)
	}
}
