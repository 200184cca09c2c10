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
		v.Field(i).SetInt(int64(i + 1))
	}
	sum := f
	sum.Add(negative(f))
	if sum != (plan.Figures{}) {
		t.Errorf("%+v and its negative give %+v, want zero", f, sum)
	}
}
