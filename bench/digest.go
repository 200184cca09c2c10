package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/zeebo/xxh3"
)

// digest is what is compared of an output, of any size in little memory.
type digest struct {
	rows     int64  // lines
	sum      uint64 // of the lines' hashes: the same in any order
	stream   uint64 // of the lines' hashes, in order
	descents int64  // lines whose key is below that of the line before
	key      [keyBytes]byte
}

// keyBytes is how much of a line is its key where lines are sorted.
const keyBytes = 10

func (d *digest) add(line []byte) {
	h := xxh3.Hash(line)
	d.rows++
	d.sum += h
	// A product with an odd number, so that no line is forgotten.
	d.stream = d.stream*0x9e3779b97f4a7c15 + h
	var key [keyBytes]byte
	copy(key[:], line)
	if d.rows > 1 && bytes.Compare(key[:], d.key[:]) < 0 {
		d.descents++
	}
	d.key = key
}

// order says in how far outputs must agree.
type order int

const (
	anyOrder order = iota // the same lines
	byKey                 // the same lines, in order of their keys; lines with one key in any order
	exactly               // byte for byte
	never                 // the output is no result
)

// as keeps of a digest what must agree.
func (d digest) as(o order) digest {
	switch o {
	case anyOrder:
		return digest{rows: d.rows, sum: d.sum}
	case byKey:
		return digest{rows: d.rows, sum: d.sum, descents: d.descents}
	case never:
		return digest{}
	}
	return d
}

func (d digest) String() string {
	return fmt.Sprintf("%d rows, sum %016x, stream %016x, %d descents", d.rows, d.sum, d.stream, d.descents)
}

// digestOf reads an output: a file, or the parts of a directory in name order.
func digestOf(path string) (digest, error) {
	var d digest
	files := []string{path}
	info, err := os.Stat(path)
	if err != nil {
		return d, fmt.Errorf("output: %w", err)
	}
	if info.IsDir() {
		entries, err := os.ReadDir(path)
		if err != nil {
			return d, fmt.Errorf("output: %w", err)
		}
		files = nil
		for _, e := range entries {
			if !e.IsDir() && !strings.HasPrefix(e.Name(), "_") && !strings.HasPrefix(e.Name(), ".") {
				files = append(files, filepath.Join(path, e.Name()))
			}
		}
	}
	for _, f := range files {
		err := eachLine(f, func(line []byte) error {
			d.add(line)
			return nil
		})
		if err != nil {
			return d, fmt.Errorf("output: %w", err)
		}
	}
	return d, nil
}
