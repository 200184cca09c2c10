package oracle

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"
)

// Null is the cell of a row that stands for SQL's null.
const Null = "\x00null"

// shown is how many differences are worth reading.
const shown = 3

// Compare reports where rows of a job differ from those of Query, in order.
// Floats may differ by a billionth of their size, since sums of floats depend
// on their order; all else must be the same text.
func Compare(t testing.TB, what string, got [][]string, want [][]any) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d rows, DuckDB has %d", what, len(got), len(want))
	}
	differ := 0
	for i := range min(len(got), len(want)) {
		if !sameRow(got[i], want[i]) {
			if differ++; differ <= shown {
				t.Errorf("%s: row %d is %q, DuckDB has %q", what, i, got[i], texts(want[i]))
			}
		}
	}
	if differ > shown {
		t.Errorf("%s: %d rows differ", what, differ)
	}
}

// CompareUnordered is Compare of rows in any order. Floats must be such that
// both sides know them exactly, or stand behind cells that tell rows apart.
func CompareUnordered(t testing.TB, what string, got [][]string, want [][]any) {
	t.Helper()
	got, want = slices.Clone(got), slices.Clone(want)
	slices.SortFunc(got, slices.Compare)
	slices.SortFunc(want, func(a, b []any) int { return slices.Compare(texts(a), texts(b)) })
	Compare(t, what, got, want)
}

func sameRow(got []string, want []any) bool {
	return slices.EqualFunc(got, want, func(g string, w any) bool {
		if w, ok := w.(float64); ok {
			g, err := strconv.ParseFloat(g, 64)
			return err == nil && math.Abs(g-w) <= 1e-9*math.Abs(w)
		}
		return g == text(w)
	})
}

func texts(row []any) []string {
	all := make([]string, len(row))
	for i, v := range row {
		all[i] = text(v)
	}
	return all
}

// text writes a cell of an answer, or the value of a field.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return Null
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case time.Time:
		return v.Format(time.DateOnly)
	}
	return fmt.Sprint(v)
}

// Cells writes a row of a job as Query writes its answers: a cell for each field,
// those of structs inside it included, and Null for a pointer that is nil. A time
// is written as a date.
func Cells(row any) []string {
	v := reflect.ValueOf(row)
	switch {
	case v.Kind() == reflect.Pointer && v.IsNil():
		return []string{Null}
	case v.Kind() == reflect.Pointer:
		return Cells(v.Elem().Interface())
	case v.Kind() != reflect.Struct || v.Type() == reflect.TypeFor[time.Time]():
		return []string{text(row)}
	}
	var cells []string
	for i := range v.NumField() {
		cells = append(cells, Cells(v.Field(i).Interface())...)
	}
	return cells
}
