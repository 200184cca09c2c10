package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"

	"github.com/zeebo/xxh3"
)

// layout says what a row looks like.
type layout struct{ rowBytes, keyBytes int }

// sum tells collections of rows apart, whatever their order. Hashes are added,
// because two equal rows would vanish from an exclusive or.
type sum struct {
	rows      int64
	high, low uint64 // of the sum of the rows' hashes
}

func (s *sum) add(row []byte) {
	h := xxh3.Hash128(row)
	low, carry := bits.Add64(s.low, h.Lo, 0)
	s.high, _ = bits.Add64(s.high, h.Hi, carry)
	s.low = low
	s.rows++
}

// sumOf adds up the rows of files, and describes the first row whose key is
// below that of the row before it.
func (l layout) sumOf(files []string) (s sum, disorder string, err error) {
	var last []byte
	for _, path := range files {
		err := l.eachRow(path, func(offset int64, row []byte) {
			if key := row[:l.keyBytes]; disorder == "" && last != nil && bytes.Compare(key, last) < 0 {
				disorder = fmt.Sprintf("%s, offset %d: key %q comes after key %q", path, offset, key, last)
			}
			last = append(last[:0], row[:l.keyBytes]...)
			s.add(row)
		})
		if err != nil {
			return sum{}, "", err
		}
	}
	return s, disorder, nil
}

func (l layout) eachRow(path string, use func(offset int64, row []byte)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // only read
	r := bufio.NewReaderSize(f, 1<<20)
	row := make([]byte, l.rowBytes)
	for offset := int64(0); ; offset += int64(l.rowBytes) {
		n, err := io.ReadFull(r, row)
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return fmt.Errorf("%s, offset %d: the last row has %d bytes of %d", path, offset, n, l.rowBytes)
		case err != nil:
			return fmt.Errorf("%s, offset %d: %w", path, offset, err)
		}
		use(offset, row)
	}
}
