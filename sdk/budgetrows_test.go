package sdk_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/sdk"
)

// numbered is a source of rows made on the fly, as if they stood in one large
// file: row i begins with numberBytes digits of number(i) and goes on to width
// with bytes that no codec makes shorter.
type numbered struct {
	typ   *column.Type // of string
	rows  int64
	width int64
}

const numberBytes = 16

// number is different for every row and in no order.
func number(i int64) uint64 { return uint64(i) * 0x9e3779b97f4a7c15 }

// otherStarts is at how many places of the letters a row may go on: so many that
// two rows of a block seldom do at the same.
const otherStarts = 1 << 20

// readNumbered gives bytes of rows, width each.
func readNumbered(p *sdk.Pipeline, bytes, width int64) (sdk.Dataset[string], error) {
	typ, err := column.For[string]()
	if err != nil {
		return sdk.Dataset[string]{}, err
	}
	return sdk.Read[string](p, numbered{typ, bytes / width, width}), nil
}

func (s numbered) Name() string { return fmt.Sprintf("%d numbered rows", s.rows) }

func (s numbered) Schema() *arrow.Schema { return s.typ.Schema() }

// Enumerate gives a Path, so that tasks are as large as those of files.
func (s numbered) Enumerate(context.Context) ([]sdk.Split, error) {
	return []sdk.Split{{Path: "numbered", Length: s.rows * s.width, Cuttable: true, Align: s.width}}, nil
}

func (s numbered) Open(_ context.Context, split sdk.Split, opts sdk.ReadOptions) (sdk.BatchReader, error) {
	random := rand.New(rand.NewPCG(1, 2))
	letters := make([]byte, s.width+otherStarts)
	for i := range letters {
		letters[i] = byte(random.Uint32())
	}
	return &numberedReader{
		columns: column.NewBuilder(s.typ), row: make([]byte, s.width), letters: letters, opts: opts.WithDefaults(),
		at: split.Offset / s.width, end: (split.Offset + split.Length) / s.width,
	}, nil
}

type numberedReader struct {
	columns        *column.Builder
	row, letters   []byte
	opts           sdk.ReadOptions
	first, at, end int64
	read           int64
}

func (r *numberedReader) Next() (arrow.Record, error) {
	if r.at == r.end {
		return nil, io.EOF
	}
	r.first = r.at
	for n := 0; n < r.opts.BatchRows && r.at < r.end && (n == 0 || r.columns.Bytes() < int64(r.opts.BatchBytes)); n++ {
		var digits [numberBytes / 2]byte
		for i, rest := 0, number(r.at); i < len(digits); i++ {
			digits[i] = byte(rest >> (8 * (len(digits) - 1 - i)))
		}
		hex.Encode(r.row, digits[:])
		copy(r.row[numberBytes:], r.letters[number(r.at)%otherStarts:])
		row := unsafe.String(&r.row[0], len(r.row))
		if err := r.columns.Append(unsafe.Pointer(&row), 0, 1); err != nil {
			return nil, err
		}
		r.read += int64(len(row))
		r.at++
	}
	return r.columns.Record(), nil
}

func (r *numberedReader) BytesRead() int64 { return r.read }

func (r *numberedReader) Where(row int) string { return fmt.Sprintf("row %d", r.first+int64(row)) }

func (r *numberedReader) Close() error { return nil }

// summary is a format whose files say of their rows no more than how many they
// are, the sum of their numbers, the first and the last, and whether they are in
// order: a test of memory is none of disks.
type summary struct{}

func (summary) Name() string { return "summary" }

func (summary) Suffix() string { return ".txt" }

func (summary) NewWriter(w io.Writer) (sdk.RowWriter[string], error) {
	return &summaryWriter{out: w, sum: checksum{Ordered: true}}, nil
}

// checksum is what a summary holds, of one file or of all.
type checksum struct {
	Rows    int64
	Sum     uint64
	Ordered bool
	First   string
	Last    string
}

// headBytes is as much of a row as its order and number need.
const headBytes = 24

// add takes rows [from, to], of which it knows the heads.
func (c *checksum) add(d checksum) {
	if d.Rows == 0 {
		return
	}
	c.Ordered = c.Ordered && d.Ordered && (c.Rows == 0 || c.Last <= d.First)
	if c.Rows == 0 {
		c.First = d.First
	}
	c.Last = d.Last
	c.Rows += d.Rows
	c.Sum += d.Sum
}

type summaryWriter struct {
	out io.Writer
	sum checksum
}

func (w *summaryWriter) Write(rows []string) error {
	for _, row := range rows {
		head := row[:min(len(row), headBytes)]
		w.sum.Ordered = w.sum.Ordered && (w.sum.Rows == 0 || w.sum.Last <= head)
		if w.sum.Rows == 0 {
			w.sum.First = string([]byte(head)) // without the block that it stands in
		}
		w.sum.Last = head
		w.sum.Rows++
		w.sum.Sum += sumOf(row)
	}
	w.sum.Last = string([]byte(w.sum.Last))
	return nil
}

// sumOf is the number at the beginning of a row.
func sumOf(row string) uint64 {
	var n uint64
	for i := range min(len(row), numberBytes) {
		d := row[i] - '0'
		if d > 9 {
			d = row[i] - 'a' + 10
		}
		n = n<<4 | uint64(d&0xf)
	}
	return n
}

func (w *summaryWriter) Close() error {
	_, err := fmt.Fprintf(w.out, "%d %d %v %q %q\n", w.sum.Rows, w.sum.Sum, w.sum.Ordered, w.sum.First, w.sum.Last)
	return err
}
