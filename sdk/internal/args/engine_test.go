package args

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sheafdata/sheaf/internal/outline"
	"github.com/sheafdata/sheaf/internal/progress"
)

func TestEngine(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	defaults := Engine{Parallelism: 8, MemoryBytes: 8 << 30, Tmp: []string{"/"}, Codec: "s2", Progress: "auto"}
	with := func(change func(*Engine)) Engine { e := defaults; change(&e); return e }
	tests := []struct {
		name string
		argv []string
		env  map[string]string
		want Engine
	}{
		{"defaults", nil, nil, defaults},
		{"flags", []string{"--sheaf.parallelism", "4096", "-sheaf.memory=16GiB", "--sheaf.tmp", a + "," + b, "--sheaf.codec=zstd-7", "--sheaf.progress=json", "--sheaf.overwrite"}, nil,
			Engine{Parallelism: 4096, MemoryBytes: 16 << 30, Tmp: []string{a, b}, Codec: "zstd-7", Progress: "json", Overwrite: true,
				Given: []string{"parallelism", "memory", "tmp", "codec", "progress", "overwrite"}}},
		{"environment", nil, map[string]string{"SHEAF_PARALLELISM": "3", "SHEAF_MEMORY": "16MiB", "SHEAF_TMP": a, "SHEAF_CODEC": "none", "SHEAF_PROGRESS": "none", "SHEAF_OVERWRITE": "1"},
			Engine{Parallelism: 3, MemoryBytes: 16 << 20, Tmp: []string{a}, Codec: "none", Progress: "none", Overwrite: true}},
		{"flags win over the environment, even over a broken one", []string{"--sheaf.parallelism=2", "--sheaf.overwrite=false", "--sheaf.tmp=" + b, "--sheaf.tmp=" + a},
			map[string]string{"SHEAF_PARALLELISM": "junk", "SHEAF_OVERWRITE": "true", "SHEAF_TMP": a},
			with(func(e *Engine) {
				e.Parallelism, e.Tmp, e.Given = 2, []string{b, a}, []string{"parallelism", "tmp", "overwrite"}
			})},
		{"a plan", []string{"--sheaf.plan"}, nil, with(func(e *Engine) { e.Plan, e.Given = outline.Text, []string{"plan"} })},
		{"a plan in a form", []string{"--sheaf.plan=svg"}, nil, with(func(e *Engine) { e.Plan, e.Given = outline.SVG, []string{"plan"} })},
		{"a plan by the environment", nil, map[string]string{"SHEAF_PLAN": "json"}, with(func(e *Engine) { e.Plan = outline.JSON })},
		{"an empty variable is none", nil, map[string]string{"SHEAF_MEMORY": "", "SHEAF_TMP": ""}, defaults},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parse(testHost(test.env), "p", "", &struct{}{}, test.argv, io.Discard)
			if err != nil {
				t.Fatalf("Parse(%q) = %v, want no error", test.argv, err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("Parse(%q) differs (-want +got):\n%s", test.argv, diff)
			}
		})
	}
}

func TestTmpIsAbsolute(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Mkdir("here", 0o700); err != nil {
		t.Fatal(err)
	}
	e, err := parse(testHost(nil), "p", "", &struct{}{}, []string{"--sheaf.tmp=here"}, io.Discard)
	if want := filepath.Join(dir, "here"); err != nil || len(e.Tmp) != 1 || e.Tmp[0] != want {
		t.Errorf("Parse(--sheaf.tmp=here) = %v, %v, want %s", e.Tmp, err, want)
	}
}

func TestSystemTmpIsMissing(t *testing.T) {
	h := testHost(nil)
	h.tmp = filepath.Join(t.TempDir(), "none")
	_, err := parse(h, "p", "", &struct{}{}, nil, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "TMPDIR") || !strings.Contains(err.Error(), "--sheaf.tmp") {
		t.Errorf("Parse() without a directory for temporary files = %v, want an error that names TMPDIR and --sheaf.tmp", err)
	}
	if _, err := parse(h, "p", "", &struct{}{}, []string{"--sheaf.tmp=" + t.TempDir()}, io.Discard); err != nil {
		t.Errorf("Parse(--sheaf.tmp=DIR) = %v, want no error", err)
	}
}

// TestThisMachine parses with the bounds of the machine that runs the test.
func TestThisMachine(t *testing.T) {
	e, err := Parse("p", "", &struct{}{}, []string{"--sheaf.memory=16MiB"}, io.Discard)
	if err != nil || e.Parallelism < 1 || e.MemoryBytes != 16<<20 {
		t.Errorf("Parse() = %+v, %v, want at least one task at once", e, err)
	}
	if _, err := Parse("p", "", &struct{}{}, []string{"--sheaf.memory=7EiB"}, io.Discard); err == nil {
		t.Error("Parse(--sheaf.memory=7EiB) = nil, want an error")
	}
}

// TestProgressModes keeps the flag and the modes together.
func TestProgressModes(t *testing.T) {
	for _, mode := range progress.Modes() {
		if _, err := parse(testHost(nil), "p", "", &struct{}{}, []string{"--sheaf.progress=" + mode}, io.Discard); err != nil {
			t.Errorf("Parse(--sheaf.progress=%s) = %v, want no error", mode, err)
		}
	}
}
