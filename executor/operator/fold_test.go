package operator

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// joinAll folds strings into one that shows their order.
func joinAll(t testing.TB) *Exchange {
	return Fold(Folding[string, []string, string]{
		State: typeOf[[]string](t), Out: edgeOf[string](t),
		Init:   func() []string { return nil },
		Fold:   func(s *[]string, rows []string) { *s = append(*s, rows...) },
		Merge:  func(s *[]string, o []string) { *s = append(*s, o...) },
		Finish: func(s []string) string { return strings.Join(s, " ") },
	})
}

// TestFold holds that there is one row, whatever comes in, and that states are
// merged in the order of the map tasks.
func TestFold(t *testing.T) {
	long := make([]string, 1000)
	for i := range long {
		long[i] = fmt.Sprint("row", i)
	}
	for name, inputs := range map[string][][]string{
		"no task": nil, "no row": {nil, nil}, "some": {{"a", "b"}, nil, {"c"}}, "many": {long, {"z"}, long},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, 1<<10)
			got := shuffled[string, string](s, joinAll(t), 1, whole(1), inputs...)
			if want := strings.Join(slices.Concat(inputs...), " "); !slices.Equal(got, []string{want}) {
				t.Errorf("Fold gave %d rows, %.40q, want one of %.40q", len(got), got, want)
			}
		})
	}
}

// TestFoldHolds checks that the state stands in the books and owns its strings.
func TestFoldHolds(t *testing.T) {
	s := newSite(t, 32) // which refuses, but must give
	task := s.task(t.Context())
	f := newFolded[[]string](task, typeOf[[]string](t), nil)
	buffer := strings.Repeat("x", 1<<10)
	f.state = append(f.state, buffer[:8], buffer[8:20])
	f.own()
	if want := int64(24 + 2*16 + 20); f.held.Held() < want || f.held.Held() > want+64 {
		t.Errorf("%d bytes are held, want about %d", f.held.Held(), want)
	}
	f.held.Release()
}
