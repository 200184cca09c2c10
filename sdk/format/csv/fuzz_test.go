package csv

import (
	"bytes"
	stdcsv "encoding/csv"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
)

// seeds are files around every corner of the syntax.
var seeds = []string{
	"", "\n", "\r", "\r\n", "\n\n\r\n", "a", "a,b", "a,b\n", "a,b\r\n", "a,b\r",
	"a,b\n1,2\n3,4\n", "a,b\n\n1,2\r\n\r\n3,4", "a,b\n1,2,3\n", "a,b\n1\n", "a,b\n\"1\",\"2\"\n",
	"\"a,b\",\"c\nd\"\n", "\"a\"\"b\",\"\"\n\"\"\"\",x\n", "\"a\r\nb\",c\r\n", "a\"b,c\n", "\"a\"b,c\n", "\"a,b\n", "\"a\" ,b\n",
	" \"a\",b\n", "\"a\"\r,b\n", "\"a\"\r\n", "x,\"a\"\r\n\"b\",y\r\n", "x,\"a\"\r", "\"", "\"\"", "\"\"\"", "\"\"\"\"", ",\n,\n", "a,\"\"\n",
	"\xef\xbb\xbfa,b\n1,2\n", "#x,\"y\n1,2\n", "a,b\n# c\"\n1,2\n", "\x00,\xff\n", "a\rb,c\r\r\n",
	strings.Repeat("x", 63) + "\"," + "y\n", strings.Repeat("x,y\n", 40), strings.Repeat("\"x\ny\",\"\"\"\"\n", 30),
	strings.Repeat("x", 62) + ",\"\"\n", strings.Repeat("y", 61) + ",\"\"\"\"\r\n1,2\n", "\"" + strings.Repeat("\n", 200) + "\",z\n1,2\n",
}

// compare reads content as rows of T by both packages: the same rows, or both
// an error.
func compare[T interface{ texts() []string }](t *testing.T, content string, o ReadOptions, piece int64) {
	t.Helper()
	o.NoHeader = true
	want, _, wantErr := reference(strings.TrimPrefix(content, bom), func(r *stdcsv.Reader) {
		r.FieldsPerRecord = len((*new(T)).texts())
		r.LazyQuotes, r.Comment = o.LazyQuotes, o.Comment
		if o.Comma != 0 {
			r.Comma = o.Comma
		}
	})
	src := Source[T](writeFile(t, "file.csv", content), o)
	got, err := readRows[T](t, src, piece, graph.ReadOptions{})
	if (err != nil) != (wantErr != nil) {
		t.Fatalf("read %q with %+v in pieces of %d: error %v, want %v", content, o, piece, err, wantErr)
	}
	if err != nil {
		if fault.KindOf(err) != fault.Invalid {
			t.Fatalf("read %q: error %v of kind %v, want an invalid one", content, err, fault.KindOf(err))
		}
		return
	}
	if got, want := shown(got), shownReference(want); !slices.Equal(got, want) {
		t.Fatalf("read %q with %+v in pieces of %d = %v, want %v", content, o, piece, got, want)
	}
}

// FuzzRead compares with encoding/csv, for all options that both have.
func FuzzRead(f *testing.F) {
	for i, s := range seeds {
		f.Add([]byte(s), byte(i), byte(i))
		f.Add([]byte(s), byte(i/2), byte(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, options, piece byte) {
		content := string(data)
		if strings.HasPrefix(content, bom+bom) {
			return // encoding/csv knows of none
		}
		var o ReadOptions
		if options&4 != 0 {
			o.Comma = ';'
		}
		if options&8 != 0 {
			o.Comment = '#'
		}
		o.LazyQuotes = options&16 != 0
		switch options & 3 {
		case 0:
			compare[one](t, content, o, int64(piece))
		case 1:
			compare[three](t, content, o, int64(piece))
		default:
			compare[two](t, content, o, int64(piece))
		}
	})
}

// FuzzSplits cuts files at every place: all pieces together are the whole.
func FuzzSplits(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 300 {
			return
		}
		src := Source[two](writeFile(t, "file.csv", string(data)), ReadOptions{NoHeader: true})
		want, wantErr := readRows[two](t, src, 0, graph.ReadOptions{})
		splits, err := src.Enumerate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for at := int64(1); at <= int64(len(data)); at++ {
			for _, opts := range []graph.ReadOptions{{}, {BatchRows: 1}, {BatchBytes: 7}} {
				got, err := readRows[two](t, src, at, opts)
				if (err != nil) != (wantErr != nil) || err == nil && !slices.Equal(got, want) {
					t.Fatalf("%q in pieces of %d = %q, %v, want %q, %v (%v)", data, at, got, err, want, wantErr, splits)
				}
			}
		}
	})
}

// FuzzMask compares the assembly with the Go that it replaces.
func FuzzMask(f *testing.F) {
	f.Add([]byte(strings.Repeat("ab,\"c\n;", 40)), byte(','))
	f.Add(bytes.Repeat([]byte{0, 0x80, 0x2c, 0xff, 0x0a, 0x22, 0x2d, 0x2b, 0xac}, 64), byte(0x80))
	f.Fuzz(func(t *testing.T, data []byte, comma byte) {
		data = data[:len(data)/blockBytes*blockBytes]
		if len(data) == 0 {
			return
		}
		got, want := make([]block, len(data)/blockBytes), make([]block, len(data)/blockBytes)
		mask(got, unsafe.Pointer(&data[0]), comma)
		masksGo(want, unsafe.Pointer(&data[0]), comma)
		if !slices.Equal(got, want) {
			t.Fatalf("mask(%q, %q) = %x, want %x", data, comma, got, want)
		}
		for i, b := range want {
			for j, c := range data[i*blockBytes : (i+1)*blockBytes] {
				bit := uint64(1) << j
				if (b.ends&bit != 0) != (c == comma || c == '\n') || (b.newlines&bit != 0) != (c == '\n') || (b.quotes&bit != 0) != (c == '"') {
					t.Fatalf("masksGo(%q, %q): block %d, byte %d is marked wrong: %+v", data, comma, i, j, b)
				}
			}
		}
	})
}
