package schedule

import (
	"reflect"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
)

// TestNegative holds that a task which is undone takes all its figures with it,
// also those that are added to plan.Figures later.
func TestNegative(t *testing.T) {
	var f plan.Figures
	v := reflect.ValueOf(&f).Elem()
	for i := range v.NumField() {
		if v.Field(i).Kind() == reflect.Int64 {
			v.Field(i).SetInt(int64(i + 1))
		}
	}
	f.Counters = []int64{7, -3}
	sum := f
	sum.Add(negative(f))
	if want := (plan.Figures{Counters: []int64{0, 0}}); !reflect.DeepEqual(sum, want) {
		t.Errorf("%+v and its negative give %+v, want zero", f, sum)
	}
	if f.Counters[0] != 7 {
		t.Errorf("Add changed counters that others hold: %v", f.Counters)
	}
}
