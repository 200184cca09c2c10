package format

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// failingAt is a file of which reading fails.
type failingAt struct{}

func (failingAt) ReadAt([]byte, int64) (int, error) { return 0, errors.New("disk on fire") }

func TestLinesBefore(t *testing.T) {
	text := strings.Repeat("0123456\n", 100_000)
	for _, c := range []struct {
		name   string
		file   io.ReaderAt
		kind   Compression
		offset int64
		lines  int64
		ok     bool
	}{
		{"beginning", bytes.NewReader([]byte(text)), None, 0, 0, true},
		{"within the first line", bytes.NewReader([]byte(text)), None, 7, 0, true},
		{"behind the first line", bytes.NewReader([]byte(text)), None, 8, 1, true},
		{"behind several windows", bytes.NewReader([]byte(text)), None, 799_999, 99_999, true},
		{"end", bytes.NewReader([]byte(text)), None, 800_000, 100_000, true},
		{"behind the end", bytes.NewReader([]byte(text)), None, 800_001, 0, false},
		{"compressed", bytes.NewReader([]byte(text)), Gzip, 8, 0, false},
		{"far behind the beginning", bytes.NewReader([]byte(text)), None, countedBytes + 1, 0, false},
		{"reading fails", failingAt{}, None, 8, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines, ok := Piece{File: c.file, Compression: c.kind}.LinesBefore(c.offset)
			if ok != c.ok || ok && lines != c.lines {
				t.Errorf("LinesBefore(%d) = %d, %v, want %d, %v", c.offset, lines, ok, c.lines, c.ok)
			}
		})
	}
}
