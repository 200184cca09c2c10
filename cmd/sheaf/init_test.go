package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

// TestInit builds, tests and runs what the command writes, and asks for its plan,
// with nothing but what this checkout is built with.
func TestInit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sales of may")
	got := sheaf(t, "init", "--json", dir, "--module", "example.com/sales")
	got.want(t, exitOK)
	var o initObject
	if err := json.Unmarshal([]byte(got.stdout), &o); err != nil || o.Module != "example.com/sales" || o.Version != "v0.0.0" || o.Checkout == "" || len(o.Files) != 6 {
		t.Fatalf("init says %+v (%v), want a module of 6 files that is built with this checkout", o, err)
	}
	// No network; what the module needs is what this one has.
	for name, value := range map[string]string{"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOSUMDB": "off", "GOWORK": "off"} {
		t.Setenv(name, value)
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	if out := run("test", "-count=1", "./..."); !strings.Contains(out, "ok  \texample.com/sales") {
		t.Errorf("go test says %s", out)
	}
	run("run", ".", "--input", "testdata/*.csv", "--output", "out")
	if text, err := os.ReadFile(filepath.Join(dir, "out", "part-00000.csv")); err != nil || !strings.HasPrefix(string(text), "customer,cents\n") {
		t.Errorf("the job wrote %q (%v), want totals", text, err)
	}
	// From outside of its module.
	plan := sheaf(t, "plan", dir, "--input", filepath.Join(dir, "testdata/*.csv"), "--output", filepath.Join(dir, "other"))
	plan.want(t, exitOK)
	if !strings.Contains(plan.stdout, "sales: 2 stages, 1 exchange, 1 output\n") || !strings.Contains(plan.stdout, "1 file, ") {
		t.Errorf("the plan is\n%s", plan.stdout)
	}
}

func TestInitRefuses(t *testing.T) {
	dir := t.TempDir()
	full := filepath.Join(dir, "full")
	if err := os.Mkdir(full, 0o777); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(full, "main.go")
	if err := os.WriteFile(file, []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"no directory", nil, "DIR is missing"},
		{"a directory that is not empty", []string{full}, full + " holds main.go already: give a directory that is new or empty, or --force"},
		{"a file", []string{file}, "not a directory: give a directory that does not exist yet"},
		{"a name that no module has", []string{filepath.Join(dir, "a job")}, "name it by --module"},
		{"a wrong module", []string{filepath.Join(dir, "new"), "--module", "a b"}, "--module: malformed import path"},
		{"Sheaf itself", []string{filepath.Join(dir, "new"), "--module", "github.com/sheafdata/sheaf/job"}, "name a module of your own"},
		{"no checkout", []string{filepath.Join(dir, "new"), "--checkout", dir}, "no checkout of Sheaf is there"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sheaf(t, append([]string{"init"}, test.args...)...).want(t, exitUsage, test.want)
		})
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "mine" {
		t.Errorf("the file that was there holds %q (%v)", text, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("a refused init made its directory")
	}
	sheaf(t, "init", full, "--force").want(t, exitOK, "holds the module example.com/full", "go mod tidy")
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), `sdk.Define("full", build)`) {
		t.Errorf("with --force the file holds %q (%v)", text, err)
	}
}

func TestReleased(t *testing.T) {
	tests := []struct {
		module debug.Module
		want   bool
	}{
		{debug.Module{Version: "v1.2.3"}, true},
		{debug.Module{Version: "v1.2.3-rc.1"}, true},
		{debug.Module{Version: "v0.0.0-20260504030201-0123456789ab", Sum: "h1:x"}, true},
		{debug.Module{Version: "v0.0.0-20260504030201-0123456789ab"}, false},
		{debug.Module{Version: "v1.2.4-0.20260504030201-0123456789ab"}, false},
		{debug.Module{Version: "v1.2.3+dirty"}, false},
		{debug.Module{Version: "(devel)"}, false},
		{debug.Module{}, false},
	}
	for _, test := range tests {
		if got := released(&test.module); got != test.want {
			t.Errorf("released(%+v) = %v, want %v", test.module, got, test.want)
		}
	}
}
