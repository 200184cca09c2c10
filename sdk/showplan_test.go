package sdk_test

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/outline"
	"github.com/sheafdata/sheaf/internal/plan"
)

// TestShowPlan asks a program for its plan: it prints it and nothing else, and
// touches no file.
func TestShowPlan(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	input := p.file(t, "in.txt", []byte("boom\n"))
	base := []string{"--input", input, "--output", p.out, "--sheaf.parallelism=3"}
	tests := []struct {
		flag  string
		check func(text string) bool
	}{
		{"--sheaf.plan", func(text string) bool { return strings.Contains(text, "┌─ stage 0: 1 task ─") }},
		{"--sheaf.plan=text", func(text string) bool { return strings.HasPrefix(text, "shout: 1 stage, ") }},
		{"--sheaf.plan=json", func(text string) bool {
			o, err := outline.Read([]byte(text))
			return err == nil && o.Job == "shout" && o.Slots == 3 && *o.Stages[0].Source.Bytes == 5
		}},
		{"--sheaf.plan=dot", func(text string) bool { return strings.HasPrefix(text, `digraph "shout" {`) }},
		{"--sheaf.plan=svg", func(text string) bool { return xml.Unmarshal([]byte(text), new(struct{})) == nil }},
	}
	for _, test := range tests {
		e := p.run(t, "shout", append([]string{test.flag}, base...)...)
		if e.code != 0 || !test.check(e.stdout) || e.stderr != "" {
			t.Errorf("%s: %v", test.flag, e)
		}
	}
	e := p.asked(t, plan.ModeOutline, "shout", base...)
	if _, err := outline.Read([]byte(e.stdout)); err != nil || e.code != 0 || e.stderr != "" {
		t.Errorf("asked by a tool: %v (%v)", e, err)
	}
	if left, err := os.ReadDir(p.side); err != nil || len(left) > 0 {
		t.Errorf("plans left %v (%v) beside the destination", left, err)
	}
	if left, err := os.ReadDir(filepath.Join(p.dir, "tmp")); err != nil || len(left) > 0 {
		t.Errorf("plans left %v (%v) among temporary files", left, err)
	}
}

func TestShowPlanRefuses(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	tests := []struct {
		name string
		mode string
		args []string
		want string
	}{
		{"unknown form", "", []string{"--input=x", "--output=y", "--sheaf.plan=png"}, "there is no such form of a plan: choose from text, json, dot, svg"},
		{"form apart", "", []string{"--input=x", "--output=y", "--sheaf.plan", "svg"}, "as in --sheaf.plan=svg"},
		{"missing flag", "", []string{"--input=x", "--sheaf.plan"}, "--output"},
		{"missing flag, asked by a tool", plan.ModeOutline, []string{"--input=x"}, "--output"},
		{"submitted", plan.ModePlan, []string{"--input=x", "--output=y", "--sheaf.plan"}, `ask "sheaf plan" or the program itself`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if e := p.asked(t, test.mode, "copy", test.args...); e.code != 2 || !strings.Contains(e.stderr, test.want) || e.stdout != "" {
				t.Errorf("%v\nwant code 2 and %q", e, test.want)
			}
		})
	}
	if e := p.asked(t, plan.ModeOutline, "copy", "--help"); e.code != 0 || !strings.Contains(e.stdout, "--sheaf.plan") {
		t.Errorf("--help, asked by a tool: %v", e)
	}
}
