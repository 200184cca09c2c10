package program

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
)

func wantInvalid(t *testing.T, call string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) || fault.KindOf(err) != fault.Invalid {
		t.Errorf("%s = %v (kind %v), want an error with %q of kind %v", call, err, fault.KindOf(err), want, fault.Invalid)
	}
}

// module makes a Go module of one program, and returns its directory.
func module(t *testing.T, source string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.org/other\n\ngo 1.26\n", "main.go": source} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func builtFrom(t *testing.T, dir string, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	cmd := exec.CommandContext(t.Context(), "go", append(append([]string{"build"}, flags...), "-o", path, ".")...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// TestPrepareRefusesProgramsWithoutSheaf holds that submitting a wrong program
// does not run it.
func TestPrepareRefusesProgramsWithoutSheaf(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark")
	other := module(t, "package main\n\nimport \"os\"\n\nfunc main() { os.WriteFile("+`"`+mark+`"`+", nil, 0o600) }\n")
	tests := []struct{ name, path, want string }{
		{"not Go", shell(), "is no Go program"},
		{"another module", builtFrom(t, other), "is not built with " + modulePath},
		{"another module, stripped", builtFrom(t, other, "-trimpath", "-ldflags=-s -w"), "is not built with " + modulePath},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.path == "" {
				t.Skip("SKIPPED: a machine's program that is not Go: there is no sh")
			}
			p, err := Prepare(t.Context(), test.path, Native(), io.Discard)
			wantInvalid(t, "Prepare of a program that is "+test.name, err, test.want)
			if err == nil {
				_ = p.Close() // the test has failed already
			}
		})
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("the program was run")
	}
}

// shell returns the path of the shell's own file, or nothing.
func shell() string {
	path, err := exec.LookPath("sh")
	if err != nil {
		return ""
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return ""
	}
	return path
}

func TestPrepareTakesProgramsWithSheaf(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := Prepare(t.Context(), self, Native(), io.Discard)
	if err != nil {
		t.Fatalf("Prepare(%s) = %v, want no error", self, err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("Close() = %v, want no error", err)
	}
}

// TestProposeBoundsWhatAProgramPrints holds that a program which prints without
// an end is stopped, and not kept in memory until its time is up.
func TestProposeBoundsWhatAProgramPrints(t *testing.T) {
	endless := module(t, "package main\n\nimport \"os\"\n\nfunc main() {\n\tfor b := make([]byte, 1<<20); ; {\n\t\tif _, err := os.Stdout.Write(b); err != nil {\n\t\t\treturn\n\t\t}\n\t}\n}\n")
	p := &Program{native: builtFrom(t, endless)}
	_, err := p.Propose(t.Context(), nil, io.Discard, io.Discard)
	wantInvalid(t, "Propose", err, "the program printed more than")
}
