package format

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

var errDisk = errors.New("the disk is on fire")

// fakeFile is a file whose failAt-th operation, from 1, fails.
type fakeFile struct {
	*bytes.Reader
	failAt, operations, closed int
}

func newFakeFile(data []byte, failAt int) *fakeFile {
	return &fakeFile{Reader: bytes.NewReader(data), failAt: failAt}
}

func (f *fakeFile) fails() bool {
	f.operations++
	return f.operations == f.failAt
}

func (f *fakeFile) ReadAt(p []byte, off int64) (int, error) {
	if f.fails() {
		return 0, errDisk
	}
	return f.Reader.ReadAt(p, off)
}

func (f *fakeFile) Check() error {
	if f.fails() {
		return errDisk
	}
	return nil
}

func (f *fakeFile) Close() error {
	f.closed++
	if f.fails() {
		return errDisk
	}
	return nil
}

// lineDecoder takes a line at a time and keeps nothing.
type lineDecoder struct {
	offset  int64
	swallow bool // asks for more even when there is none
	err     error
	closed  *int
}

func (d *lineDecoder) Decode(w Window) (arrow.Record, int, error) {
	if d.err != nil {
		return nil, 0, d.err
	}
	d.offset = w.Offset
	n := bytes.IndexByte(w.Data, '\n') + 1
	if n == 0 && w.Final && !d.swallow {
		n = len(w.Data)
	}
	if n == 0 {
		return nil, 0, nil
	}
	if w.Data[0] == '#' {
		return nil, n, nil
	}
	return array.NewRecord(arrow.NewSchema(nil, nil), nil, 1), n, nil
}

func (d *lineDecoder) Place(int) Place { return Place{Offset: d.offset} }

func (d *lineDecoder) Close() error {
	if d.closed != nil {
		*d.closed++
	}
	return nil
}

// open opens a whole fake file.
func open(f *fakeFile, path string, dec *lineDecoder) (*reader, error) {
	in, err := newInput(f, plan.Split{Path: path, Length: f.Size(), Size: f.Size()}, false)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	config := &Config{Format: "test", Lines: true, NewDecoder: func(Piece) (Decoder, error) { return dec, nil }}
	r, err := newReader(context.Background(), config, in, bounded(graph.ReadOptions{}))
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return r, nil
}

// drain reads to the end and closes.
func drain(r *reader) (rows int, err error) {
	for err == nil {
		var batch arrow.Record
		if batch, err = r.Next(); err == nil {
			rows += int(batch.NumRows())
		}
	}
	if err == io.EOF {
		err = nil
	}
	return rows, errors.Join(err, r.Close())
}

func compress(t testing.TB, c Compression, data string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := c.Writer(&buf)
	if err == nil {
		_, err = io.WriteString(w, data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatalf("compress: %v", err)
	}
	return buf.Bytes()
}

// TestEveryFileOperationFails lets each operation on the file fail in turn:
// the error must come out as it is, and the file be closed.
func TestEveryFileOperationFails(t *testing.T) {
	text := strings.Repeat(strings.Repeat("a long line ", 60)+"\n", 1000)
	for c := None; c <= Zstd; c++ {
		data := compress(t, c, text)
		for failAt := 1; ; failAt++ {
			f := newFakeFile(data, failAt)
			var err error
			rows := 0
			r, err := open(f, "file", &lineDecoder{})
			if err == nil {
				rows, err = drain(r)
			}
			if f.closed != 1 {
				t.Fatalf("%v, operation %d fails: closed %d times, want once", c, failAt, f.closed)
			}
			if f.operations < failAt { // all was well
				if err != nil || rows != 1000 {
					t.Fatalf("%v without a failure: %d rows, error %v", c, rows, err)
				}
				if failAt < 4 {
					t.Fatalf("%v: only %d operations", c, failAt)
				}
				break
			}
			if !errors.Is(err, errDisk) || strings.Contains(err.Error(), "damaged") {
				t.Fatalf("%v, operation %d fails: error %v, want %v alone", c, failAt, err, errDisk)
			}
		}
	}
}

func TestReaderPassesOverWhatIsNoRow(t *testing.T) {
	r, err := open(newFakeFile([]byte("# header\nrow\n# comment\nrow\n# end"), 0), "file", &lineDecoder{})
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := drain(r); rows != 2 || err != nil {
		t.Errorf("%d rows, error %v, want 2 and none", rows, err)
	}
}

func TestDecoderThatLeavesBytesIsABug(t *testing.T) {
	r, err := open(newFakeFile([]byte("row\nrest"), 0), "file", &lineDecoder{swallow: true})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := drain(r)
	if rows != 1 || fault.KindOf(err) != fault.Internal || !strings.Contains(err.Error(), "offset 4") {
		t.Errorf("%d rows, error %v, want 1 and an internal one that names offset 4", rows, err)
	}
}

func TestReaderKeepsItsError(t *testing.T) {
	why := errors.New("not a row")
	closed := 0
	r, err := open(newFakeFile([]byte("row\n"), 0), "file", &lineDecoder{err: why, closed: &closed})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := r.Next(); err != why {
			t.Errorf("Next: error %v, want %v", err, why)
		}
	}
	for range 2 {
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if closed != 1 {
		t.Errorf("the decoder is closed %d times, want once", closed)
	}
}

func TestReadAfterClose(t *testing.T) {
	r, err := open(newFakeFile([]byte("row\n"), 0), "file", &lineDecoder{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); fault.KindOf(err) != fault.Internal {
		t.Errorf("Next after Close: error %v, want an internal one", err)
	}
}

func TestImpossiblePieces(t *testing.T) {
	for _, c := range []struct {
		name           string
		offset, length int64
		config         Config
	}{
		{"beyond the end", 5, 6, Config{Lines: true}},
		{"before the beginning", -1, 3, Config{Lines: true}},
		{"negative length", 5, -1, Config{Lines: true}},
		{"part of a file read whole", 0, 5, Config{}},
		{"across rows", 1, 2, Config{RowBytes: 2}},
		{"part of a row", 0, 3, Config{RowBytes: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFakeFile([]byte("0123456789"), 0)
			in, err := newInput(f, plan.Split{Path: "file", Offset: c.offset, Length: c.length, Size: 10}, false)
			if err != nil {
				t.Fatal(err)
			}
			c.config.NewDecoder = func(Piece) (Decoder, error) { return &lineDecoder{}, nil }
			if _, err := newReader(t.Context(), &c.config, in, bounded(graph.ReadOptions{})); fault.KindOf(err) != fault.Internal {
				t.Errorf("error %v, want an internal one", err)
			}
		})
	}
}

// TestZstdWindowIsBounded gives a frame header that asks for a window of 2 GiB.
func TestZstdWindowIsBounded(t *testing.T) {
	data := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00}
	r, err := open(newFakeFile(data, 0), "file.zst", &lineDecoder{})
	if err == nil {
		_, err = drain(r)
	}
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "--long=27") {
		t.Errorf("error %v, want an invalid one that says what to do", err)
	}
}

// TestSkippableFrame reads a zstd file that begins with a frame to skip.
func TestSkippableFrame(t *testing.T) {
	data := append([]byte{0x5a, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 'x', 'y'}, compress(t, Zstd, "a\nb\n")...)
	r, err := open(newFakeFile(data, 0), "file.zst", &lineDecoder{})
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := drain(r); rows != 2 || err != nil {
		t.Errorf("%d rows, error %v, want 2 and none", rows, err)
	}
}

func TestErrorNamesBothOffsets(t *testing.T) {
	data := compress(t, Gzip, strings.Repeat("some text\n", 1000))
	r, err := open(newFakeFile(data[:len(data)-4], 0), "dir/file.gz", &lineDecoder{})
	if err == nil {
		_, err = drain(r)
	}
	for _, want := range []string{"dir/file.gz", "ends too early", "compressed offset ", "decompressed offset 10000", "copy or write it again"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

// FuzzDecompress reads any bytes as each compression: an error or an end, and
// no panic.
func FuzzDecompress(f *testing.F) {
	for c := Gzip; c <= Zstd; c++ {
		f.Add(compress(f, c, "a\nb\nb\nb\nb\nb\nb\nb\nb\n"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, name := range []string{"file", "file.gz", "file.zst"} {
			r, err := open(newFakeFile(data, 0), name, &lineDecoder{})
			if err == nil {
				_, err = drain(r)
			}
			if err != nil && fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%s with %x: error %v of kind %v, want an invalid one", name, data, err, fault.KindOf(err))
			}
		}
	})
}
