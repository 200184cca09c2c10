package csv

import (
	"fmt"
	"io"
	"strings"

	"github.com/sheafdata/sheaf/sdk/format"
)

// bom is the byte order mark that some programs write before UTF-8.
const bom = "\xef\xbb\xbf"

// place returns the column of each field in files with a header: the one of
// exactly its name, or else the only one that differs in case alone.
func (t *table) place(header []string) ([]int, error) {
	columns := make([]int, len(t.fields))
	for i, f := range t.fields {
		exact, folded := find(header, func(name string) bool { return name == f.name }),
			find(header, func(name string) bool { return strings.EqualFold(name, f.name) })
		switch {
		case len(exact) == 1:
			columns[i] = exact[0]
		case len(exact) > 1:
			return nil, fmt.Errorf("column %q stands %d times in the header %q", f.name, len(exact), header)
		case len(folded) == 1:
			columns[i] = folded[0]
		case len(folded) > 1:
			return nil, fmt.Errorf("column %q, of field %s, could be any of %d columns in the header %q that differ in case alone: name one with the tag `%s:\"name\"`", f.name, f.goName, len(folded), header, Tag)
		default:
			return nil, fmt.Errorf("no column %q, of field %s, in the header %q: name another with the tag `%s:\"name\"`, or set NoHeader if this line is a row", f.name, f.goName, header, Tag)
		}
	}
	return columns, nil
}

func find(header []string, matches func(string) bool) (at []int) {
	for i, name := range header {
		if matches(name) {
			at = append(at, i)
		}
	}
	return at
}

// positions is place for files without a header.
func (t *table) positions() []int {
	columns := make([]int, len(t.fields))
	for i := range columns {
		columns[i] = i
	}
	return columns
}

// headerBytes is how much of a file is first read for its header.
const headerBytes = 4 << 10

// readHeader reads the header at the beginning of a plain file, for a piece
// further on.
func (d *decoder) readHeader() error {
	for size := int64(headerBytes); ; size *= 2 {
		buf := make([]byte, min(size, d.piece.Size))
		if n, err := d.piece.File.ReadAt(buf, 0); err != nil && (err != io.EOF || n < len(buf)) {
			return err
		}
		w := format.Window{Data: buf, Limit: len(buf), Final: int64(len(buf)) == d.piece.Size}
		taken, err := d.header(w)
		if err != nil {
			return err
		}
		if d.columns != nil || w.Final {
			d.begin = int64(taken)
			return nil
		}
		if int64(len(buf)) > d.piece.Options.MaxRowBytes+2 {
			return d.piece.RowTooLong(0)
		}
	}
}

// header takes the header at the beginning of a file's first window, and the
// empty lines and comments before it: 0 asks for a longer window. At the end of
// a file without a header all is taken and there are no rows.
func (d *decoder) header(w format.Window) (int, error) {
	s := d.scratch
	s.clear()
	from := afterBOM(w)
	for at := from; at >= 0 && at < len(w.Data); {
		next, found := d.walk(w, at, anyWidth)
		switch found {
		case foundNone:
			return 0, nil
		case foundProblem:
			return 0, d.located(w, d.problem)
		case foundNothing:
			at = next
			continue
		}
		if err := d.setHeader(w, at); err != nil {
			return 0, err
		}
		return next, nil
	}
	if !w.Final {
		return 0, nil
	}
	return len(w.Data), nil
}

// setHeader maps the fields to the columns that the scratch's only row names.
func (d *decoder) setHeader(w format.Window, at int) error {
	s := d.scratch
	header := make([]string, 0, len(s.ends))
	c := cells{table: d.table, scratch: s, data: w.Data}
	from := int(s.starts[0]) + 1
	for _, end := range s.ends {
		name, _ := c.text(from, int(end))
		header = append(header, string(name))
		from = int(end) + 1
	}
	columns, err := d.table.place(header)
	if err != nil {
		return d.located(w, problem{at: at, err: err})
	}
	d.columns, d.width = columns, len(header)
	return nil
}

// afterBOM returns where the first row of a window can begin: behind a byte
// order mark, at the beginning of a file. It returns -1 where the window is too
// short to tell.
func afterBOM(w format.Window) int {
	n := min(len(w.Data), len(bom))
	switch {
	case w.Offset > 0 || string(w.Data[:n]) != bom[:n]:
		return 0
	case n == len(bom):
		return n
	case w.Final:
		return 0
	}
	return -1
}
