package column

import (
	"fmt"
	"sync"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/internal/fault"
)

// ValueColumn names the one column of a row type that is not a struct.
const ValueColumn = "value"

// timestampType is how times are stored: nanoseconds since 1970 in UTC.
var timestampType = &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"}

var schemas sync.Map // *Type -> *arrow.Schema

// Schema returns the schema of batches of t: of a struct one column a field,
// of any other type, a pointer to a struct included, one column named
// ValueColumn. A struct without fields has no columns. The schema is shared.
func (t *Type) Schema() *arrow.Schema {
	if s, ok := schemas.Load(t); ok {
		return s.(*arrow.Schema)
	}
	s, _ := schemas.LoadOrStore(t, arrow.NewSchema(t.columnFields(), nil))
	return s.(*arrow.Schema)
}

func (t *Type) columnFields() []arrow.Field {
	if t.Kind == Struct {
		return t.arrowFields()
	}
	return []arrow.Field{t.arrowField(ValueColumn)}
}

func (t *Type) arrowFields() []arrow.Field {
	fields := make([]arrow.Field, len(t.Fields))
	for i, f := range t.Fields {
		fields[i] = f.Type.arrowField(f.Name)
	}
	return fields
}

func (t *Type) arrowField(name string) arrow.Field {
	return arrow.Field{Name: name, Type: t.arrowType(), Nullable: t.nullable()}
}

// nullable reports whether a Go value of the type can be null.
func (t *Type) nullable() bool {
	return t.Kind == Pointer || t.Kind == List || t.Kind == Bytes
}

// base returns the type without its pointer.
func (t *Type) base() *Type {
	if t.Kind == Pointer {
		return t.Elem
	}
	return t
}

func (t *Type) arrowType() arrow.DataType {
	switch t.Kind {
	case Pointer:
		return t.Elem.arrowType()
	case Struct:
		return arrow.StructOf(t.arrowFields()...)
	case List:
		return arrow.ListOfField(t.Elem.arrowField("item"))
	}
	return scalarTypes[t.Kind]
}

var scalarTypes = [...]arrow.DataType{
	Bool: arrow.FixedWidthTypes.Boolean,
	Int8: arrow.PrimitiveTypes.Int8, Int16: arrow.PrimitiveTypes.Int16,
	Int32: arrow.PrimitiveTypes.Int32, Int64: arrow.PrimitiveTypes.Int64,
	Uint8: arrow.PrimitiveTypes.Uint8, Uint16: arrow.PrimitiveTypes.Uint16,
	Uint32: arrow.PrimitiveTypes.Uint32, Uint64: arrow.PrimitiveTypes.Uint64,
	Float32: arrow.PrimitiveTypes.Float32, Float64: arrow.PrimitiveTypes.Float64,
	String: arrow.BinaryTypes.String, Bytes: arrow.BinaryTypes.Binary,
	Time: timestampType,
}

// CheckSchema reports whether batches of schema s hold rows of t: the same
// number of columns, each with the expected name and type. Nullability and the
// name of a list's element are not compared: whether a null fits is decided
// when one is met. The error names the column and is of kind Invalid.
func CheckSchema(t *Type, s *arrow.Schema) error {
	if s == nil {
		return fault.New(fault.Invalid, "batch has no schema")
	}
	if s == t.Schema() {
		return nil
	}
	if t.Kind != Struct {
		if n := s.NumFields(); n != 1 {
			return countMismatch(n, 1)
		}
		return checkField(t, ValueColumn, s.Field(0))
	}
	if n := s.NumFields(); n != len(t.Fields) {
		return countMismatch(n, len(t.Fields))
	}
	for i := range t.Fields {
		f := &t.Fields[i]
		if err := checkField(f.Type, f.Name, s.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

func countMismatch(got, want int) error {
	return fault.New(fault.Invalid, "batch has %d columns, want %d", got, want)
}

func checkField(t *Type, name string, got arrow.Field) error {
	if got.Name != name {
		return fault.New(fault.Invalid, "column %q: the batch has column %q in its place", name, got.Name)
	}
	if err := checkType(t, got.Type); err != nil {
		return fault.Wrap(fault.Invalid, fmt.Errorf("column %q: %w", name, err))
	}
	return nil
}

// checkType compares without allocating unless something is wrong: it runs for
// batches of foreign schemas, a batch at a time.
func checkType(t *Type, got arrow.DataType) error {
	b := t.base()
	switch b.Kind {
	case Struct:
		if st, ok := got.(*arrow.StructType); ok {
			return checkStruct(b, st)
		}
	case List:
		if lt, ok := got.(*arrow.ListType); ok {
			if err := checkType(b.Elem, lt.Elem()); err != nil {
				return fmt.Errorf("element: %w", err)
			}
			return nil
		}
	case Time:
		if tt, ok := got.(*arrow.TimestampType); ok && tt.Unit == arrow.Nanosecond && tt.TimeZone == timestampType.TimeZone {
			return nil
		}
	default:
		if got.ID() == scalarTypes[b.Kind].ID() {
			return nil
		}
	}
	return fmt.Errorf("type is %v, want %v (%v)", got, t.arrowType(), t)
}

func checkStruct(t *Type, got *arrow.StructType) error {
	if n := got.NumFields(); n != len(t.Fields) {
		return fmt.Errorf("struct has %d fields, want %d", n, len(t.Fields))
	}
	for i := range t.Fields {
		f := &t.Fields[i]
		have := got.Field(i) // Fields would copy
		if have.Name != f.Name {
			return fmt.Errorf("struct has field %q in place of %q", have.Name, f.Name)
		}
		if err := checkType(f.Type, have.Type); err != nil {
			return fmt.Errorf("field %q: %w", f.Name, err)
		}
	}
	return nil
}
