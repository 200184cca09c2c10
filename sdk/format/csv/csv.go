// Package csv reads and writes comma-separated values (RFC 4180) as rows of a
// Go struct: Read and Write in programs, Source and NewFormat for who builds on
// them. Columns of a file find the fields of the struct by the names in its
// header; columns that the struct lacks are passed over without being parsed.
// Every value is checked against the type of its field, and what does not fit
// is an error (fault.Invalid) with file, line, column and offset.
//
// Quoted fields may hold commas, line ends and doubled quotes, and any byte
// range of a plain file can still be read alone: see quotes.go for how the
// reader of one knows whether it begins inside quotes.
//
// Readers own no goroutine and are used by one at a time. Batches are garbage
// collected; their strings may be kept.
package csv

import (
	"strings"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/sdk/format"
)

// formatName is the format's name in plans and messages.
const formatName = "csv"

// Tag is the key of the struct tag that names a field's column in files, where
// that is not the name by which the rest of a program knows it.
const Tag = "csv"

// ReadOptions say how CSV files are read. The zero value reads RFC 4180 with a
// header: commas, quotes, "\n" or "\r\n" at the end of rows, as many fields in
// every row as in the header.
type ReadOptions struct {
	// Comma separates fields: one ASCII character other than letters,
	// digits and "+-.", 0 for a comma.
	Comma rune
	// NoHeader says that files begin with a row: columns are the fields of the
	// row type by position.
	NoHeader bool
	// NoQuotes makes the quote a character like any other: a line is a row,
	// always. Many files with tabs are such.
	NoQuotes bool
	// LazyQuotes accepts quotes inside fields that do not begin with one, and
	// single quotes inside fields that do. What is inside quotes then depends
	// on all that stands before, so that each file is read by one task.
	LazyQuotes bool
	// Comment, when not 0, is the ASCII character that begins a line which is
	// passed over. Since a comment may hold quotes, each file is read by one task.
	Comment rune
	// Ragged accepts rows with fewer fields than there are columns, whose
	// missing fields are empty, and with more, whose rest is passed over.
	Ragged bool
	// TrimSpace drops spaces and tabs around fields, outside quotes.
	TrimSpace bool
	// NullValues are texts that stand for null besides nothing at all, such as
	// "NA", in columns of pointers. A string in quotes is never null.
	NullValues []string
	// TimeLayout is the layout of times, as package time defines it; "" reads
	// RFC 3339 and dates (2006-01-02).
	TimeLayout string
}

// dialect is ReadOptions, checked.
type dialect struct {
	ReadOptions
	comma   byte
	comment byte   // 0 if there is none
	space   string // what TrimSpace drops
}

func dialectOf(opts []ReadOptions) (dialect, error) {
	d := dialect{comma: ',', space: " \t"}
	var err error
	if d.ReadOptions, err = format.OneOf("read csv", opts); err != nil {
		return d, err
	}
	if d.comma, err = separator("read", d.Comma); err != nil {
		return d, err
	}
	d.space = strings.ReplaceAll(d.space, string(rune(d.comma)), "")
	if c := d.Comment; c != 0 {
		if !plainByte(c) || byte(c) == d.comma {
			return d, fault.New(fault.Invalid, "read csv: a comment cannot begin with %q: it takes an ASCII character that is no letter, digit, sign, point, quote, line end or separator", c)
		}
		d.comment = byte(c)
	}
	if d.NoQuotes && d.LazyQuotes {
		return d, fault.New(fault.Invalid, "read csv: NoQuotes and LazyQuotes exclude each other")
	}
	return d, nil
}

// lines reports whether every line is a row.
func (d *dialect) lines() bool { return d.NoQuotes }

// counts reports whether the number of quotes before a place tells whether it
// is inside quotes.
func (d *dialect) counts() bool { return !d.NoQuotes && !d.LazyQuotes && d.comment == 0 }

// separator checks what separates fields.
func separator(doing string, comma rune) (byte, error) {
	if comma == 0 {
		return ',', nil
	}
	if !plainByte(comma) {
		return 0, fault.New(fault.Invalid, "%s csv: fields cannot be separated by %q: it takes an ASCII character that is no letter, digit, sign, point, quote or line end", doing, comma)
	}
	return byte(comma), nil
}

// plainByte reports whether a character can be given a meaning of its own:
// numbers then never need quotes.
func plainByte(c rune) bool {
	return c > 0 && c < 0x80 && !strings.ContainsRune("\"\r\n+-.", c) &&
		(c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z')
}
