package oracle

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestQuery(t *testing.T) {
	db := Start(t)
	file := filepath.Join(t.TempDir(), "rows.csv")
	if err := os.WriteFile(file, []byte("name,n\nAda,1\n\"Bob, B.\",\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	db.Query(t, fmt.Sprintf("CREATE TABLE rows AS SELECT * FROM read_csv('%s')", file))
	got := db.Query(t, `SELECT name, n, 0.1::DOUBLE, 12.30::DECIMAL(9,2), true, DATE '1995-06-17', sum(n) OVER () + 9223372036854775807::HUGEINT FROM rows ORDER BY name`)
	want := [][]any{
		{"Ada", "1", 0.1, "12.30", "true", "1995-06-17", "9223372036854775808"},
		{"Bob, B.", nil, 0.1, "12.30", "true", "1995-06-17", "9223372036854775808"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Query = %q, want %q", got, want)
	}
	if _, err := db.ask("SELECT nothing"); err == nil || !strings.Contains(err.Error(), "nothing") {
		t.Errorf("a query of no column: %v, want an error that names it", err)
	}
	if got := db.Query(t, "SELECT 'still here'"); !reflect.DeepEqual(got, [][]any{{"still here"}}) {
		t.Errorf("after an error: %q", got)
	}
}

func TestCells(t *testing.T) {
	type inner struct {
		Ratio float64
		At    time.Time
	}
	row := struct {
		Name  string
		Maybe *int64
		Some  *int64
		Inner inner
		Flag  bool
	}{"a", nil, new(int64(7)), inner{1e21, time.Date(1995, 6, 17, 0, 0, 0, 0, time.UTC)}, true}
	if got, want := Cells(row), []string{"a", Null, "7", "1e+21", "1995-06-17", "true"}; !reflect.DeepEqual(got, want) {
		t.Errorf("Cells = %q, want %q", got, want)
	}
}

// counted takes errors in a test's place.
type counted struct {
	testing.TB
	errors int
}

func (c *counted) Helper()               {}
func (c *counted) Errorf(string, ...any) { c.errors++ }

func TestCompare(t *testing.T) {
	for _, test := range []struct {
		name      string
		got       [][]string
		want      [][]any
		same      bool
		unordered bool
	}{
		{"equal", [][]string{{"a", Null, "1.5"}}, [][]any{{"a", nil, 1.5}}, true, true},
		{"a float that is near", [][]string{{"0.30000000000000004"}}, [][]any{{0.3}}, true, true},
		{"a float that is not", [][]string{{"0.3000001"}}, [][]any{{0.3}}, false, false},
		{"a decimal that is near", [][]string{{"1000000000.01"}}, [][]any{{"1000000000.02"}}, false, false},
		{"null and nothing", [][]string{{""}}, [][]any{{nil}}, false, false},
		{"a row too few", nil, [][]any{{"a"}}, false, false},
		{"a cell too many", [][]string{{"a", "b"}}, [][]any{{"a"}}, false, false},
		{"another order", [][]string{{"a"}, {"b"}}, [][]any{{"b"}, {"a"}}, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var ordered, unordered counted
			Compare(&ordered, "rows", test.got, test.want)
			CompareUnordered(&unordered, "rows", test.got, test.want)
			if (ordered.errors == 0) != test.same || (unordered.errors == 0) != test.unordered {
				t.Errorf("in order %d errors, in any %d; want none: %v, %v", ordered.errors, unordered.errors, test.same, test.unordered)
			}
		})
	}
}
