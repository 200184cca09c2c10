package csv

import (
	"fmt"
	"reflect"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
)

// field is one field of the row type and its column in files.
type field struct {
	name     string // of the column in files
	goName   string
	goType   reflect.Type
	offset   uintptr
	kind     column.Kind // of the value, without its pointer
	pointer  bool
	nullable bool
}

// fieldsOf returns the fields of a row type, in the order of its columns. Types
// that no CSV file can hold are refused, naming the field.
func fieldsOf(doing string, t *column.Type) ([]field, error) {
	if t.Kind != column.Struct {
		return nil, fault.New(fault.Invalid, "%s csv: rows are of type %v: a row of CSV is a struct with a field for each column", doing, t.Go)
	}
	fields := make([]field, 0, len(t.Fields))
	taken := map[string]string{}
	for i := range t.Go.NumField() {
		g := t.Go.Field(i)
		if g.Tag.Get(column.Tag) == "-" {
			continue
		}
		c := t.Fields[len(fields)]
		f := field{name: c.Name, goName: g.Name, goType: g.Type, offset: c.Offset, kind: c.Type.Kind}
		if tag, ok := g.Tag.Lookup(Tag); ok && tag != "" {
			f.name = tag
		}
		if f.name == "-" {
			return nil, refuse(doing, t, g.Name, fmt.Errorf("a field has a column or is left out of rows altogether: use the tag `%s:\"-\"`", column.Tag))
		}
		if c.Type.Kind == column.Pointer {
			f.pointer, f.kind = true, c.Type.Elem.Kind
		}
		f.nullable = f.pointer || f.kind == column.Bytes
		if f.kind == column.Struct || f.kind == column.List {
			return nil, refuse(doing, t, g.Name, fmt.Errorf("type %v has parts, and a column of CSV holds single values", g.Type))
		}
		if other, ok := taken[f.name]; ok {
			return nil, refuse(doing, t, g.Name, fmt.Errorf("the column name %q is taken by field %s", f.name, other))
		}
		taken[f.name] = g.Name
		fields = append(fields, f)
	}
	if len(fields) == 0 {
		return nil, fault.New(fault.Invalid, "%s csv: the row type %v has no fields", doing, t.Go)
	}
	return fields, nil
}

func refuse(doing string, t *column.Type, name string, err error) error {
	return fault.New(fault.Invalid, "%s csv: field %s of %v: %w", doing, name, t.Go, err)
}

// elem is the Go type of the value, without its pointer.
func (f *field) elem() reflect.Type {
	if f.pointer {
		return f.goType.Elem()
	}
	return f.goType
}
