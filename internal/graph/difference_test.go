package graph

import (
	"strings"
	"testing"
)

func TestDifference(t *testing.T) {
	lines := []string{"0 Read at a/main.go:3 text in", "1 Map at a/main.go:4 <0 gives string", "2 Write at a/main.go:5 <1"}
	long := strings.Repeat("x", 1000)
	tests := []struct {
		name           string
		args, builtFor string
		built          []string
		want           string // in the sentence; empty means no difference
	}{
		{"same", "{}", "{}", lines, ""},
		{"arguments first", `{"A":1}`, `{"A":2}`, nil, "the arguments were \"{\\\"A\\\":1}\" and are \"{\\\"A\\\":2}\" here"},
		{"long arguments", long + "1" + long, long + "2" + long, lines, "x1x"},
		{"another type", "{}", "{}", []string{lines[0], "1 Map at a/main.go:4 <0 gives int64", lines[2]}, `is "1 Map at a/main.go:4 <0 gives int64" here`},
		{"one more", "{}", "{}", append(lines[:3:3], "3 Collect"), `operator "3 Collect" is new here`},
		{"one less", "{}", "{}", lines[:2], `operator "2 Write at a/main.go:5 <1" is missing here`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := Difference(test.args, test.builtFor, lines, test.built)
			if (got == "") != (test.want == "") || !strings.Contains(got, test.want) || len(got) > 1000 {
				t.Errorf("Difference = %q, want %q in it", got, test.want)
			}
		})
	}
}
