package column

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/internal/fault"
)

// ScanRows fills dst with the rows of rec from row from on; t must be the
// plan of T and the schema of rec that of t (CheckSchema). Every stored field
// is overwritten and every field that is left out of the columns is zeroed.
//
// Strings and []byte view the batch, whose buffers must therefore never be
// written again; appending to a []byte or a slice copies it. The elements of
// all lists of a column, and what all its pointers point to, are one
// allocation. Errors: fault.Invalid when the schema does not fit or a null
// meets a type that cannot hold it.
func ScanRows[T any](t *Type, rec arrow.Record, from int, dst []T) error {
	if goType := reflect.TypeFor[T](); goType != t.Go {
		return fault.New(fault.Internal, "scan columns of type %v to rows of type %v", t.Go, goType)
	}
	if rows := rec.NumRows(); from < 0 || int64(from) > rows || int64(len(dst)) > rows-int64(from) {
		return fault.New(fault.Internal, "scan rows %d to %d of a batch of %d rows", from, from+len(dst), rows)
	}
	if err := CheckSchema(t, rec.Schema()); err != nil || len(dst) == 0 {
		return err
	}
	if t.leavesOut() {
		clear(dst)
	}
	to := target{unsafe.Pointer(unsafe.SliceData(dst)), unsafe.Sizeof(dst[0])}
	if err := scanBatch(t, rec, from, len(dst), to); err != nil {
		return fault.Wrap(fault.Invalid, err)
	}
	return nil
}

func scanBatch(t *Type, rec arrow.Record, from, n int, to target) error {
	if t.Kind != Struct {
		return columnError(ValueColumn, scan(t, section(rec, 0, from, n), to))
	}
	for i := range t.Fields {
		f := &t.Fields[i]
		if err := scan(f.Type, section(rec, i, from, n), to.field(f)); err != nil {
			return columnError(f.Name, err)
		}
	}
	return nil
}

// columnError turns a nullError into an error; it keeps nil an untyped nil.
func columnError(column string, err *nullError) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("column %q: %w", column+err.path, err)
}

// leavesOut reports whether a value of the type has fields without a column.
func (t *Type) leavesOut() bool {
	if t.Kind != Struct {
		return false
	}
	if t.Go.NumField() != len(t.Fields) {
		return true
	}
	for i := range t.Fields {
		if t.Fields[i].Type.leavesOut() {
			return true
		}
	}
	return false
}

// rows is a section of a column: n rows of its buffers from index at on, where
// at counts from the start of the buffers and so includes the array's offset.
type rows struct {
	data  arrow.ArrayData
	at, n int
	outer *validity // of the structs around it; nil if all are valid
}

func section(rec arrow.Record, column, from, n int) rows {
	d := rec.Column(column).Data()
	return rows{data: d, at: d.Offset() + from, n: n}
}

// child is the section of a struct's child under the section.
func (s rows) child(i int) rows {
	d := s.data.Children()[i]
	return rows{data: d, at: d.Offset() + s.at, n: s.n, outer: s.outer}
}

// buffer returns a buffer's bytes, nil if there is none.
func (s rows) buffer(i int) []byte {
	if b := s.data.Buffers()[i]; b != nil {
		return b.Bytes()
	}
	return nil
}

// bitmap returns the validity bitmap, indexed from at, and how many of the
// rows are null; nil if none is.
func (s rows) bitmap() ([]byte, int) {
	b := s.buffer(0)
	if b == nil || s.data.NullN() == 0 {
		return nil, 0
	}
	nulls := s.n - countOnes(b, s.at, s.n)
	if nulls == 0 {
		return nil, 0
	}
	return b, nulls
}

// target is where n Go values go: the first to p, each stride bytes after the
// one before.
type target struct {
	p      unsafe.Pointer
	stride uintptr
}

func (t target) field(f *Field) target {
	return target{unsafe.Add(t.p, f.Offset), t.stride}
}

func (t target) at(i int) unsafe.Pointer { return unsafe.Add(t.p, uintptr(i)*t.stride) }

// validity says which rows of a section are not null.
type validity struct {
	bits  []byte
	at    int
	outer *validity
}

func (v *validity) valid(i int) bool {
	for ; v != nil; v = v.outer {
		if !bit(v.bits, v.at+i) {
			return false
		}
	}
	return true
}

// nullError is a null where the Go type has no place for one. Path leads from
// the column to the value.
type nullError struct {
	path string
	row  int
	typ  *Type
}

// Error implements error.
func (e *nullError) Error() string {
	return fmt.Sprintf("value %d is null, which %v cannot hold; make the Go type a pointer: *%v", e.row, e.typ.Go, e.typ.Go)
}

func (e *nullError) under(name string) *nullError {
	e.path = name + e.path
	return e
}
