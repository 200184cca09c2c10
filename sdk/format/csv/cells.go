package csv

import (
	"bytes"
	"unsafe"
)

// cells is one column of a batch as text: the fields between separators.
type cells struct {
	table   *table
	scratch *scratch
	data    []byte
	rows    int
	// Field i is data[prev[i*prevStep]+1 : end[i*endStep]]; pointers, since the
	// check of both bounds would cost a fifth of reading a number.
	prev, end         unsafe.Pointer
	prevStep, endStep int // in bytes
	// careful says that a text may mean something else than it looks like: that
	// space is around it, or that it stands for null.
	careful bool
}

// placeBytes is the size of a place in starts and ends.
const placeBytes = int(unsafe.Sizeof(int32(0)))

// cells returns a column of the rows in the scratch, of which there must be one.
func (d *decoder) cells(data []byte, column int, nullable bool) cells {
	s := d.scratch
	c := cells{
		table: d.table, scratch: s, data: data, rows: len(s.starts),
		prev: unsafe.Pointer(unsafe.SliceData(s.starts)), prevStep: placeBytes,
		end: unsafe.Pointer(&s.ends[column]), endStep: d.width * placeBytes,
		careful: d.table.TrimSpace || nullable && len(d.table.nulls) > 0,
	}
	if column > 0 {
		c.prev, c.prevStep = unsafe.Pointer(&s.ends[column-1]), d.width*placeBytes
	}
	return c
}

// at returns where field i is, from 0 to rows-1. It ends before it begins if it
// is missing.
func (c *cells) at(i int) (from, to int) {
	return int(*(*int32)(unsafe.Add(c.prev, i*c.prevStep))) + 1, int(*(*int32)(unsafe.Add(c.end, i*c.endStep)))
}

// text returns what a field says, and whether it was in quotes. It views the
// data or, where quotes were doubled, memory that the next call overwrites.
func (c *cells) text(from, to int) (text []byte, quoted bool) {
	if to < from {
		return nil, false
	}
	text = c.data[from:to]
	if c.table.TrimSpace {
		text = bytes.Trim(text, c.table.space)
	}
	if c.table.NoQuotes || len(text) == 0 || text[0] != '"' {
		return text, false
	}
	text = text[1:]
	// Only a lazy reader takes a field in quotes that are not closed.
	if n := len(text); n > 0 && text[n-1] == '"' {
		text = text[:n-1]
	}
	if bytes.IndexByte(text, '"') < 0 {
		return text, true
	}
	c.scratch.text = undouble(c.scratch.text[:0], text)
	return c.scratch.text, true
}

// undouble appends a text with one of every two quotes.
func undouble(plain, text []byte) []byte {
	for i := 0; i < len(text); i++ {
		plain = append(plain, text[i])
		if text[i] == '"' && i+1 < len(text) && text[i+1] == '"' {
			i++
		}
	}
	return plain
}
