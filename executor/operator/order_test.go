package operator

import "testing"

// TestOrderText reads the keys of a sort for people.
func TestOrderText(t *testing.T) {
	type row struct {
		Name  string
		Count int
	}
	name := By(keyOf[string](t), func(r row) string { return r.Name })
	count := By(keyOf[int](t), func(r row) int { return r.Count })
	unread := Term[row]{start: func(bool, bool) term[row] {
		return term[row]{load: func([]row) {}, append: func(dst []byte, _ int) []byte { return append(dst, 1) }}
	}}
	for want, order := range map[string]Order[row]{
		`"a\x00b"`:     {name},
		`-7`:           {count.Descending()},
		`"a\x00b", -7`: {name, count},
		`-7, "a\x00b"`: {count.Descending(), name.Descending()},
		``:             {unread, name},
	} {
		o := newOrderer(order)
		key := o.keysOf([]row{{"a\x00b", -7}}).At(0)
		if got := o.text(key); got != want {
			t.Errorf("text = %s, want %s", got, want)
		}
		if got := o.text(key[:len(key)-1]); len(order) > 1 && want == `"a\x00b", -7` && got != "" {
			t.Errorf("text of a key that is cut off = %s, want none", got)
		}
	}
}
