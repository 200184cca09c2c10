package sdk

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
)

type unrowable struct {
	Name string
	Sub  struct {
		List []struct{ Done chan int }
	}
}

type hidden struct {
	Name   string
	secret int
}

type recursive struct {
	Name     string
	Children []recursive
}

func lettersByKey(p *Pipeline) Dataset[KV[string, string]] {
	return KeyBy(Values(p, "a"), strings.ToLower)
}

// TestBuildErrors holds that a wrong graph is refused before any work, by a
// message that names the part at fault and the user's file and line.
func TestBuildErrors(t *testing.T) {
	none := func([]string) error { return nil }
	tests := []struct {
		name  string
		build func(p *Pipeline)
		want  []string
	}{
		{"field that no column holds", func(p *Pipeline) {
			Map(Values(p, "a"), func(string) unrowable { return unrowable{} })
		}, []string{"build_test.go:", "unrowable.Sub.List[].Done", "chan int", "cannot be stored"}},
		{"field that is not exported", func(p *Pipeline) {
			Map(Values(p, "a"), func(string) hidden { return hidden{secret: 1} })
		}, []string{"build_test.go:", "hidden.secret", "not exported", `sheaf:"-"`}},
		{"recursive type", func(p *Pipeline) {
			Map(Values(p, "a"), func(string) recursive { return recursive{} })
		}, []string{"build_test.go:", "recursive.Children[]", "contains itself"}},
		{"map as a row", func(p *Pipeline) {
			Map(Values(p, "a"), func(string) map[string]int { return nil })
		}, []string{"build_test.go:", "map[string]int", "cannot be stored"}},
		{"interface as a key", func(p *Pipeline) {
			Count(KeyBy(Values(p, "a"), func(string) any { return nil }))
		}, []string{"build_test.go:", "interface", "cannot be stored"}},
		{"nil function", func(p *Pipeline) { Map[string, string](Values(p, "a"), nil) },
			[]string{"build_test.go:", "Map needs a function"}},
		{"nil reducer", func(p *Pipeline) {
			MapReduce[string, string, int64, string](Values(p, "a"), func(string, func(string, int64)) {}, nil, nil)
		}, []string{"build_test.go:", "reducer"}},
		{"aggregator without merge", func(p *Pipeline) {
			Aggregate(KeyBy(Values(p, "a"), func(s string) string { return s }), Aggregator[string, int64, int64]{
				Add: func(*int64, string) {}, Finish: func(n int64) int64 { return n },
			})
		}, []string{"build_test.go:", "Merge"}},
		{"top of none", func(p *Pipeline) { TopK(Values(p, "a"), 0) }, []string{"build_test.go:", "TopK(0)"}},
		{"top of none by key", func(p *Pipeline) { TopKByKey(lettersByKey(p), 0) }, []string{"build_test.go:", "TopKByKey(0)"}},
		{"rank without an order", func(p *Pipeline) { Rank(lettersByKey(p)) }, []string{"build_test.go:", "Rank needs an order"}},
		{"lag without an order", func(p *Pipeline) { Lag(lettersByKey(p), 1) }, []string{"build_test.go:", "Lag needs an order"}},
		{"lag of no rows", func(p *Pipeline) { Lag(lettersByKey(p), 0, By(strings.ToLower)) }, []string{"build_test.go:", "Lag(0)"}},
		{"lead of too many rows", func(p *Pipeline) { Lead(lettersByKey(p), MaxWindow+1, By(strings.ToLower)) },
			[]string{"build_test.go:", "Lead(1000001)", "1000000"}},
		{"running aggregate without merge", func(p *Pipeline) {
			RunningAggregate(lettersByKey(p), Aggregator[string, int64, int64]{
				Add: func(*int64, string) {}, Finish: func(n int64) int64 { return n },
			}, By(strings.ToLower))
		}, []string{"build_test.go:", "RunningAggregate's Merge"}},
		{"moving aggregate over no rows", func(p *Pipeline) {
			MovingAggregate(lettersByKey(p), 0, Aggregator[string, int64, int64]{}, By(strings.ToLower))
		}, []string{"build_test.go:", "MovingAggregate(0)"}},
		{"sessions without a function", func(p *Pipeline) {
			GroupSessions[string, string, string](lettersByKey(p), func(string) time.Time { return time.Time{} }, time.Second, nil)
		}, []string{"build_test.go:", "GroupSessions needs a function"}},
		{"sessions without times", func(p *Pipeline) {
			GroupSessions(lettersByKey(p), nil, time.Second, func(string, time.Time, iter.Seq[string], Emit[string]) {})
		}, []string{"build_test.go:", "By needs a function"}},
		{"sessions with a negative gap", func(p *Pipeline) {
			GroupSessions(lettersByKey(p), func(string) time.Time { return time.Time{} }, -1, func(string, time.Time, iter.Seq[string], Emit[string]) {})
		}, []string{"build_test.go:", "negative"}},
		{"empty order", func(p *Pipeline) { Sort(Values(p, "a"), Order[string]{}) }, []string{"build_test.go:", "By"}},
		{"two sinks in one place", func(p *Pipeline) {
			Write(Values(p, "a"), "out", lineFormat{})
			Write(Values(p, "b"), "out", lineFormat{})
		}, []string{"build_test.go:", "out is written already"}},
		{"zero dataset", func(p *Pipeline) { Map(Dataset[string]{}, func(s string) string { return s }) },
			[]string{"build_test.go:", "Map of a zero Dataset"}},
		{"no sink", func(p *Pipeline) { Values(p, "a") }, []string{"writes nothing"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			job := Define("wrong", func(p *Pipeline, _ struct{}) error {
				test.build(p)
				if test.name != "no sink" {
					Collect(Values(p, "x"), none)
				}
				return nil
			})
			_, err := Run(t.Context(), job, struct{}{})
			wantError(t, err, test.want...)
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("error is of kind %v, want invalid", fault.KindOf(err))
			}
		})
	}
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
}

func TestMixedPipelines(t *testing.T) {
	t.Parallel()
	var stray Dataset[string]
	first := Define("first", func(p *Pipeline, _ struct{}) error {
		stray = Values(p, "a")
		Collect(stray, func([]string) error { return nil })
		return nil
	})
	if _, err := Run(t.Context(), first, struct{}{}); err != nil {
		t.Fatal(err)
	}
	second := Define("second", func(p *Pipeline, _ struct{}) error {
		Collect(Union(Values(p, "b"), stray), func([]string) error { return nil })
		return nil
	})
	_, err := Run(t.Context(), second, struct{}{})
	wantError(t, err, "build_test.go:", "another pipeline")
}

// TestUserFailures holds what a user reads when a function of theirs fails:
// the place in the program, and the place of the row.
func TestUserFailures(t *testing.T) {
	bad := errors.New("this one is bad")
	words := func(p *Pipeline) Dataset[string] {
		rows := make([]string, 3000)
		for i := range rows {
			rows[i] = fmt.Sprint("w", i)
		}
		return Values(p, rows...)
	}
	check := func(s string) string {
		if s == "w2024" {
			return s[len(s):][1:]
		}
		return s
	}
	tests := []struct {
		name  string
		build func(p *Pipeline) Dataset[string]
		want  []string
	}{
		{"panic in Map", func(p *Pipeline) Dataset[string] { return Map(words(p), check) },
			[]string{"build_test.go:", "slice bounds out of range", "value 2024"}},
		{"panic behind FlatMap", func(p *Pipeline) Dataset[string] {
			twice := FlatMap(words(p), func(s string, emit Emit[string]) { emit(s); emit(s) })
			return Map(Map(twice, func(s string) string { return s }), check)
		}, []string{"build_test.go:", "out of range", "value 2024"}},
		{"error of MapErr", func(p *Pipeline) Dataset[string] {
			return MapErr(words(p), func(_ *Context, s string) (string, error) {
				if s == "w2024" {
					return "", bad
				}
				return s, nil
			})
		}, []string{"this one is bad", "value 2024"}},
		{"error of FilterErr", func(p *Pipeline) Dataset[string] {
			return FilterErr(words(p), func(_ *Context, s string) (bool, error) { return true, errIf(s == "w2024", bad) })
		}, []string{"this one is bad", "value 2024"}},
		{"error of FlatMapErr", func(p *Pipeline) Dataset[string] {
			return FlatMapErr(words(p), func(_ *Context, s string, emit Emit[string]) error { return errIf(s == "w2024", bad) })
		}, []string{"this one is bad", "value 2024"}},
		{"panic in a key function", func(p *Pipeline) Dataset[string] {
			return Sort(words(p), By(check))
		}, []string{"build_test.go:", "out of range", "value 2024"}},
		{"panic in Reduce", func(p *Pipeline) Dataset[string] {
			pairs := KeyBy(words(p), func(s string) bool { return s == "w2023" || s == "w2024" })
			return Map(Reduce(pairs, func(a, b string) string { return check(b) }), func(r KV[bool, string]) string { return r.Value })
		}, []string{"build_test.go:", "out of range"}},
		{"panic behind an exchange", func(p *Pipeline) Dataset[string] { return Map(Distinct(words(p)), check) },
			[]string{"build_test.go:", "out of range", "partition"}},
		{"panic in GroupByKey", func(p *Pipeline) Dataset[string] {
			return GroupByKey(KeyBy(words(p), func(s string) string { return s }), func(k string, _ iter.Seq[string], emit Emit[string]) { emit(check(k)) })
		}, []string{"build_test.go:", "out of range", "partition"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			job := Define("failing", func(p *Pipeline, _ struct{}) error {
				Collect(test.build(p), func([]string) error { return nil })
				return nil
			})
			_, err := Run(t.Context(), job, struct{}{}, Options{Tmp: []string{t.TempDir()}})
			wantError(t, err, test.want...)
			if fault.KindOf(err) != fault.User {
				t.Errorf("error is of kind %v, want user", fault.KindOf(err))
			}
			if strings.Contains(test.name, "panic") && !strings.Contains(fault.Detail(err), "TestUserFailures") {
				t.Errorf("detail has no frame of the user's: %q", fault.Detail(err))
			}
			if strings.Contains(fault.Detail(err), "executor/task") {
				t.Errorf("detail has frames of the engine: %q", fault.Detail(err))
			}
		})
	}
}

func errIf(is bool, err error) error {
	if is {
		return err
	}
	return nil
}
