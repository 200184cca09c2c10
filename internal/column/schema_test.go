package column

import (
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/internal/fault"
)

func TestSchema(t *testing.T) {
	type sub struct {
		X int8
		Y *string
	}
	type row struct {
		A int
		B []byte
		C *bool
		D []sub
		E time.Time `sheaf:"when"`
		F string    `sheaf:"-"`
	}
	tests := []struct {
		name string
		typ  *Type
		want []string
	}{
		{"struct", mustPlan[row](t), []string{
			"A: type=int64", "B: type=binary, nullable", "C: type=bool, nullable",
			"D: type=list<item: struct<X: int8, Y: utf8>>, nullable", "when: type=timestamp[ns, tz=UTC]",
		}},
		{"pointer to struct", mustPlan[*sub](t), []string{"value: type=struct<X: int8, Y: utf8>, nullable"}},
		{"number", mustPlan[uint](t), []string{"value: type=uint64"}},
		{"list", mustPlan[[]*int32](t), []string{"value: type=list<item: int32, nullable>, nullable"}},
		{"no fields", mustPlan[struct{}](t), nil},
	}
	for _, tc := range tests {
		s := tc.typ.Schema()
		if s != tc.typ.Schema() {
			t.Errorf("%s: Schema is not shared", tc.name)
		}
		var got []string
		for _, f := range s.Fields() {
			got = append(got, f.String())
		}
		if g, w := strings.Join(got, "; "), strings.Join(tc.want, "; "); g != w {
			t.Errorf("%s: Schema = %s, want %s", tc.name, g, w)
		}
		if err := CheckSchema(tc.typ, arrow.NewSchema(s.Fields(), nil)); err != nil {
			t.Errorf("%s: CheckSchema of its own columns = %v", tc.name, err)
		}
	}
}

func TestCheckSchemaRefuses(t *testing.T) {
	type sub struct{ X int8 }
	type row struct {
		A int
		T time.Time
		S sub
		L []string
	}
	typ := mustPlan[row](t)
	good := typ.Schema().Fields()
	change := func(i int, f arrow.Field) *arrow.Schema {
		fields := append([]arrow.Field(nil), good...)
		fields[i] = f
		return arrow.NewSchema(fields, nil)
	}
	st := func(fields ...arrow.Field) arrow.DataType { return arrow.StructOf(fields...) }
	tests := []struct {
		name   string
		schema *arrow.Schema
		want   string
	}{
		{"none", nil, "no schema"},
		{"fewer columns", arrow.NewSchema(good[:2], nil), "2 columns, want 4"},
		{"another name", change(0, arrow.Field{Name: "a", Type: good[0].Type}), `column "A": the batch has column "a"`},
		{"another width", change(0, arrow.Field{Name: "A", Type: arrow.PrimitiveTypes.Int32}), `column "A": type is int32, want int64`},
		{"another unit", change(1, arrow.Field{Name: "T", Type: arrow.FixedWidthTypes.Timestamp_us}), `column "T": type is timestamp[us, tz=UTC], want timestamp[ns, tz=UTC]`},
		{"no struct", change(2, arrow.Field{Name: "S", Type: arrow.BinaryTypes.String}), `column "S": type is utf8, want struct<X: int8>`},
		{"fields of a struct", change(2, arrow.Field{Name: "S", Type: st()}), `struct has 0 fields, want 1`},
		{"name in a struct", change(2, arrow.Field{Name: "S", Type: st(arrow.Field{Name: "Y", Type: arrow.PrimitiveTypes.Int8})}), `column "S": struct has field "Y" in place of "X"`},
		{"type in a struct", change(2, arrow.Field{Name: "S", Type: st(arrow.Field{Name: "X", Type: arrow.PrimitiveTypes.Uint8})}), `column "S": field "X": type is uint8`},
		{"no list", change(3, arrow.Field{Name: "L", Type: arrow.BinaryTypes.String}), `column "L": type is utf8, want list`},
		{"type in a list", change(3, arrow.Field{Name: "L", Type: arrow.ListOf(arrow.BinaryTypes.Binary)}), `column "L": element: type is binary, want utf8`},
	}
	for _, tc := range tests {
		err := CheckSchema(typ, tc.schema)
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: CheckSchema = %v, want an invalid error with %q", tc.name, err, tc.want)
		}
	}
	if err := CheckSchema(mustPlan[int](t), typ.Schema()); fault.KindOf(err) != fault.Invalid {
		t.Errorf("CheckSchema of 4 columns for one = %v, want an invalid error", err)
	}
}
