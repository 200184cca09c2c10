package args

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sheafdata/sheaf/internal/fault"
)

// readOnly reads text and does not write it.
type readOnly int

func (r *readOnly) UnmarshalText([]byte) error { *r = 1; return nil }

// shifty is another value each time it is read.
type shifty int

func (s *shifty) UnmarshalJSON(text []byte) error {
	var n int
	err := json.Unmarshal(text, &n)
	*s = shifty(n + 1)
	return err
}

// pointed writes itself behind a pointer only.
type pointed struct{ n int }

func (p *pointed) MarshalJSON() ([]byte, error) { return json.Marshal(p.n) }

func (p *pointed) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &p.n) }

func TestJSON(t *testing.T) {
	type iteration struct {
		Centers [][]float64
		Round   int
		Names   map[string]string
		At      time.Time
		Next    *iteration
		Point   pointed
	}
	in := iteration{
		Centers: [][]float64{{1.5, -2}, {0.1, 3e300}},
		Names:   map[string]string{"b": "<&>", "a": "ü"},
		At:      time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
		Next:    &iteration{Round: 1},
		Point:   pointed{n: 4},
	}
	text, err := JSON(in)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"Centers":[[1.5,-2],[0.1,3e+300]],"Round":0,"Names":{"a":"ü","b":"<&>"},"At":"2026-01-02T03:04:05.000000006Z",` +
		`"Next":{"Centers":null,"Round":1,"Names":null,"At":"0001-01-01T00:00:00Z","Next":null,"Point":0},"Point":4}`
	if text != want {
		t.Errorf("JSON(%+v) = %s, want %s", in, text, want)
	}
	if behind, err := JSON(&in); err != nil || behind != text {
		t.Errorf("JSON of the pointer = %s, %v, want the same as of the value", behind, err)
	}
	out := iteration{Round: 99}
	if err := Set(&out, text); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, out, cmp.AllowUnexported(pointed{})); diff != "" {
		t.Errorf("arguments changed through JSON (-want +got):\n%s", diff)
	}
	if text, err := JSON(struct{}{}); err != nil || text != "{}" {
		t.Errorf("JSON(struct{}{}) = %s, %v, want {}", text, err)
	}
}

func TestJSONRefuses(t *testing.T) {
	var nothing *everything
	tests := []struct {
		name   string
		target any
		want   string // in the message
	}{
		{"nil", nil, "nil"},
		{"nil pointer", nothing, "nil"},
		{"hidden field", everything{hidden: 1}, "everything.hidden"},
		{"field left out", struct {
			A int `json:"-"`
		}{1}, ".A"},
		{"interface", struct{ A any }{1}, ".A"},
		{"interface in a list", struct{ A []any }{[]any{1}}, ".A"},
		{"broken text", struct{ A []string }{[]string{"\xff"}}, ".A"},
		{"broken key", struct{ A map[string]int }{map[string]int{"\xff": 1}}, ".A"},
		{"broken behind a pointer", &struct{ A *string }{new("\xff")}, ".A"},
		{"function", struct{ A func() }{}, "func()"},
		{"type that only reads", struct{ A readOnly }{3}, "MarshalText"},
		{"type that changes", struct{ A shifty }{3}, "change"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text, err := JSON(test.target)
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), test.want) {
				t.Errorf("JSON(%+v) = %s, %v, want an invalid error with %q", test.target, text, err, test.want)
			}
		})
	}
}

func TestSetRefuses(t *testing.T) {
	var target struct{ A int8 }
	tests := []struct {
		name   string
		target any
		text   string
	}{
		{"no pointer", target, "{}"},
		{"nil", nil, "{}"},
		{"cut off", &target, `{"A":1`},
		{"unknown field", &target, `{"A":1,"B":2}`},
		{"wrong type", &target, `{"A":"1"}`},
		{"out of range", &target, `{"A":128}`},
		{"two values", &target, `{"A":1} {"A":2}`},
		{"trailing junk", &target, `{"A":1}x`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := Set(test.target, test.text); fault.KindOf(err) != fault.Invalid {
				t.Errorf("Set(%s) = %v, want an invalid error", test.text, err)
			}
		})
	}
	target.A = 5
	if err := Set(&target, ""); err != nil || target.A != 0 {
		t.Errorf("Set of no text = %v with %+v, want the zero value", err, target)
	}
}
