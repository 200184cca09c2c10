package main

import (
	"context"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/golden"
	"github.com/sheafdata/sheaf/internal/outline"
)

// TestPlan builds a package and shows its plan in each form.
func TestPlan(t *testing.T) {
	dir := t.TempDir()
	input := filepath.Join(dir, "in.txt")
	if err := os.WriteFile(input, []byte("to be or not\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	program := []string{"./testdata/programs/ways", "--", "--input", input, "--counts", "absent/counts", "--sorted", "absent/sorted", "--gate", "gate", "--sheaf.parallelism=4"}
	plan := func(flags ...string) string {
		got := sheaf(t, append(append([]string{"plan"}, flags...), program...)...)
		got.want(t, exitOK)
		if got.stderr != "" {
			t.Errorf("plan %q says %q, want nothing", flags, got.stderr)
		}
		return strings.ReplaceAll(got.stdout, dir, "/dir")
	}
	o, err := outline.Read([]byte(plan("--json")))
	if err != nil {
		t.Fatal(err)
	}
	text, err := o.Show(outline.Text) // its columns depend on no temporary name
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, filepath.Join("testdata", "plan", "ways.txt"), text)
	if got := plan(); !strings.HasPrefix(got, "ways: 3 stages, 2 exchanges, 2 outputs\n") {
		t.Errorf("plan prints\n%s", got)
	}
	if got := plan("--dot"); !strings.HasPrefix(got, `digraph "ways" {`) {
		t.Errorf("plan --dot prints\n%s", got)
	}
	if got := plan("--svg"); xml.Unmarshal([]byte(got), new(struct{})) != nil {
		t.Errorf("plan --svg prints\n%s", got)
	}
	if _, err := os.Stat("absent"); err == nil {
		t.Error("a plan made the output's directory")
	}
	got := sheaf(t, "plan", program[0], "--", "--help")
	got.want(t, exitOK)
	if !strings.Contains(got.stdout, "--counts") {
		t.Errorf("plan of --help prints %q, want the program's help text", got.stdout)
	}
}

// TestPlanRefuses holds what a new user does wrong.
func TestPlanRefuses(t *testing.T) {
	other := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.org/other\n\ngo 1.26\n", "main.go": "package main\n\nfunc main() { println(1) }\n"} {
		if err := os.WriteFile(filepath.Join(other, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name string
		args []string
		want []string
	}{
		{"no program", nil, []string{"PACKAGE or BINARY is missing"}},
		{"two forms", []string{"--dot", "--svg", "x"}, []string{"[dot svg]"}},
		{"no main package", []string{"./testdata/programs/library"}, []string{"./testdata/programs/library is no program: its package must be main, and its main function call sdk.Main"}},
		{"no job", []string{other}, []string{other + " is not built with github.com/sheafdata/sheaf: only a program whose main function calls sdk.Main has a plan"}},
		{"errors of the compiler", []string{"./testdata/programs/broken"}, []string{"main.go:3:22: too many return values", "the compiler found errors"}},
		{"no package", []string{"./testdata/programs/absent"}, []string{"./testdata/programs/absent is not there"}},
		{"another processor", []string{arm(t)}, []string{"is a program for linux/arm64 and this machine runs"}},
		{"wrong argument", []string{wordcount(t), "--bad", "--svg"}, []string{"unknown flag --bad", "(exit status 2): flags of sheaf plan itself (--svg) stand before the program"}},
		{"no plan", []string{wordcount(t), "--silent"}, []string{"the program printed no plan: its main function must call sdk.Main"}},
		{"a line before the plan", []string{wordcount(t), "--chatty"}, []string{"the program printed no plan"}},
		{"a newer plan", []string{wordcount(t), "--newer"}, []string{"prints plans of version 2 and this command reads version 1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := sheaf(t, append([]string{"plan"}, test.args...)...)
			got.want(t, exitUsage, test.want...)
			if got.stdout != "" {
				t.Errorf("stdout = %q, want nothing", got.stdout)
			}
		})
	}
}

// TestPlanIsInterrupted ends the command while it builds.
func TestPlanIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr strings.Builder
	code := execute(ctx, []string{"plan", "./testdata/programs/good"}, &console{stdout: &stdout, stderr: &stderr, getenv: func(string) string { return "" }})
	if code != exitInterrupted || stdout.Len() > 0 || stderr.String() != "sheaf plan: interrupted\n" {
		t.Errorf("an interrupted plan ends with %d and says %q and %q, want %d", code, &stdout, &stderr, exitInterrupted)
	}
}
